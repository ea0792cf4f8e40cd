// Banks and folders that the command's tests work on.
#pragma once

#include <filesystem>
#include <string>

namespace slicebank::testing {

// A small phantom dataset in the SA-Med2D layout, made once a process.
const std::filesystem::path& phantom_folder();

// A fresh bank of it at `bank`, by the command.
void import_phantom(const std::filesystem::path& bank);

// The logical digest, by the command.
std::string digest_of(const std::filesystem::path& bank);

std::string read_text(const std::filesystem::path& file);

}  // namespace slicebank::testing
