// Audits of splits, duplicates, and who is known to be the same person.
#include "query/audit.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <string>
#include <vector>

#include "python/native/native.h"
#include "query/audit_lists.h"
#include "query/audit_near.h"

namespace slicebank::python {
namespace {

std::vector<std::uint64_t> numbers(const std::vector<SampleId>& ids) {
  std::vector<std::uint64_t> found;
  for (const SampleId id : ids) found.push_back(raw(id));
  return found;
}

nb::dict report_dict(const AuditReport& report) {
  nb::list findings;
  for (const AuditFinding& each : report.findings) {
    nb::dict finding;
    finding["kind"] = each.kind;
    finding["message"] = each.message;
    finding["sides"] = each.sides;
    finding["samples"] = numbers(each.samples);
    findings.append(finding);
  }
  nb::dict dict;
  dict["clean"] = report.clean();
  dict["split"] = report.split;
  dict["samples"] = report.samples;
  dict["leaking_subjects"] = report.leaking_subjects;
  dict["leaking_aliases"] = report.leaking_aliases;
  dict["leaking_images"] = report.leaking_images;
  dict["leaking_near"] = report.leaking_near;
  dict["unassigned"] = report.unassigned;
  dict["findings"] = findings;
  return dict;
}

AuditReport audited(const Bank& bank, const SplitData& data, const SubjectAliases* aliases,
                    std::optional<unsigned> near) {
  AuditReport report;
  AuditOptions options;
  options.aliases = aliases;
  options.near_distance = near;
  run_interruptibly([&](std::stop_token) { report = audit_split(bank, data, options); });
  return report;
}

nb::dict audit(const Bank& bank, const SplitData& data, const SubjectAliases* aliases,
               std::optional<unsigned> near) {
  return report_dict(audited(bank, data, aliases, near));
}

// Split files over a bank, a dictionary each: what they say twice, and then as any split.
nb::list audit_files(const Bank& bank, const std::string& path, const SubjectAliases* aliases,
                     std::optional<unsigned> near) {
  nb::list found;
  for (const ListedSplit& listed : read_split_lists(path)) {
    const PlacedSplit placed = place_split(bank, listed);
    nb::dict dict = report_dict(audited(bank, placed.split, aliases, near));
    nb::list twice;
    for (const ListPlaces::Twice& each : placed.listed_twice) {
      const auto both = [](const std::string& one, const std::string& other) {
        return other.empty() || other == one ? one : one + " and " + other;
      };
      twice.append(nb::make_tuple(both(each.file, each.other_file), both(each.id, each.other_id),
                                  each.sides));
    }
    dict["split"] = listed.name;
    dict["clean"] = nb::cast<bool>(dict["clean"]) && placed.listed_twice.empty();
    dict["listed_twice"] = twice;
    dict["unmatched"] = placed.unmatched;
    dict["unmatched_names"] = placed.unmatched_names;
    dict["data"] = placed.split;
    found.append(dict);
  }
  return found;
}

std::vector<std::vector<std::uint64_t>> duplicates(const Bank& bank, std::size_t limit) {
  std::vector<std::vector<std::uint64_t>> sets;
  run_interruptibly([&](std::stop_token) {
    for (const DuplicateImages& each : duplicate_images(bank, limit)) {
      sets.push_back(numbers(each.samples));
    }
  });
  return sets;
}

nb::list near_pairs(const Bank& bank, unsigned distance, const SubjectAliases* aliases,
                    std::size_t limit, unsigned threads) {
  std::vector<NearPair> pairs;
  run_interruptibly([&](std::stop_token) {
    NearOptions options;
    options.distance = distance;
    options.aliases = aliases;
    options.limit = limit;
    options.threads = threads;
    pairs = near_duplicates(bank, options);
  });
  nb::list list;
  for (const NearPair& each : pairs) {
    nb::dict pair;
    pair["samples"] = nb::make_tuple(raw(each.first), raw(each.second));
    pair["distance"] = each.distance;
    pair["images"] = each.images;
    list.append(pair);
  }
  return list;
}

nb::dict record(const Bank& bank, const SubjectAliases& aliases) {
  RecordedAliases recorded;
  {
    const nb::gil_scoped_release release;
    recorded = record_aliases(bank, aliases);
  }
  nb::dict dict;
  dict["persons"] = recorded.groups;
  dict["subjects"] = recorded.subjects;
  dict["changed"] = recorded.changed;
  return dict;
}

}  // namespace

void bind_audit(nb::module_& module) {
  using namespace nb::literals;
  module.def("audit", &audit, "bank"_a, "data"_a, "aliases"_a.none(), "near"_a.none(),
             nb::sig("def audit(bank: Bank, data: SplitData, aliases: SubjectAliases | None, near: "
                     "int | None) -> dict[str, typing.Any]"));
  module.def("audit_files", &audit_files, "bank"_a, "path"_a, "aliases"_a.none(), "near"_a.none(),
             nb::sig("def audit_files(bank: Bank, path: str, aliases: SubjectAliases | None, near: "
                     "int | None) -> list[dict[str, typing.Any]]"));
  module.def("duplicates", &duplicates, "bank"_a, "limit"_a);
  module.def("near_duplicates", &near_pairs, "bank"_a, "distance"_a, "aliases"_a.none(), "limit"_a,
             "threads"_a,
             nb::sig("def near_duplicates(bank: Bank, distance: int, aliases: SubjectAliases | "
                     "None, limit: int, threads: int) -> list[dict[str, typing.Any]]"));
  module.def("record_aliases", &record, "bank"_a, "aliases"_a,
             nb::sig("def record_aliases(bank: Bank, aliases: SubjectAliases) -> dict[str, int]"));
}

}  // namespace slicebank::python
