// dataset.json as the Medical Segmentation Decathlon, nnU-Net (1 and 2) and AMOS write it.
// Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/source_tree.h"
#include "importers/importer.h"

namespace slicebank::internal {

// One class, or a region made of several values.
struct DeclaredLabel {
  std::string name;                   // verbatim
  std::string code;                   // "3"; of a region "1,2,3"
  std::vector<std::uint32_t> values;  // in a label map; one at least
};

struct DatasetJson {
  std::string path;  // where it was read
  std::string name;
  std::string description;
  std::string reference;
  std::string licence;
  std::string release;

  // In the order of their numbers; "channel_names", or "modality" of older files.
  std::vector<std::string> channels;
  std::vector<DeclaredLabel> labels;           // in declared order, without background and ignore
  std::optional<std::uint32_t> ignored_value;  // nobody said what is there
  bool has_background = false;                 // under 0
  std::optional<std::size_t> regions_order;    // how many "regions_class_order" has

  std::string file_ending;                      // ".nii.gz" where it is not there
  bool has_file_ending = false;                 // nnU-Net 2 writes it
  bool has_channel_names = false;               // nnU-Net 2 again
  std::optional<std::uint32_t> training_count;  // "numTraining"
  std::optional<std::uint32_t> test_count;      // "numTest"

  // Entries of the lists "training", "validation" and "test", paths as written.
  struct Entry {
    std::string image;
    std::string label;  // empty: none
  };
  struct Split {
    std::string name;  // the key
    std::vector<Entry> entries;
  };
  std::vector<Split> splits;

  // nnU-Net's "dataset": paths of cases, as written.
  struct Case {
    std::string name;
    std::vector<std::string> images;
    std::string label;
  };
  std::optional<std::vector<Case>> cases;

  std::vector<Problem> problems;  // what is odd, and what could not be understood
};

// Throws Error(bad_format) where the file is no JSON object, Error(not_found), Error(limit).
// A part of it that cannot be understood becomes a problem.
DatasetJson read_dataset_json(const SourceTree& source, const std::string& path);

// For recognise(): nothing where the file is not there or cannot be read.
std::optional<DatasetJson> peek_dataset_json(const std::filesystem::path& root,
                                             const std::string& folder);

// What describe() says of a dataset with such a file. Classes get their meaning from
// `task`, the dataset's name without its number ("Lung": see msd_tasks.h).
DatasetInfo dataset_info(const DatasetJson& json, const std::string& name, const std::string& task);

// One mask a declared label, all in the file `path`.
std::vector<MaskSource> label_masks(const DatasetJson& json, const std::string& task,
                                    const std::string& path);

// What an item of these channels is called: the word of the first channel where there is
// one, the modality's name where they are sequences of one modality, nothing where the
// taxonomy knows none of them or they are of several modalities.
std::string modality_of_channels(const std::vector<std::string>& channels);

// What decode() has to know of channels and values, as SourceItem::place holds it.
struct VolumePlace {
  std::vector<std::string> channels;
  std::optional<std::uint32_t> ignored_value;
  std::string spacing;  // x y z in millimetres, where a file beside the image has it
};
std::string written(const VolumePlace& place);
VolumePlace read_place(const std::string& text);

// Three numbers above 0, or nothing.
std::optional<std::array<double, 3>> parse_spacing(const std::string& text);

}  // namespace slicebank::internal
