// What a sampler draws from a selection: its samples, or their masks one by one, with the
// labels to balance by.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "query/sampler_weights.h"
#include "query/selection.h"

namespace slicebank {

// Items by image: item i is the selection's i-th sample.
//
// `by` is class, dataset or modality. A sample has the classes of its masks and of its labels
// above 0, each once. `names` are those of the labels, ascending.
// Throws Error(bad_argument) naming the nearest for another word.
struct LabelledItems {
  ItemLabels items;
  std::vector<std::string> names;  // a label
};
LabelledItems labelled_samples(const Selection& selection, const std::string& by);

// Items by mask, as SAM is trained: one item is one mask. 16 bytes a mask. Ascending by
// place and number.
struct MaskItem {
  std::uint64_t place = 0;   // in the selection
  std::uint32_t number = 0;  // the mask's place in its sample: Sample::masks[number]
  std::uint32_t label = 0;   // into names
};
struct MaskItems {
  std::vector<MaskItem> masks;
  std::vector<std::string> names;  // a label

  ItemLabels labels() const;
};
MaskItems mask_items(const Selection& selection, const std::string& by);

// Places of the samples with a mask, or with one of these classes (taxonomy members are the
// caller's to add); ascending: what foreground_order() takes.
std::vector<std::uint64_t> foreground_places(const Selection& selection,
                                             const std::vector<ClassId>& classes = {});

}  // namespace slicebank
