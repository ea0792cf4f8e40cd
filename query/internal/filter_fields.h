// The fields a filter can name, in one table: what the parser checks against and what
// filter_sql.cpp compiles.
#pragma once

#include <string_view>
#include <vector>

namespace slicebank {

enum class FieldType { text, number, flag };

// Where a field's value lives.
enum class FieldPlace {
  sample,  // one value a sample
  mask,    // one value a mask: shape and number
  finding  // one value a mask or image-level label: class and what follows from it
};

struct Field {
  std::string_view name;
  FieldType type;
  FieldPlace place;
  std::string_view meaning;
};

const std::vector<Field>& field_table();

// Null when there is no such field. `name` in lower case.
const Field* find_field(std::string_view name);

}  // namespace slicebank
