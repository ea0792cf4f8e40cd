// The few things a bank asks of the file system itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "schema/error.h"

namespace slicebank {

// What errno says about an attempt to `what` the path, with the code that fits.
Error system_error(const std::filesystem::path& path, const char* what);

// Makes file contents, or the entries of a folder, survive a power cut. Error(io).
void sync_path(const std::filesystem::path& path);

// Writes and syncs a new file. Error(already_exists), Error(out_of_space), Error(io).
void write_new_file(const std::filesystem::path& path, std::string_view text);

// At most `bytes_max`; Error(not_found), Error(corrupt) when it is longer, Error(io).
std::string read_small_file(const std::filesystem::path& path, std::size_t bytes_max);

// Name of the kind of network file system `path` lies on, or empty when it is local.
std::string network_filesystem(const std::filesystem::path& path);

// The name for a statfs f_type; empty for local ones. Apart, so that it can be tested.
std::string network_filesystem_name(long long type);

// Error(bad_argument) when a bank there would be at risk and `allowed` is false.
void refuse_network_filesystem(const std::filesystem::path& path, bool allowed);

// Whether a folder's disk or quota is full, found out by writing 256 KiB and throwing them
// away: libraries report a full disk as an I/O error, and statvfs knows of no quota.
bool no_space_left(const std::filesystem::path& folder) noexcept;

std::uint64_t file_size_or_zero(const std::filesystem::path& path);

}  // namespace slicebank
