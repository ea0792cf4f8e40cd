#include "query/internal/person_numbers.h"

#include <utility>
#include <vector>

#include "query/internal/union_find.h"
#include "store/select.h"

namespace slicebank {

std::unordered_map<std::uint64_t, Person> load_persons(const Bank& bank,
                                                       const SubjectAliases* aliases) {
  std::vector<std::uint64_t> ids;
  std::vector<std::string> names;
  std::vector<std::pair<std::size_t, std::size_t>> joins;
  std::unordered_map<std::uint64_t, std::size_t> first_of_number;
  std::unordered_map<std::string, std::size_t> first_of_group;
  Rows rows = select(bank,
                     "SELECT u.id, u.alias_group, d.name, u.patient_id FROM _subject u "
                     "JOIN _dataset d ON d.id = u.dataset_id ORDER BY u.id");
  while (rows.next()) {
    const std::size_t place = ids.size();
    ids.push_back(static_cast<std::uint64_t>(rows.integer(0)));
    const std::string dataset(rows.text(2));
    const std::string patient(rows.text(3));
    names.push_back(dataset + " / " + patient);
    const auto number = static_cast<std::uint64_t>(rows.integer(1));
    if (number != 0) {
      joins.emplace_back(first_of_number.try_emplace(number, place).first->second, place);
    }
    if (aliases == nullptr || aliases->empty()) continue;
    for (const std::string& group : aliases->groups_of(dataset, patient)) {
      joins.emplace_back(first_of_group.try_emplace(group, place).first->second, place);
    }
  }
  UnionFind joined(ids.size());
  for (const auto& [first, second] : joins) joined.join(first, second);
  std::unordered_map<std::uint64_t, Person> persons;
  for (std::size_t place = 0; place < ids.size(); ++place) {
    persons.emplace(ids[place], Person{std::move(names[place]), joined.find(place) + 1});
  }
  return persons;
}

}  // namespace slicebank
