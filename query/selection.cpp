#include "query/selection.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

#include "query/internal/mix.h"
#include "schema/error.h"
#include "store/generations.h"
#include "store/split_data.h"
#include "store/writer.h"

namespace slicebank {
namespace {

struct HashFree {
  void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
};

std::vector<SampleId> sorted(std::vector<SampleId> ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}

bool holds(const std::vector<SampleId>& ascending, SampleId id) {
  return std::binary_search(ascending.begin(), ascending.end(), id);
}

void check_same_bank(const Selection& a, const Selection& b) {
  if (a.bank().uuid() == b.bank().uuid()) return;
  throw Error(ErrorCode::bad_argument,
              fmt::format("the selections are of two banks, {} and {}", a.bank().path().string(),
                          b.bank().path().string()),
              "merge the banks first");
}

[[noreturn]] void throw_unknown(const Bank& bank, const std::string& name) {
  std::vector<std::string> names;
  for (const SavedSelection& known : list_saved_selections(bank)) names.push_back(known.name);
  const auto nearest = nearest_name(name, names);
  throw Error(ErrorCode::not_found,
              fmt::format("{} keeps no selection '{}'", bank.path().string(), name),
              nearest         ? fmt::format("did you mean '{}'?", *nearest)
              : names.empty() ? "it keeps none yet"
                              : fmt::format("it keeps {}", fmt::join(names, ", ")));
}

}  // namespace

Selection::Selection(Bank bank, std::vector<SampleId> ids, Generation generation, std::string query)
    : bank_(std::move(bank)),
      ids_(std::move(ids)),
      generation_(generation),
      query_(std::move(query)) {
  const auto not_ascending = [](SampleId a, SampleId b) { return a >= b; };
  if (std::adjacent_find(ids_.begin(), ids_.end(), not_ascending) == ids_.end()) return;
  const std::vector<SampleId> ascending = sorted(ids_);
  const auto twice = std::adjacent_find(ascending.begin(), ascending.end());
  if (twice != ascending.end()) {
    throw Error(ErrorCode::bad_argument,
                fmt::format("sample {} stands twice in a selection", raw(*twice)),
                "a selection is a set: take one of them out");
  }
}

std::string Selection::fingerprint() const {
  const std::unique_ptr<XXH3_state_t, HashFree> state(XXH3_createState());
  if (state == nullptr) throw std::bad_alloc();
  XXH3_128bits_reset(state.get());
  XXH3_128bits_update(state.get(), bank_.uuid().data(), bank_.uuid().size());
  constexpr std::size_t kBlock = 4096;
  std::vector<unsigned char> bytes;
  bytes.reserve(kBlock * 8);
  for (std::size_t at = 0; at < ids_.size(); at += kBlock) {
    bytes.clear();
    for (std::size_t i = at; i < std::min(at + kBlock, ids_.size()); ++i) {
      const std::uint64_t id = raw(ids_[i]);
      for (unsigned shift = 0; shift < 64; shift += 8) {
        bytes.push_back(static_cast<unsigned char>(id >> shift));
      }
    }
    XXH3_128bits_update(state.get(), bytes.data(), bytes.size());
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

Selection Selection::united(const Selection& other) const {
  check_same_bank(*this, other);
  std::vector<SampleId> ids = ids_;
  const std::vector<SampleId> mine = sorted(ids_);
  for (const SampleId id : other.ids_) {
    if (!holds(mine, id)) ids.push_back(id);
  }
  return {bank_, std::move(ids), std::min(generation_, other.generation_),
          fmt::format("({}) OR ({})", query_, other.query_)};
}

Selection Selection::intersected(const Selection& other) const {
  check_same_bank(*this, other);
  std::vector<SampleId> ids;
  const std::vector<SampleId> theirs = sorted(other.ids_);
  for (const SampleId id : ids_) {
    if (holds(theirs, id)) ids.push_back(id);
  }
  return {bank_, std::move(ids), std::min(generation_, other.generation_),
          fmt::format("({}) AND ({})", query_, other.query_)};
}

Selection Selection::minus(const Selection& other) const {
  check_same_bank(*this, other);
  std::vector<SampleId> ids;
  const std::vector<SampleId> theirs = sorted(other.ids_);
  for (const SampleId id : ids_) {
    if (!holds(theirs, id)) ids.push_back(id);
  }
  return {bank_, std::move(ids), std::min(generation_, other.generation_),
          fmt::format("({}) AND NOT ({})", query_, other.query_)};
}

Selection Selection::symmetric_difference(const Selection& other) const {
  const Generation generation = std::min(generation_, other.generation_);
  return {bank_, minus(other).united(other.minus(*this)).ids(), generation,
          fmt::format("({}) or ({}), not both", query_, other.query_)};
}

Selection Selection::head(std::size_t count) const {
  if (count >= ids_.size()) return *this;
  return {bank_,
          {ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(count)},
          generation_,
          fmt::format("first {} of ({})", count, query_)};
}

Selection Selection::shuffled(std::uint64_t seed) const {
  std::vector<SampleId> ids = ids_;
  SplitMix random(seed);
  for (std::size_t i = ids.size(); i > 1; --i) {
    std::swap(ids[i - 1], ids[random.below(i)]);
  }
  return {bank_, std::move(ids), generation_, fmt::format("({}) shuffled by {}", query_, seed)};
}

Selection Selection::sampled(std::size_t count, std::uint64_t seed) const {
  if (count >= ids_.size()) return *this;
  // Floyd's: one draw a sample, however many there are to choose from.
  SplitMix random(seed);
  std::unordered_set<std::size_t> chosen;
  chosen.reserve(count);
  for (std::size_t last = ids_.size() - count; last < ids_.size(); ++last) {
    const auto drawn = static_cast<std::size_t>(random.below(last + 1));
    if (!chosen.insert(drawn).second) chosen.insert(last);
  }
  std::vector<std::size_t> places(chosen.begin(), chosen.end());
  std::sort(places.begin(), places.end());
  std::vector<SampleId> ids;
  ids.reserve(count);
  for (const std::size_t place : places) ids.push_back(ids_[place]);
  return {bank_, std::move(ids), generation_,
          fmt::format("{} of ({}) drawn by {}", count, query_, seed)};
}

Selection Selection::as_of(Generation generation) const {
  const PastGeneration past = past_generation(bank_, generation);
  std::vector<SampleId> ids;
  ids.reserve(ids_.size());
  std::copy_if(ids_.begin(), ids_.end(), std::back_inserter(ids),
               [&](SampleId id) { return id < past.entry.next_sample; });
  return {bank_, std::move(ids), std::min(generation_, generation), query_};
}

std::vector<SampleId> Selection::deleted() const {
  std::vector<SampleId> gone;
  const std::vector<SampleId> there = sorted(select_samples(bank_, "").ids());
  std::copy_if(ids_.begin(), ids_.end(), std::back_inserter(gone),
               [&](SampleId id) { return !holds(there, id); });
  return gone;
}

void Selection::save(const std::string& name) const {
  if (name.empty()) {
    throw Error(ErrorCode::bad_argument, "a selection cannot be kept under an empty name");
  }
  Writer writer = Writer::open(bank_.path());
  writer.put_saved_selection({name, query_, generation_, fingerprint(), ids_});
  writer.commit();
}

Selection Selection::load(const Bank& bank, const std::string& name) {
  std::optional<SavedSelection> saved = find_saved_selection(bank, name);
  if (!saved) throw_unknown(bank, name);
  Selection selection(bank, std::move(saved->samples), saved->generation, std::move(saved->query));
  if (selection.fingerprint() != saved->fingerprint) {
    throw Error(ErrorCode::corrupt,
                fmt::format("{}: the saved selection '{}' does not give its fingerprint",
                            bank.path().string(), name),
                "run `slicebank verify`, and save it again from its query");
  }
  return selection;
}

void Selection::forget(const Bank& bank, const std::string& name) {
  Writer writer = Writer::open(bank.path());
  if (!writer.delete_saved_selection(name)) throw_unknown(bank, name);
  writer.commit();
}

}  // namespace slicebank
