#include "query/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "query/audit_near.h"
#include "query/internal/blank_images.h"
#include "query/internal/columns.h"
#include "query/internal/equal_pixels.h"
#include "query/internal/official_side.h"
#include "query/internal/person_numbers.h"
#include "schema/error.h"
#include "store/select.h"

namespace slicebank {
namespace {

constexpr std::size_t kFindingsMax = 1000;
constexpr std::size_t kSamplesShown = 3;  // of each side of a finding
constexpr std::size_t kOfficialSidesMax = 1000;

class Auditor {
 public:
  Auditor(const Bank& bank, const SplitData& split, const AuditOptions& options)
      : bank_(bank),
        split_(split),
        options_(options),
        columns_(load_samples(bank, &split.samples, {false, true})) {}

  AuditReport run() {
    report_.split = split_.name;
    report_.samples = columns_.size();
    find_sides();
    find_persons();
    find_pixels();
    if (options_.near_distance) find_near();
    Rows rows = select(bank_, "SELECT coalesce(sum(samples), 0) FROM _rollup_sample");
    const std::uint64_t all = rows.next() ? static_cast<std::uint64_t>(rows.integer(0)) : 0;
    report_.unassigned = all - std::min(all, report_.samples);
    return std::move(report_);
  }

 private:
  // Samples that the split names and the bank no longer has stand nowhere.
  void find_sides() {
    std::size_t at = 0;
    for (const SampleId id : columns_.ids) {
      while (split_.samples[at] < id) ++at;
      sides_.push_back(split_.members[at]);
    }
  }

  // Adds a finding for samples (places) that stand on more than one side; false when they
  // do not.
  bool report_crossing(const char* kind, const std::vector<std::size_t>& places,
                       const std::string& what) {
    std::map<std::uint16_t, std::vector<std::size_t>> by_side;
    for (const std::size_t place : places) by_side[sides_[place]].push_back(place);
    if (by_side.size() < 2) return false;
    if (report_.findings.size() >= kFindingsMax) return true;
    AuditFinding finding;
    finding.kind = kind;
    std::string counts;
    for (const auto& [side, there] : by_side) {
      finding.sides.push_back(split_.sides.at(side));
      counts += fmt::format("{}{} in {}", counts.empty() ? "" : ", ", there.size(),
                            split_.sides.at(side));
      for (std::size_t i = 0; i < std::min(there.size(), kSamplesShown); ++i) {
        finding.samples.push_back(columns_.ids[there[i]]);
      }
    }
    finding.message = fmt::format("{}: {}", what, counts);
    report_.findings.push_back(std::move(finding));
    return true;
  }

  // A subject on two sides; and one person under several names, on two sides taken together.
  void find_persons() {
    std::map<std::uint64_t, std::vector<std::size_t>> by_subject;
    for (std::size_t place = 0; place < columns_.size(); ++place) {
      by_subject[columns_.subjects[place]].push_back(place);
    }
    const auto persons = load_persons(bank_, options_.aliases);
    std::map<std::uint64_t, std::vector<std::uint64_t>> by_alias;
    for (const auto& [subject, places] : by_subject) {
      const Person& person = persons.at(subject);
      by_alias[person.number].push_back(subject);
      if (report_crossing("subject", places, fmt::format("subject {}", person.name))) {
        ++report_.leaking_subjects;
      }
    }
    for (const auto& [number, subjects] : by_alias) {
      if (subjects.size() < 2) continue;
      std::vector<std::size_t> places;
      std::string names;
      for (const std::uint64_t subject : subjects) {
        const auto& own = by_subject.at(subject);
        places.insert(places.end(), own.begin(), own.end());
        names += (names.empty() ? "" : " = ") + persons.at(subject).name;
      }
      if (report_crossing("alias", places, fmt::format("one person, {}", names))) {
        ++report_.leaking_aliases;
      }
    }
  }

  void find_pixels() {
    const auto crosses = [&](const std::vector<std::size_t>& places) {
      return std::any_of(places.begin(), places.end(), [&](std::size_t place) {
        return sides_[place] != sides_[places.front()];
      });
    };
    for_each_equal_set(bank_, columns_, crosses, [&](const std::vector<std::size_t>& places) {
      report_crossing("pixels", places, fmt::format("{} equal images", places.size()));
      ++report_.leaking_images;
    });
  }

  void find_near() {
    NearOptions near;
    near.distance = *options_.near_distance;
    near.aliases = options_.aliases;
    near.samples = &columns_.ids;
    near.limit = kFindingsMax;
    near.wanted = [&](std::size_t a, std::size_t b) {
      return sides_[a] != sides_[b] && columns_.hashes[a] != columns_.hashes[b];
    };
    const auto persons = load_persons(bank_, options_.aliases);
    for (const NearPair& pair : near_duplicates(bank_, near, &report_.leaking_near)) {
      std::vector<std::size_t> places;
      std::string names;
      for (const SampleId id : {pair.first, pair.second}) {
        places.push_back(static_cast<std::size_t>(
            std::lower_bound(columns_.ids.begin(), columns_.ids.end(), id) - columns_.ids.begin()));
        names += (names.empty() ? "" : " and ") + persons.at(columns_.subjects[places.back()]).name;
      }
      report_crossing("near", places,
                      fmt::format("{}, {} pair{} of images alike, the nearest {} bit{} apart",
                                  names, pair.images, pair.images == 1 ? "" : "s", pair.distance,
                                  pair.distance == 1 ? "" : "s"));
    }
  }

  const Bank& bank_;
  const SplitData& split_;
  const AuditOptions& options_;
  SampleColumns columns_;
  std::vector<std::uint16_t> sides_;  // a sample
  AuditReport report_;
};

}  // namespace

AuditReport audit_split(const Bank& bank, const SplitData& split, const AuditOptions& options) {
  return Auditor(bank, split, options).run();
}

PlacedSplit place_split(const Bank& bank, const ListedSplit& listed) {
  const SampleColumns columns = load_samples(bank, nullptr, {true, false});
  const auto dataset_names = load_code_names(bank, "_dataset");
  struct VolumeNames {
    std::string patient, key, file;
  };
  std::unordered_map<std::uint64_t, VolumeNames> volumes;
  for (Rows rows = select(bank,
                          "SELECT v.id, u.patient_id, v.key, v.source_path FROM _volume v "
                          "JOIN _subject u ON u.id = v.subject_id");
       rows.next();) {
    volumes.emplace(static_cast<std::uint64_t>(rows.integer(0)),
                    VolumeNames{std::string(rows.text(1)), std::string(rows.text(2)),
                                std::string(rows.text(3))});
  }
  std::set<std::string> datasets;
  for (const auto& [code, name] : dataset_names) datasets.insert(name);
  ListPlaces places = place_lists(listed, datasets, [&](const auto& visit) {
    for (std::size_t row = 0; row < columns.size(); ++row) {
      const VolumeNames& volume = volumes.at(columns.volumes[row]);
      visit(row, RowNames{dataset_names.at(columns.datasets[row]), volume.patient, volume.key,
                          volume.file, columns.names[row]});
    }
  });
  PlacedSplit placed;
  placed.split.name = listed.name;
  placed.split.generation = bank.generation();
  placed.split.sides = std::move(places.sides);
  for (const auto& [row, side] : places.places) {
    placed.split.samples.push_back(columns.ids[static_cast<std::size_t>(row)]);
    placed.split.members.push_back(side);
  }
  placed.listed_twice = std::move(places.listed_twice);
  placed.unmatched = places.unmatched;
  placed.unmatched_names = std::move(places.unmatched_names);
  for (const std::size_t list : places.unknown_lists) {
    placed.unmatched += listed.lists[list].ids.size();
    placed.unmatched_names.push_back(fmt::format(
        "any of the {} names of {}", listed.lists[list].ids.size(), listed.lists[list].file));
  }
  return placed;
}

SplitData official_split(const Bank& bank) {
  const SampleColumns columns = load_samples(bank, nullptr);
  const VolumeColumns volumes = load_volumes(bank);
  std::vector<std::string> side_of_word;
  for (const std::string& word : volumes.official_splits) {
    side_of_word.push_back(official_side(word));
  }
  // Only sides that some sample has; train, val and test first.
  std::set<std::string> used;
  for (const std::uint64_t volume : columns.volumes) {
    used.insert(side_of_word[volumes.volumes.at(volume).official_split]);
  }
  used.erase("");
  SplitData split;
  split.name = "official";
  split.generation = bank.generation();
  split.params_json = R"({"official":true})";
  for (const char* usual : {"train", "val", "test"}) {
    if (used.erase(usual) != 0) split.sides.emplace_back(usual);
  }
  split.sides.insert(split.sides.end(), used.begin(), used.end());
  if (split.sides.size() > kOfficialSidesMax) {
    throw Error(ErrorCode::limit,
                fmt::format("the volumes of {} name {} official sides; at most {} make a split",
                            bank.path().string(), split.sides.size(), kOfficialSidesMax),
                "look at them: slicebank stats BANK --by official_split");
  }
  for (std::size_t place = 0; place < columns.size(); ++place) {
    const std::string& side =
        side_of_word[volumes.volumes.at(columns.volumes[place]).official_split];
    if (side.empty()) continue;
    split.samples.push_back(columns.ids[place]);
    split.members.push_back(static_cast<std::uint16_t>(
        std::find(split.sides.begin(), split.sides.end(), side) - split.sides.begin()));
  }
  return split;
}

std::vector<DuplicateImages> duplicate_images(const Bank& bank, std::size_t limit) {
  BlankImages blank(bank);
  std::vector<DuplicateImages> groups;
  // The index on the hash answers this alone.
  Rows rows = select(bank,
                     "SELECT hash_high, hash_low, min(id) FROM _sample GROUP BY hash_high, "
                     "hash_low HAVING count(*) > 1 ORDER BY count(*) DESC, min(id)");
  while (groups.size() < limit && rows.next()) {
    const ContentHash hash{static_cast<std::uint64_t>(rows.integer(0)),
                           static_cast<std::uint64_t>(rows.integer(1))};
    if (blank.contains(hash, SampleId{static_cast<std::uint64_t>(rows.integer(2))})) continue;
    DuplicateImages group;
    Rows members = select(bank,
                          "SELECT id FROM _sample WHERE hash_high = ? AND hash_low = ? "
                          "ORDER BY id",
                          {rows.integer(0), rows.integer(1)});
    while (members.next()) {
      group.samples.push_back(SampleId{static_cast<std::uint64_t>(members.integer(0))});
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace slicebank
