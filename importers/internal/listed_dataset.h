// A folder whose dataset.json lists its images and label maps: the Decathlon and AMOS.
// Any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "importers/internal/dataset_json.h"

namespace slicebank::internal {

struct ListedDataset {
  std::string folder;  // relative to the root; empty for the root itself
  std::string name;    // of the dataset
  std::string task;    // its name without a number, which gives classes their meaning
  DatasetJson json;
};

// The root where it holds a dataset.json, else its folders that do, ascending. No more
// than `most` folders are looked into.
std::vector<std::string> dataset_folders(const std::filesystem::path& root,
                                         std::size_t most = 10'000);

// The first image that the lists name, as written, or empty.
std::string first_image(const DatasetJson& json);

// Whether there is such a file: nnU-Net 1 lists "la_003.nii.gz" for "la_003_0000.nii.gz".
bool first_image_is_there(const std::filesystem::path& root, const std::string& folder,
                          const DatasetJson& json);

// For a folder that is named as one of `word` ("Task", "Dataset") and whose dataset.json
// cannot be read: of this layout all the same, and scan() says what is wrong with it.
Recognition recognise_damaged(const std::filesystem::path& root, const std::string& folder,
                              std::string_view word);

// The name of the folder where it is one of `word` ("Task06_Lung"), else what the json
// says, else the folder's. Of the root: the last part of its path.
std::string dataset_name(const SourceTree& source, const std::string& folder,
                         const DatasetJson& json, std::string_view word);

// Calls `emit` for each entry of the lists, in their order, an image listed twice once;
// what is wrong with one becomes a failed item or a problem of its item. The modality is
// that of the channels. False when `emit` ended it.
bool for_each_listed(const ListedDataset& dataset, const std::function<bool(SourceItem&&)>& emit);

// What describe() has to say beside the json's own problems: images listed twice, files of
// the image folders that no list names, other numbers than numTraining and numTest.
std::vector<Problem> list_problems(const SourceTree& source, const ListedDataset& dataset);

// Entries, each image once.
std::uint64_t count_listed(const ListedDataset& dataset);

// decode() of such an item: a fourth dimension is channels, named by SourceItem::place.
DecodedItem decode_listed(const SourceTree& source, const SourceItem& item,
                          const DecodeOptions& options, const SampleSink& emit);

}  // namespace slicebank::internal
