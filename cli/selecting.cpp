#include "cli/selecting.h"

#include "query/split.h"

namespace slicebank::cli {

void SelectionOptions::attach(CLI::App* verb) {
  verb->add_option("--where", where, "A filter (docs/query_language.md)");
  verb->add_option("--split", split, "A side of a saved split: main:train");
  verb->add_option("--selection", selection, "A selection saved by `query --save`");
}

Selection SelectionOptions::resolve(const Bank& bank) const {
  Selection result =
      selection.empty() ? select_samples(bank, where) : Selection::load(bank, selection);
  if (!selection.empty() && !where.empty())
    result = result.intersected(select_samples(bank, where));
  if (!split.empty()) result = result.intersected(split_side(bank, split));
  return result;
}

}  // namespace slicebank::cli
