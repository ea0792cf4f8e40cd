#include "query/facet_panel.h"

#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

#include "query/internal/columns.h"
#include "schema/error.h"
#include "schema/sample.h"
#include "store/facets.h"
#include "store/select.h"

namespace slicebank {
namespace {

constexpr const char* kNone = "(none)";

using Names = std::unordered_map<std::uint64_t, std::string>;

std::shared_ptr<const Facets> facets_of(const Bank& bank) {
  auto facets = Facets::of(bank);
  if (facets) return facets;
  throw Error(ErrorCode::needs_reindex,
              bank.path().string() + ": its index was written by an older build and has no facets",
              "run `slicebank reindex " + bank.path().string() + "`");
}

// Asks again when a commit came in between.
template <typename Body>
auto with_facets(const Bank& bank, const Body& body) {
  for (;;) {
    try {
      return body(*facets_of(bank));
    } catch (const FacetsOutdated&) {
    }
  }
}

Names official_splits(const Bank& bank) {
  Names names;
  for (Rows rows = select(bank, "SELECT value, name FROM _official_split"); rows.next();) {
    names.emplace(static_cast<std::uint64_t>(rows.integer(0)), rows.text(1));
  }
  return names;
}

Names axes() {
  Names names;
  for (const Axis axis : {Axis::none, Axis::x, Axis::y, Axis::z}) {
    names.emplace(static_cast<std::uint64_t>(axis), axis_name(axis));
  }
  return names;
}

class Panel {
 public:
  Panel(const Bank& bank, const Facets& facets, const IdSet& chosen)
      : bank_(bank), facets_(facets), chosen_(chosen) {}

  std::vector<FacetRow> rows() {
    count(FacetKind::modality, "modality", load_code_names(bank_, "_modality"));
    count(FacetKind::sequence, "sequence", load_code_names(bank_, "_sequence"));
    const auto datasets = count(FacetKind::dataset, "dataset", load_code_names(bank_, "_dataset"));
    count_regions(datasets);
    count_classes();
    count(FacetKind::axis, "axis", axes());
    count(FacetKind::official_split, "official_split", official_splits(bank_));
    return std::move(rows_);
  }

 private:
  using Counts = std::vector<std::pair<std::int64_t, std::uint64_t>>;  // value, samples

  void add(const char* facet, const Names& names, std::int64_t value, std::uint64_t samples) {
    const auto name = names.find(static_cast<std::uint64_t>(value));
    rows_.push_back({facet, name == names.end() ? kNone : name->second, samples});
  }

  Counts count(FacetKind kind, const char* facet, const Names& names) {
    Counts counts;
    for (const FacetCount& each : *facets_.values(kind)) {
      counts.emplace_back(each.value, facets_.samples(kind, each.value)->count_common(chosen_));
      add(facet, names, counts.back().first, counts.back().second);
    }
    return counts;
  }

  void count_regions(const Counts& datasets) {
    const Names names = load_code_names(bank_, "_region");
    std::map<std::int64_t, std::uint64_t> regions;
    std::unordered_map<std::int64_t, std::int64_t> region_of;
    for (Rows rows = select(bank_, "SELECT id, region_id FROM _dataset"); rows.next();) {
      region_of.emplace(rows.integer(0), rows.integer(1));
    }
    for (const auto& [dataset, samples] : datasets) regions[region_of[dataset]] += samples;
    for (const auto& [region, samples] : regions) add("region", names, region, samples);
  }

  void count_classes() {
    const Names names = load_code_names(bank_, "_class");
    std::map<std::int64_t, std::pair<bool, bool>> classes;  // of masks, of labels
    for (const FacetCount& each : *facets_.values(FacetKind::mask_class)) {
      classes[each.value].first = true;
    }
    for (const FacetCount& each : *facets_.values(FacetKind::label_class)) {
      classes[each.value].second = true;
    }
    for (const auto& [value, where] : classes) {
      const auto masks = facets_.samples(FacetKind::mask_class, value);
      if (!where.second) {
        add("class", names, value, masks->count_common(chosen_));
        continue;
      }
      IdSet both = *facets_.samples(FacetKind::label_class, value);
      if (where.first) both |= *masks;
      add("class", names, value, both.count_common(chosen_));
    }
  }

  const Bank& bank_;
  const Facets& facets_;
  const IdSet& chosen_;
  std::vector<FacetRow> rows_;
};

}  // namespace

std::vector<FacetRow> facet_panel(const Selection& selection) {
  const IdSet chosen(selection.ids());
  return with_facets(selection.bank(), [&](const Facets& facets) {
    return Panel(selection.bank(), facets, chosen).rows();
  });
}

std::vector<SubjectCount> count_subjects(const Selection& selection) {
  const auto subject_of =
      with_facets(selection.bank(), [](const Facets& facets) { return facets.subjects(); });
  std::vector<std::uint32_t> counts;
  for (const SampleId id : selection.ids()) {
    if (raw(id) >= subject_of->size()) continue;
    const std::uint32_t subject = (*subject_of)[raw(id)];
    if (subject >= counts.size()) counts.resize(subject + std::size_t{1} + subject / 2);
    ++counts[subject];
  }
  std::vector<SubjectCount> rows;
  for (std::size_t subject = 1; subject < counts.size(); ++subject) {
    if (counts[subject] != 0) rows.push_back({SubjectId{subject}, counts[subject]});
  }
  return rows;
}

}  // namespace slicebank
