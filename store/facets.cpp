#include "store/facets.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>
#include <span>
#include <utility>

#include "schema/error.h"
#include "store/bank.h"
#include "store/internal/bank_state.h"
#include "store/internal/hash.h"
#include "store/internal/watchdog.h"

namespace slicebank {
namespace {

constexpr const char* kOfValue =
    "SELECT m.value, f.hash, f.ids FROM _meta m "
    "LEFT JOIN _facet f ON f.kind = ? AND f.value = ? "
    "WHERE m.key = 'generation' ORDER BY f.part";
constexpr const char* kOfKind =
    "SELECT m.value, f.hash, f.ids, f.value FROM _meta m LEFT JOIN _facet f ON f.kind = ? "
    "WHERE m.key = 'generation' ORDER BY f.value, f.part";
constexpr const char* kValues =
    "SELECT m.value, f.value, sum(f.samples) FROM _meta m LEFT JOIN _facet f ON f.kind = ? "
    "WHERE m.key = 'generation' GROUP BY f.value ORDER BY f.value";

Generation generation_in(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return Generation{number};
}

}  // namespace

std::int64_t official_split_value(const std::string& name) {
  if (name.empty()) return 0;
  const auto bytes = std::as_bytes(std::span(name.data(), name.size()));
  const auto hash = static_cast<std::int64_t>(hash64(bytes) >> 1);
  return hash == 0 ? 1 : hash;
}

unsigned area_bin(std::uint64_t area_pixels, std::uint64_t slice_pixels) {
  constexpr std::uint64_t kMillion = 1'000'000;
  unsigned bin = 0;
  for (const std::uint32_t edge : kAreaEdgesPpm) {
    // area / slice against edge / 1e6 in whole numbers: both sides are far below 2^64.
    const std::uint64_t left = area_pixels * kMillion;
    const std::uint64_t right = edge * slice_pixels;
    if (left < right) return bin;
    if (left == right) return bin + 1;
    bin += 2;
  }
  return bin;
}

struct Facets::Impl {
  Impl(std::weak_ptr<BankState> bank, Generation of) : state(std::move(bank)), generation(of) {}

  std::shared_ptr<BankState> bank() const {
    auto locked = state.lock();
    if (!locked) throw Error(ErrorCode::bad_argument, "the bank of these facets is closed");
    return locked;
  }

  // Steps through the statement's rows that belong to a facet.
  template <typename Visit>
  void each_row(const char* sql, FacetKind kind, const std::int64_t* value,
                const Visit& visit) const {
    const auto open = bank();
    const IndexLease index(*open);
    sqlite::Statement rows = index->prepare(sql);
    rows.bind(1, static_cast<std::int64_t>(kind));
    if (value != nullptr) rows.bind(2, *value);
    while (rows.step()) {
      if (generation_in(rows.text(0)) != generation) throw FacetsOutdated{};
      if (!rows.is_null(1)) visit(rows);
    }
  }

  IdSet checked_set(const sqlite::Statement& rows) const {
    const auto bytes = rows.blob(2);
    if (static_cast<std::int64_t>(hash64(bytes)) != rows.integer(1)) {
      const auto open = bank();
      throw Error(ErrorCode::corrupt, open->index_file().string() + ": a facet is damaged",
                  "run `slicebank reindex " + open->path.string() + "`");
    }
    return IdSet::from_bytes(bytes);
  }

  const std::weak_ptr<BankState> state;
  const Generation generation;

  std::mutex mutex;  // guards what follows
  std::map<std::pair<FacetKind, std::int64_t>, std::shared_ptr<const IdSet>> sets;
  std::map<FacetKind, std::shared_ptr<const std::vector<FacetCount>>> counts;
  std::shared_ptr<const std::vector<std::uint32_t>> subjects;
};

Facets::Facets(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Facets::~Facets() = default;
Generation Facets::generation() const { return impl_->generation; }

std::shared_ptr<const Facets> Facets::of(const Bank& bank) {
  BankHandles& handles = bank.state()->here();
  const Generation newest = bank.generation();
  {
    const std::lock_guard lock(handles.mutex);
    if (handles.facets && handles.facets->generation() == newest) return handles.facets;
  }
  const IndexLease index(*bank.state());
  if (index->integer("SELECT count(*) FROM sqlite_schema WHERE name = '_facet'") == 0) return {};
  if (index->integer("SELECT coalesce(max(id), 0) FROM _sample") >=
      static_cast<std::int64_t>(IdSet::kIdEnd)) {
    return {};
  }
  const Generation rows =
      generation_in(index->text("SELECT value FROM _meta WHERE key = 'generation'"));
  const std::lock_guard lock(handles.mutex);
  if (!handles.facets || handles.facets->generation() != rows) {
    handles.facets = std::make_shared<const Facets>(std::make_unique<Impl>(bank.state(), rows));
  }
  return handles.facets;
}

std::shared_ptr<const IdSet> Facets::samples(FacetKind kind, std::int64_t value) const {
  const std::pair key(kind, value);
  // A filter may name thousands, all of them at hand.
  if (const auto* watchdog = sqlite::Watchdog::of_this_thread()) watchdog->check();
  {
    const std::lock_guard lock(impl_->mutex);
    if (const auto known = impl_->sets.find(key); known != impl_->sets.end()) return known->second;
  }
  std::vector<IdSet> parts;
  impl_->each_row(kOfValue, kind, &value, [&](const sqlite::Statement& rows) {
    parts.push_back(impl_->checked_set(rows));
  });
  std::vector<const IdSet*> places;
  for (const IdSet& part : parts) places.push_back(&part);
  auto set = std::make_shared<const IdSet>(parts.size() == 1 ? std::move(parts.front())
                                                             : IdSet::united(places));
  const std::lock_guard lock(impl_->mutex);
  return impl_->sets.emplace(key, std::move(set)).first->second;
}

std::shared_ptr<const std::vector<FacetCount>> Facets::values(FacetKind kind) const {
  {
    const std::lock_guard lock(impl_->mutex);
    if (const auto known = impl_->counts.find(kind); known != impl_->counts.end()) {
      return known->second;
    }
  }
  std::vector<FacetCount> counts;
  impl_->each_row(kValues, kind, nullptr, [&](const sqlite::Statement& rows) {
    counts.push_back({rows.integer(1), static_cast<std::uint64_t>(rows.integer(2))});
  });
  auto made = std::make_shared<const std::vector<FacetCount>>(std::move(counts));
  const std::lock_guard lock(impl_->mutex);
  return impl_->counts.emplace(kind, std::move(made)).first->second;
}

std::shared_ptr<const std::vector<std::uint32_t>> Facets::subjects() const {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->subjects) return impl_->subjects;
  }
  std::vector<std::uint32_t> subjects;
  impl_->each_row(kOfKind, FacetKind::subject, nullptr, [&](const sqlite::Statement& rows) {
    const auto subject = static_cast<std::uint32_t>(rows.integer(3));
    const std::vector<std::uint32_t> ids = impl_->checked_set(rows).raw_ids();
    if (!ids.empty() && ids.back() >= subjects.size()) {
      subjects.resize(std::max<std::size_t>(ids.back() + std::size_t{1}, subjects.size() * 3 / 2));
    }
    for (const std::uint32_t id : ids) subjects[id] = subject;
  });
  auto made = std::make_shared<const std::vector<std::uint32_t>>(std::move(subjects));
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->subjects) impl_->subjects = std::move(made);
  return impl_->subjects;
}

}  // namespace slicebank
