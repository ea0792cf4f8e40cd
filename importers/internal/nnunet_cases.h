// The cases of an nnU-Net dataset: which files belong together. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "importers/internal/dataset_json.h"

namespace slicebank::internal {

struct NnunetDataset {
  std::string folder;  // relative to the root; empty for the root itself
  std::string name;
  std::string task;
  DatasetJson json;
};

struct NnunetCase {
  struct Channel {
    std::uint32_t number = 0;
    std::string path;  // relative to the root
  };

  std::string name;
  std::string split;  // "training" or "test"
  std::vector<Channel> channels;
  std::string label_path;         // empty: none is expected
  std::string spacing_path;       // the json beside a TIFF, where it is there
  std::vector<Problem> problems;  // without channels: why it is lost
};

struct NnunetCases {
  std::vector<NnunetCase> cases;  // training first, ascending by name
  std::vector<Problem> problems;  // files that belong to no case
};

// Lists imagesTr, labelsTr, imagesTs and labelsTs, or takes what the json's "dataset" maps.
NnunetCases find_cases(const SourceTree& source, const NnunetDataset& dataset);

// What nnU-Net's own check would find fault with in the json.
std::vector<Problem> json_faults(const NnunetDataset& dataset, std::size_t training_cases);

}  // namespace slicebank::internal
