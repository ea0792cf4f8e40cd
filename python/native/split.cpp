// Splits and their audit.
#include "query/split.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>

#include "python/native/native.h"
#include "query/audit.h"
#include "schema/error.h"
#include "store/writer.h"

namespace slicebank::python {
namespace {

using Ratios = std::vector<std::pair<std::string, double>>;

SplitGroup group_of(const std::string& word) {
  if (word == "subject") return SplitGroup::subject;
  if (word == "volume") return SplitGroup::volume;
  if (word == "sample") return SplitGroup::sample;
  throw Error(ErrorCode::bad_argument, "group: '" + word + "'", "subject, volume or sample");
}

SplitData saved_split(const Bank& bank, const std::string& name) {
  if (auto split = find_split(bank, name)) return std::move(*split);
  std::vector<std::string> names;
  for (const SplitData& each : list_splits(bank)) names.push_back(each.name);
  const auto near = nearest_name(name, names);
  throw Error(ErrorCode::not_found, "there is no split '" + name + "'",
              near ? "did you mean '" + *near + "'?" : "Selection.split(..., save=NAME) makes one");
}

Split split_selection(const Selection& selection, const std::string& name, const Ratios& ratios,
                      unsigned folds, const std::string& group,
                      const std::vector<std::string>& stratify, std::uint64_t seed,
                      bool honour_official, bool join_equal_pixels,
                      const std::optional<std::string>& keep) {
  SplitOptions options;
  options.name = name;
  options.ratios = ratios;
  options.folds = folds;
  options.group = group_of(group);
  options.stratify = stratify;
  options.seed = seed;
  options.honour_official = honour_official;
  options.join_equal_pixels = join_equal_pixels;
  const nb::gil_scoped_release release;
  SplitData kept;
  if (keep) {
    kept = saved_split(selection.bank(), *keep);
    options.keep = &kept;
  }
  return make_split(selection, options);
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
  throw Error(ErrorCode::not_found, "the split has no side '" + side + "'");
}

nb::dict audit_dict(const Bank& bank, const SplitData& data) {
  AuditReport report;
  {
    const nb::gil_scoped_release release;
    report = audit_split(bank, data);
  }
  nb::list findings;
  for (const AuditFinding& each : report.findings) {
    nb::dict finding;
    std::vector<std::uint64_t> ids;
    for (const SampleId id : each.samples) ids.push_back(raw(id));
    finding["kind"] = each.kind;
    finding["message"] = each.message;
    finding["sides"] = each.sides;
    finding["samples"] = ids;
    findings.append(finding);
  }
  nb::dict dict;
  dict["clean"] = report.clean();
  dict["split"] = report.split;
  dict["samples"] = report.samples;
  dict["leaking_subjects"] = report.leaking_subjects;
  dict["leaking_aliases"] = report.leaking_aliases;
  dict["leaking_images"] = report.leaking_images;
  dict["unassigned"] = report.unassigned;
  dict["findings"] = findings;
  return dict;
}

}  // namespace

void bind_split(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<SplitData>(module, "SplitData", "Named disjoint sides of a selection.")
      .def_ro("name", &SplitData::name)
      .def_ro("sides", &SplitData::sides)
      .def_ro("params_json", &SplitData::params_json)
      .def_ro("report_json", &SplitData::report_json)
      .def("__len__", [](const SplitData& data) { return data.samples.size(); });

  nb::class_<Split>(module, "Split", "A split just made, and how well it came out.")
      .def_ro("data", &Split::data)
      .def_prop_ro("text", [](const Split& split) { return split.report.to_text(); })
      .def_prop_ro("json", [](const Split& split) { return split.report.to_json(); });

  module.def("make_split", &split_selection, "selection"_a, "name"_a, "ratios"_a, "folds"_a,
             "group"_a, "stratify"_a, "seed"_a, "honour_official"_a, "join_equal_pixels"_a,
             "keep"_a.none());
  module.def("side_of", &side_of, "bank"_a, "data"_a, "side"_a);
  module.def("find_split", &saved_split, "bank"_a, "name"_a);
  module.def(
      "official_split", [](const Bank& bank) { return official_split(bank); }, "bank"_a);
  module.def("audit", &audit_dict, "bank"_a, "data"_a,
             nb::sig("def audit(bank: Bank, data: SplitData) -> dict[str, typing.Any]"));
  module.def(
      "save_split",
      [](const Bank& bank, const SplitData& data) {
        const nb::gil_scoped_release release;
        Writer writer = Writer::open(bank.path());
        writer.put_split(data);
        writer.commit();
      },
      "bank"_a, "data"_a);
}

}  // namespace slicebank::python
