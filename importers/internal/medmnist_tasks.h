// The tasks of MedMNIST v2 and MedMNIST+, as the package's own table has them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace slicebank::medmnist {

enum class Kind {
  one_of,   // the label is the number of the class the image is of
  many_of,  // a column a class, 0 or 1
  grade,    // the label is a grade of the only class
};

struct ClassWord {
  std::string_view name;     // verbatim
  std::string_view meaning;  // in full, where the name alone says too little
};

struct Task {
  std::string_view flag;  // "pathmnist"
  std::string_view name;  // "PathMNIST"
  Kind kind = Kind::one_of;
  std::string_view modality;  // a word of the taxonomy
  std::string_view region;    // the same, or empty
  std::string_view licence;
  std::array<std::uint64_t, 3> rows;  // train, val, test
  std::span<const ClassWord> classes;
};

std::span<const Task> tasks();

// Null for a flag that is none of them.
const Task* find_task(std::string_view flag);

}  // namespace slicebank::medmnist
