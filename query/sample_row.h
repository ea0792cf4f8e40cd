// A sample as a row for people and scripts: names instead of ids, no pixels.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "schema/ids.h"
#include "schema/sample.h"
#include "store/bank.h"

namespace slicebank {

struct MaskRow {
  std::string class_name;  // canonical
  std::string raw_class;   // the dataset's own word
  std::uint32_t instance = 0;
  std::uint64_t area = 0;  // pixels
  Box box;
};

struct SampleRow {
  SampleId id{};
  std::string dataset;
  std::string modality;  // empty when unknown
  std::string sequence;
  std::string region;
  std::string patient;
  std::string volume;
  std::string axis;  // "2d", "x", "y", "z"
  std::uint32_t slice = 0;
  std::string name;
  ImageShape shape;
  std::string official_split;
  std::vector<MaskRow> masks;  // in the sample's order
};

// Calls `visit` for each id, in the order of `ids`, until it returns false. Reads the
// index in chunks; ids that are gone are left out.
void for_each_sample_row(const Bank& bank, std::span<const SampleId> ids,
                         const std::function<bool(const SampleRow&)>& visit);

// One of them; nothing when there is no such sample.
std::optional<SampleRow> find_sample_row(const Bank& bank, SampleId id);

}  // namespace slicebank
