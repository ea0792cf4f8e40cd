#include "cli/selecting.h"

#include <fmt/format.h>

#include "query/split.h"
#include "store/generations.h"

namespace slicebank::cli {
namespace {

void say_what_is_gone(Context& context, const Bank& bank, Generation generation) {
  const PastGeneration past = past_generation(bank, generation);
  if (past.removed_since == 0) return;
  context.terminal.say(fmt::format("{} of {} samples of generation {} were deleted since",
                                   grouped(past.removed_since), grouped(past.entry.samples),
                                   raw(generation)));
}

}  // namespace

void SelectionOptions::attach(CLI::App* verb) {
  verb->add_option("--where", where, "A filter (docs/query_language.md)");
  verb->add_option("--split", split, "A side of a saved split: main:train");
  verb->add_option("--selection", selection, "A selection saved by `query --save`");
  verb->add_option("--as-of", as_of,
                   "Only what was there then: a generation, or a time (UTC) as 2026-11-29");
}

SelectOptions SelectionOptions::select_options(const Bank& bank) const {
  SelectOptions options;
  if (!as_of.empty()) options.as_of = find_generation(bank, as_of);
  return options;
}

Selection SelectionOptions::resolve(Context& context, const Bank& bank) const {
  const SelectOptions options = select_options(bank);
  if (options.as_of) say_what_is_gone(context, bank, *options.as_of);
  Selection result =
      selection.empty() ? select_samples(bank, where, options) : Selection::load(bank, selection);
  if (!selection.empty()) {
    const std::size_t gone = result.deleted().size();
    if (gone > 0) {
      context.terminal.say(fmt::format("{} of {} samples of the selection '{}' were deleted since",
                                       grouped(gone), grouped(result.size()), selection));
    }
    if (options.as_of) result = result.as_of(*options.as_of);
    if (!where.empty()) result = result.intersected(select_samples(bank, where, options));
  }
  if (!split.empty()) result = result.intersected(split_side(bank, split));
  return result;
}

}  // namespace slicebank::cli
