// The hashes of what a sample is, whatever codec holds it. docs/format-record.md,
// "Content hash".
#pragma once

#include <cstdint>
#include <vector>

#include "schema/sample.h"
#include "store/internal/mask_codec.h"

namespace slicebank {

// Collects the canonical bytes of annotations: masks first, then labels.
class AnnotationHasher {
 public:
  AnnotationHasher(std::size_t masks, std::size_t labels);

  void add(const Mask& mask, const MaskRuns& runs, std::uint32_t width);
  void add(const Label& label);
  ContentHash digest() const;

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace slicebank
