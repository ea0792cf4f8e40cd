// The facets of a bank: which samples have a class, a modality, a dataset ..., as sets of
// ids that the writer keeps. What filters, counts and side panels are answered from.
//
// docs/format-bank.md, "Facets", has the rows behind it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "schema/ids.h"
#include "store/id_set.h"

namespace slicebank {

class Bank;

enum class FacetKind : std::uint8_t {
  everything = 1,  // value 0: all samples
  modality,        // ModalityId
  dataset,         // DatasetId
  sequence,        // SequenceId; 0 none named
  axis,            // Axis
  subject,         // SubjectId
  official_split,  // official_split_value(name); 0 none
  coverage,        // coverage set of the volume; 0: nobody said what was looked for
  mask_class,      // ClassId: some mask has it
  label_class,     // ClassId: some image-level label above 0 has it
  zero_label,      // ClassId: some image-level label of it is 0
  mask_cell,       // mask_cell_value(): some mask of that class, size and place
  split_side,      // split_side_value()
};

// --- Values

std::int64_t official_split_value(const std::string& name);
constexpr std::int64_t split_side_value(SplitId split, std::uint16_t side) {
  return std::int64_t{raw(split)} << 16 | side;
}

// Areas as parts per million of the slice fall into bins: bin 2i holds what lies below
// kAreaEdgesPpm[i] and above the edge before it, bin 2i + 1 what is exactly that edge. So
// bin 1 holds the empty masks, and what is compared with an edge needs no look at areas.
inline constexpr std::array<std::uint32_t, 17> kAreaEdgesPpm = {
    0,     10,     20,     50,     100,     200,     500,     1'000,    2'000,
    5'000, 10'000, 20'000, 50'000, 100'000, 200'000, 500'000, 1'000'000};
unsigned area_bin(std::uint64_t area_pixels, std::uint64_t slice_pixels);

struct MaskCell {
  ClassId class_id{};
  unsigned area_bin = 0;
  bool touches_border = false;
};
constexpr std::int64_t mask_cell_value(const MaskCell& cell) {
  return std::int64_t{raw(cell.class_id)} << 8 | std::int64_t{cell.area_bin} << 1 |
         (cell.touches_border ? 1 : 0);
}
constexpr MaskCell mask_cell_of(std::int64_t value) {
  return {ClassId{static_cast<std::uint32_t>(value >> 8)}, static_cast<unsigned>(value >> 1 & 0x7f),
          (value & 1) != 0};
}

// --- Sets

struct FacetCount {
  std::int64_t value = 0;
  std::uint64_t samples = 0;
};

// A commit came in between: what was asked for belongs to another generation than what was
// given before. Ask Facets::of() again.
struct FacetsOutdated {};

// One generation's facets, read as they are asked for and kept. Any thread. Memory: about
// the bytes of the sets that were asked for (some 17 MB for all classes of 4.6 million
// samples, 70 MB with everything).
class Facets {
 public:
  // Those of the newest generation; the same object while nothing is committed. Null where
  // the index has none: written by an older build, or ids of 2^32 and beyond.
  static std::shared_ptr<const Facets> of(const Bank& bank);

  Generation generation() const;

  // Empty where no sample has the value. Throws FacetsOutdated.
  std::shared_ptr<const IdSet> samples(FacetKind kind, std::int64_t value) const;

  // All values that some sample has, ascending. Throws FacetsOutdated.
  std::shared_ptr<const std::vector<FacetCount>> values(FacetKind kind) const;

  // The subject of each sample, at the place of the sample's id; 0 where there is no such
  // sample. Throws FacetsOutdated.
  std::shared_ptr<const std::vector<std::uint32_t>> subjects() const;

  struct Impl;
  explicit Facets(std::unique_ptr<Impl> impl);
  ~Facets();
  Facets(const Facets&) = delete;
  Facets& operator=(const Facets&) = delete;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace slicebank
