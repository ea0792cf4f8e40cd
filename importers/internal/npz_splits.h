// What the benchmarks of one npz a task have in common (MedMNIST, MedSegBench): file names,
// splits, rows. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/array.h"
#include "formats/npz_reader.h"
#include "formats/source_tree.h"
#include "importers/importer.h"

namespace slicebank::internal {

inline constexpr std::array<std::string_view, 3> kSplits = {"train", "val", "test"};

// "{flag}.npz" or "{flag}_{size}.npz"; flags may hold "_" and "-" themselves.
struct SplitFile {
  std::string path;
  std::string stem;
  std::string flag;
  std::string size;  // digits, or empty
};

SplitFile split_file(const std::string& path);

// The npz files in the root, ascending by name; of the first `entries` of its entries.
std::vector<SplitFile> split_files(const std::filesystem::path& root, std::uint64_t entries);

// Whether the file has `{split}{suffix}` for one of the splits. Throws as NpzReader.
bool has_split_member(const SourceTree& source, const std::string& path, std::string_view suffix);

// Those of the files that may be of a family: its `known` flags, and files with a member
// `{split}{suffix}`. One that cannot be read may be one all the same: scan() says what is
// wrong with it.
std::vector<SplitFile> split_files_of(const SourceTree& source, std::string_view suffix,
                                      const std::function<bool(const std::string& flag)>& known);

// The person of a row, of whom nothing is known but the place: the same row of the same
// task at another size is the same image, where both splits have as many rows. The official
// number is left out, so that `official` files need not be imported at once.
std::string row_patient(std::string_view split, std::uint64_t rows, std::uint64_t official,
                        std::uint64_t row);

// "000123"
std::string row_text(std::uint64_t row);

// Where decode() finds the rows of an item: members, and the row in all of them.
struct RowPlace {
  std::vector<std::string> members;
  std::uint64_t row = 0;
};
std::string to_text(const RowPlace& place);
RowPlace row_place(const SourceItem& item);

// One row of a member as an array; what goes wrong becomes an ItemError that names the file.
Array row_of(const SourceTree& source, const SourceItem& item, const std::string& member,
             std::uint64_t row);

// Rows of the member, and nothing for one that is not there or refused: then `problem` says so.
std::optional<std::uint64_t> rows_of(const NpzReader& npz, const std::string& member,
                                     const std::string& path, std::vector<Problem>& problems);

}  // namespace slicebank::internal
