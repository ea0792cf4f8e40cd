// Facts of many samples at once, a column a fact: what stats, split and audit count over.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "schema/ids.h"
#include "schema/sample.h"
#include "store/bank.h"
#include "store/select.h"

namespace slicebank {

// Rows of the index, ascending by sample.
struct SampleColumns {
  std::vector<SampleId> ids;
  std::vector<std::uint16_t> modalities;
  std::vector<std::uint32_t> datasets;
  std::vector<std::uint64_t> subjects;
  std::vector<std::uint64_t> volumes;
  std::vector<std::uint8_t> axes;
  std::vector<std::uint32_t> slices;
  std::vector<std::uint32_t> masks;
  std::vector<std::string> names;      // filled when asked for
  std::vector<ContentHash> hashes;     // filled when asked for
  std::vector<bool> surely_not_blank;  // with the hashes; see blank_images.h

  std::size_t size() const noexcept { return ids.size(); }
};

struct ColumnParts {
  bool names = false;
  bool hashes = false;
};

// Of these ids (ascending), those that have a row; of all samples without a list.
SampleColumns load_samples(const Bank& bank, const std::vector<SampleId>* ids,
                           const ColumnParts& parts = {});

struct VolumeRow {
  std::uint32_t dataset = 0;
  std::uint64_t subject = 0;
  std::uint32_t sequence = 0;
  std::uint32_t official_split = 0;  // index into VolumeColumns::official_splits; 0 none
  std::string key;
};

struct VolumeColumns {
  std::unordered_map<std::uint64_t, VolumeRow> volumes;
  std::vector<std::string> official_splits{""};
};

// All volumes of the bank.
VolumeColumns load_volumes(const Bank& bank);

// Calls `visit` for each mask, and each image-level label above 0, of the samples, ascending
// by sample; `place` is the index into columns.ids. A class repeats with its masks; `mask`
// is false for a label.
void for_each_finding(
    const Bank& bank, const SampleColumns& columns,
    const std::function<void(std::size_t place, std::uint32_t class_id, bool mask)>& visit);

// Calls `visit` for each mask of the samples, ascending by sample and number. `area` is in
// pixels, and 0 unless `areas`, which costs a look-up a mask.
void for_each_mask(const Bank& bank, const SampleColumns& columns, bool areas,
                   const std::function<void(std::size_t place, std::uint32_t class_id,
                                            std::uint32_t number, std::uint64_t area)>& visit);

// Names by code of one of the index's name tables: _modality, _sequence, _region, _class,
// _dataset.
std::unordered_map<std::uint64_t, std::string> load_code_names(const Bank& bank,
                                                               const std::string& table);

// Regions by code of _dataset or _class; 0 where unknown.
std::unordered_map<std::uint64_t, std::uint32_t> load_regions(const Bank& bank,
                                                              const std::string& table);

}  // namespace slicebank
