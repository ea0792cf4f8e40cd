// The datasets of MedSegBench, as the package's own table has them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace slicebank::medsegbench {

struct Word {
  std::string_view name;     // verbatim
  std::string_view meaning;  // in full, where the name alone says too little
};

enum class Pixels {
  binary,   // all but 0 is the only class
  classes,  // 1 is the first class, 2 the second, ...
};

// What the members with "_C1", "_C2", ... behind their names are.
enum class Categories {
  none,
  subsets,  // images of that category, once more: a label of the whole image
  layers,   // other masks of the same images, which may overlap
};

struct Set {
  std::string_view flag;      // "kvasir"
  std::string_view name;      // "KvasirMSBench"
  std::string_view modality;  // a word of the taxonomy; the package has none
  std::string_view region;    // the same, or empty
  std::string_view licence;
  std::string_view reference;
  std::array<std::uint64_t, 3> rows;  // train, val, test
  Pixels pixels = Pixels::binary;
  std::span<const Word> classes;  // of pixels
  Categories categories = Categories::none;
  std::span<const Word> category_names{};  // C1, C2, ...
  bool complete = true;  // false: 0 is "unknown", so that what is not marked may still be there
};

// Null for a flag that is none of them.
const Set* find_set(std::string_view flag);

}  // namespace slicebank::medsegbench
