#include "query/internal/bank_names.h"

#include <algorithm>
#include <string>

#include "store/select.h"

namespace slicebank {

BankNames load_names(const Bank& bank) {
  BankNames loaded;
  loaded.taxonomy = bank.taxonomy();
  loaded.names.taxonomy = loaded.taxonomy.get();
  FilterNames& names = loaded.names;
  for (Rows rows = select(bank, "SELECT name FROM _dataset ORDER BY id"); rows.next();) {
    names.datasets.emplace_back(rows.text(0));
  }
  Rows sides = select(bank,
                      "SELECT p.name, e.name FROM _split p LEFT JOIN _split_side e "
                      "ON e.split_id = p.id ORDER BY p.id, e.side");
  while (sides.next()) {
    const std::string split(sides.text(0));
    if (names.splits.empty() || names.splits.back() != split) {
      names.splits.push_back(split);
      names.split_sides.emplace_back();
    }
    if (!sides.is_null(1)) names.split_sides.back().emplace_back(sides.text(1));
  }
  names.classes_in_use = [bank] {
    // Few rows both: one a cell of the facet counts, and one a class of a dataset.
    Rows classes = select(bank,
                          "SELECT class_id FROM _rollup_mask WHERE samples > 0 "
                          "UNION SELECT class_id FROM _raw_class ORDER BY 1");
    std::vector<ClassId> ids;
    while (classes.next()) ids.push_back(ClassId{static_cast<std::uint32_t>(classes.integer(0))});
    return ids;
  };
  return loaded;
}

}  // namespace slicebank
