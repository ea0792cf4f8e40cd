// Split files that came with data: lists of names by side, and which rows they mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slicebank {

// The names that one file gives to one side.
struct ListedSide {
  std::string side;     // train, val and test under any of their spellings; else as it is
  std::string file;     // which file says so
  std::string dataset;  // whose names they are, where the file or its name says so
  std::vector<std::string> ids;
};

struct ListedSplit {
  std::string name;
  std::vector<ListedSide> lists;
};

// Reads a file, or all .json, .jsonl, .txt and .csv files of a folder as one split:
// - JSON, an object of side -> list of names (SAT-DS's split_json, whose file name is the
//   dataset; MSD's dataset.json, whose training list holds objects with "image"); other
//   members are passed over
// - JSON, a list of such objects: nnU-Net's splits_final.json; each fold is a split
// - JSON lines with "dataset", "patient_id" or "image", and "official_split"; without the
//   latter the file's name is the side
// - text, a name a line; the file's name is the side: MedBank's train.txt, val.txt, test.txt
// - CSV with the columns key (or id, or subject) and side (or split), and dataset if it has one
// Throws Error(not_found, io), Error(bad_format) naming file and place, and Error(limit) for
// a file above 1 GB.
std::vector<ListedSplit> read_split_lists(const std::filesystem::path& path);

// What a row goes by. Whatever it has none of is empty.
struct RowNames {
  std::string_view dataset;
  std::string_view subject;
  std::string_view key;   // of the volume or case; a path where it is one
  std::string_view file;  // path
  std::string_view name;  // of the slice
};

struct ListPlaces {
  std::vector<std::string> sides;
  // Row and side, ascending by row, each row once.
  std::vector<std::pair<std::uint64_t, std::uint16_t>> places;
  // A name on several sides of one file, or two names on different sides that mean one row.
  struct Twice {
    std::string file;
    std::string id;
    std::vector<std::string> sides;  // two for two names, in their order
    std::string other_file;          // of the second name; empty for one name
    std::string other_id;

    std::string text() const;  // one line for a person
  };
  std::vector<Twice> listed_twice;
  // Lists of the split, by number, that no row answers to at all; and how many names of the
  // other lists found no row, with the first 1000 of them as "file: name".
  std::vector<std::size_t> unknown_lists;
  std::uint64_t unmatched = 0;
  std::vector<std::string> unmatched_names;
};

// Finds what the names mean. A name is a slice, a file, a key or a subject's id: compared
// whole, or by the last parts of a path, endings (.nii.gz, .png) and nnU-Net's channel
// (_0000) aside; failing all these it is a folder of the row's path. Where several names mean a
// row, the first of these kinds decides its side. As soon as one list's dataset is in `datasets`,
// every list names rows of its own dataset only. `rows` calls its argument once a row; it is run
// twice.
ListPlaces place_lists(
    const ListedSplit& split, const std::set<std::string>& datasets,
    const std::function<void(const std::function<void(std::uint64_t, const RowNames&)>&)>& rows);

}  // namespace slicebank
