// Persons of a bank: subjects joined by alias groups, recorded or given.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "query/split_aliases.h"
#include "store/bank.h"

namespace slicebank {

struct Person {
  std::string name;          // "dataset / patient"
  std::uint64_t number = 0;  // equal for subjects that are one person
};

// By subject id. `aliases` may be null.
std::unordered_map<std::uint64_t, Person> load_persons(const Bank& bank,
                                                       const SubjectAliases* aliases);

}  // namespace slicebank
