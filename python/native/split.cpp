// Splits of a selection: made, compared, drawn and kept.
#include "query/split.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "python/native/native.h"
#include "python/native/split_words.h"
#include "query/audit.h"
#include "query/split_compare.h"
#include "schema/error.h"
#include "store/writer.h"

namespace slicebank::python {
namespace {

template <typename Choice>
Choice choose(const nb::dict& words, const char* key,
              const std::vector<std::pair<const char*, Choice>>& choices) {
  const auto word = nb::cast<std::string>(words[key]);
  std::string known;
  for (const auto& [name, choice] : choices) {
    if (word == name) return choice;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  throw Error(ErrorCode::bad_argument, std::string(key) + ": '" + word + "'", "one of: " + known);
}

}  // namespace

SplitOptions split_options_of(const nb::dict& words) {
  SplitOptions options;
  options.name = nb::cast<std::string>(words["name"]);
  options.ratios = nb::cast<std::vector<std::pair<std::string, double>>>(words["ratios"]);
  options.folds = nb::cast<unsigned>(words["folds"]);
  options.group = choose<SplitGroup>(words, "group",
                                     {{"subject", SplitGroup::subject},
                                      {"volume", SplitGroup::volume},
                                      {"sample", SplitGroup::sample}});
  options.stratify = nb::cast<std::vector<std::string>>(words["stratify"]);
  options.seed = nb::cast<std::uint64_t>(words["seed"]);
  options.honour_official = nb::cast<bool>(words["honour_official"]);
  options.join_equal_pixels = nb::cast<bool>(words["join_equal_pixels"]);
  options.weight = choose<SplitWeight>(words, "weight",
                                       {{"samples", SplitWeight::samples},
                                        {"masks", SplitWeight::masks},
                                        {"pixels", SplitWeight::pixels},
                                        {"presence", SplitWeight::presence}});
  options.leave_out = nb::cast<std::string>(words["leave_out"]);
  options.keep_sides = nb::cast<std::vector<std::string>>(words["keep_sides"]);
  if (!words["aliases"].is_none()) {
    options.aliases = nb::cast<const SubjectAliases*>(words["aliases"]);
  }
  return options;
}

namespace {

SplitData saved_split(const Bank& bank, const std::string& name) {
  if (auto split = find_split(bank, name)) return std::move(*split);
  std::vector<std::string> names;
  for (const SplitData& each : list_splits(bank)) names.push_back(each.name);
  const auto near = nearest_name(name, names);
  throw Error(ErrorCode::not_found, "there is no split '" + name + "'",
              near ? "did you mean '" + *near + "'?"
                   : "Selection.split(..., name=NAME, save=True) makes one");
}

// `repeats` splits; `keep` is SplitData or None, `held_out` a side and a selection each.
std::vector<Split> split_selection(const Selection& selection, const nb::dict& words,
                                   nb::object keep, const nb::list& held_out, unsigned repeats) {
  SplitOptions options = split_options_of(words);
  if (!keep.is_none()) options.keep = nb::cast<const SplitData*>(keep);
  for (const nb::handle each : held_out) {
    const auto pair = nb::cast<std::pair<std::string, const Selection*>>(each);
    options.held_out.push_back({pair.first, pair.second->ids()});
  }
  const nb::gil_scoped_release release;
  if (repeats > 1) return make_repeats(selection, options, repeats);
  std::vector<Split> made;
  made.push_back(make_split(selection, options));
  return made;
}

// One side of a split, ascending by id.
Selection side_of(const Bank& bank, const SplitData& data, const std::string& side) {
  for (std::size_t number = 0; number < data.sides.size(); ++number) {
    if (data.sides[number] != side) continue;
    std::vector<SampleId> ids;
    for (std::size_t i = 0; i < data.samples.size(); ++i) {
      if (data.members[i] == number) ids.push_back(data.samples[i]);
    }
    return Selection(bank, std::move(ids), data.generation,
                     "split('" + data.name + "') = '" + side + "'");
  }
  const auto near = nearest_name(side, data.sides);
  throw Error(ErrorCode::not_found, "the split has no side '" + side + "'",
              near ? "did you mean '" + *near + "'?" : "SplitSet.sides lists them");
}

void save(const Bank& bank, const std::vector<const SplitData*>& splits) {
  const nb::gil_scoped_release release;
  Writer writer = Writer::open(bank.path());
  for (const SplitData* data : splits) writer.put_split(*data);
  writer.commit();
}

void remove(const Bank& bank, const std::string& name) {
  const nb::gil_scoped_release release;
  saved_split(bank, name);  // says what there is, where it is not
  Writer writer = Writer::open(bank.path());
  writer.delete_split(name);
  writer.commit();
}

}  // namespace

void bind_split(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<SubjectAliases>(module, "SubjectAliases", "See slicebank.Aliases.")
      .def(nb::init<>())
      .def_static("parse", &SubjectAliases::parse, "csv"_a, "source"_a)
      .def("add", &SubjectAliases::add, "dataset"_a, "patient"_a, "group"_a)
      .def("same_patients", &SubjectAliases::same_patients, "datasets"_a)
      .def("groups_of", &SubjectAliases::groups_of, "dataset"_a, "patient"_a)
      .def("fingerprint", &SubjectAliases::fingerprint);

  nb::class_<SplitData>(module, "SplitData", "Named disjoint sides of a selection.")
      .def_ro("name", &SplitData::name)
      .def_ro("sides", &SplitData::sides)
      .def_ro("params_json", &SplitData::params_json)
      .def_ro("report_json", &SplitData::report_json)
      .def("__len__", [](const SplitData& data) { return data.samples.size(); });

  nb::class_<Split>(module, "Split", "A split just made, and how well it came out.")
      .def_ro("data", &Split::data);

  module.def("make_splits", &split_selection, "selection"_a, "words"_a, "keep"_a.none(),
             "held_out"_a, "repeats"_a,
             nb::sig("def make_splits(selection: Selection, words: dict[str, typing.Any], keep: "
                     "SplitData | None, held_out: list[tuple[str, Selection]], repeats: int) -> "
                     "list[Split]"));
  module.def(
      "report_text", [](const std::string& json) { return SplitReport::from_json(json).to_text(); },
      "json"_a);
  module.def(
      "report_svg",
      [](const std::string& json, std::size_t labels_max) {
        return SplitReport::from_json(json).to_svg(labels_max);
      },
      "json"_a, "labels_max"_a);
  module.def("side_of", &side_of, "bank"_a, "data"_a, "side"_a);
  module.def("find_split", &saved_split, "bank"_a, "name"_a);
  module.def(
      "official_split", [](const Bank& bank) { return official_split(bank); }, "bank"_a);
  module.def(
      "compare_splits",
      [](const Bank& bank, const SplitData& before, const SplitData& after) {
        const nb::gil_scoped_release release;
        const SplitComparison found = compare_splits(bank, before, after);
        return std::pair(found.to_json(), found.to_text());
      },
      "bank"_a, "before"_a, "after"_a);
  module.def("save_splits", &save, "bank"_a, "splits"_a);
  module.def("delete_split", &remove, "bank"_a, "name"_a);
}

}  // namespace slicebank::python
