// The sets of ids that the writer keeps beside the rows.
#include "store/facets.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "schema/error.h"
#include "store/id_set.h"
#include "store/reindex.h"
#include "store/verify.h"
#include "tests/store/bank_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace slicebank;
using testing::Feeder;
namespace fs = std::filesystem;

std::set<std::uint64_t> plain(const IdSet& set) {
  std::set<std::uint64_t> ids;
  for (const SampleId id : set.ids()) ids.insert(raw(id));
  return ids;
}

std::set<std::uint64_t> rows(const Bank& bank, const std::string& sql) {
  std::set<std::uint64_t> ids;
  for (Rows found = select(bank, sql); found.next();) {
    ids.insert(static_cast<std::uint64_t>(found.integer(0)));
  }
  return ids;
}

// Every value of a kind, against `sql`, whose rows are value and sample.
void check_kind(const Bank& bank, FacetKind kind, const std::string& sql) {
  INFO(sql);
  std::map<std::int64_t, std::set<std::uint64_t>> expected;
  for (Rows found = select(bank, sql); found.next();) {
    expected[found.integer(0)].insert(static_cast<std::uint64_t>(found.integer(1)));
  }
  const auto facets = Facets::of(bank);
  REQUIRE(facets);
  std::map<std::int64_t, std::set<std::uint64_t>> kept;
  for (const FacetCount& each : *facets->values(kind)) {
    kept[each.value] = plain(*facets->samples(kind, each.value));
    CHECK(each.samples == kept[each.value].size());
  }
  CHECK(kept == expected);
}

void check_all(const Bank& bank) {
  check_kind(bank, FacetKind::everything, "SELECT 0, id FROM _sample");
  check_kind(bank, FacetKind::modality, "SELECT modality_id, id FROM _sample");
  check_kind(bank, FacetKind::dataset, "SELECT dataset_id, id FROM _sample");
  check_kind(bank, FacetKind::axis, "SELECT axis, id FROM _sample");
  check_kind(bank, FacetKind::subject, "SELECT subject_id, id FROM _sample");
  check_kind(bank, FacetKind::sequence,
             "SELECT v.sequence_id, s.id FROM _sample s JOIN _volume v ON v.id = s.volume_id");
  check_kind(bank, FacetKind::coverage,
             "SELECT v.coverage_set, s.id FROM _sample s JOIN _volume v ON v.id = s.volume_id");
  check_kind(bank, FacetKind::mask_class, "SELECT class_id, sample_id FROM _mask");
  check_kind(bank, FacetKind::label_class,
             "SELECT class_id, sample_id FROM _label WHERE value > 0");
  check_kind(bank, FacetKind::zero_label, "SELECT class_id, sample_id FROM _label WHERE value = 0");
  check_kind(bank, FacetKind::split_side,
             "SELECT split_id << 16 | side, sample_id FROM _split_sample");
}

// Masks by class, size and place, straight from their numbers.
void check_cells(const Bank& bank) {
  std::map<std::int64_t, std::set<std::uint64_t>> expected;
  for (Rows found = select(bank,
                           "SELECT k.class_id, k.sample_id, k.area, s.width * s.height, "
                           "k.touches_border FROM _mask k JOIN _sample s ON s.id = k.sample_id");
       found.next();) {
    const double millions = static_cast<double>(found.integer(2)) * 1e6;
    const auto pixels = static_cast<double>(found.integer(3));
    std::int64_t bin = 0;
    for (const std::uint32_t edge : kAreaEdgesPpm) {
      if (millions > edge * pixels) bin += 2;
      if (millions == edge * pixels) bin += 1;
    }
    expected[found.integer(0) << 8 | bin << 1 | found.integer(4)].insert(
        static_cast<std::uint64_t>(found.integer(1)));
  }
  const auto facets = Facets::of(bank);
  std::map<std::int64_t, std::set<std::uint64_t>> kept;
  for (const FacetCount& each : *facets->values(FacetKind::mask_cell)) {
    kept[each.value] = plain(*facets->samples(FacetKind::mask_cell, each.value));
  }
  CHECK(kept == expected);
}

}  // namespace

TEST_CASE("id_set: sets of ids join, cut and count as std::set does") {
  const std::uint64_t seed = 20261121;
  std::mt19937_64 random(seed);
  CAPTURE(seed);
  for (int round = 0; round < 60; ++round) {
    std::set<std::uint64_t> left;
    std::set<std::uint64_t> right;
    std::vector<SampleId> left_ids;
    std::vector<SampleId> right_ids;
    const std::uint64_t range = std::uint64_t{1} << (4 + round % 28);
    for (int i = 0; i < 3000; ++i) {
      left_ids.push_back(SampleId{random() % range});
      right_ids.push_back(SampleId{random() % range / 2});
      left.insert(raw(left_ids.back()));
      right.insert(raw(right_ids.back()));
    }
    const IdSet a(left_ids);
    const IdSet b(right_ids);
    std::set<std::uint64_t> both;
    std::set<std::uint64_t> either = left;
    std::set<std::uint64_t> rest;
    std::set<std::uint64_t> one;
    for (const std::uint64_t id : left) (right.count(id) != 0 ? both : rest).insert(id);
    either.insert(right.begin(), right.end());
    for (const std::uint64_t id : either) {
      if (both.count(id) == 0) one.insert(id);
    }
    CHECK(plain(a) == left);
    CHECK(plain(IdSet(a) &= b) == both);
    CHECK(plain(IdSet(a) |= b) == either);
    CHECK(plain(IdSet(a) -= b) == rest);
    CHECK(plain(IdSet(a) ^= b) == one);
    CHECK(plain(IdSet::common(a, b)) == both);
    CHECK(a.count_common(b) == both.size());
    const IdSet* parts[] = {&a, &b};
    CHECK(IdSet::united(parts) == (IdSet(a) |= b));
    CHECK(IdSet::from_bytes(a.to_bytes()) == a);
    // The same set, made another way, is the same bytes.
    CHECK(((IdSet(a) |= b) -= (IdSet(b) -= a)).to_bytes() == a.to_bytes());
  }
}

TEST_CASE("id_set: an id that no set can hold is refused, and damaged bytes are") {
  IdSet set;
  CHECK_THROWS_AS(set.add(SampleId{IdSet::kIdEnd}), Error);
  CHECK_FALSE(set.contains(SampleId{IdSet::kIdEnd}));
  set.add(SampleId{7});
  auto bytes = set.to_bytes();
  bytes.resize(bytes.size() - 1);
  CHECK_THROWS_AS(IdSet::from_bytes(bytes), Error);
}

TEST_CASE("facets: an area falls on an edge, or between two") {
  CHECK(area_bin(0, 100) == 1);
  CHECK(area_bin(1, 100) == area_bin(100, 10'000));  // 1 % exactly
  CHECK(area_bin(101, 10'000) == area_bin(100, 10'000) + 1);
  CHECK(area_bin(99, 10'000) == area_bin(100, 10'000) - 1);
  CHECK(area_bin(100, 100) == 2 * kAreaEdgesPpm.size() - 1);
  const MaskCell cell{ClassId{1u << 20}, 33, true};
  const MaskCell back = mask_cell_of(mask_cell_value(cell));
  CHECK(back.class_id == cell.class_id);
  CHECK(back.area_bin == cell.area_bin);
  CHECK(back.touches_border == cell.touches_border);
}

TEST_CASE("facets: after any history they say what the rows say") {
  const testing::TempDir folder;
  const fs::path path = folder / "a.bank";
  const std::uint64_t seed = 4711;
  std::mt19937_64 random(seed);
  CAPTURE(seed);
  const Bank bank = Bank::create(path);
  check_all(bank);
  {
    Writer writer = Writer::open(path);
    Feeder feeder(writer);
    std::vector<SampleId> alive;
    for (std::uint64_t batch = 0; batch < 12; ++batch) {
      for (std::uint64_t i = 0; i < 1 + random() % 9; ++i) {
        alive.push_back(
            feeder.add(random() % 64, 8 + 8 * static_cast<std::uint32_t>(random() % 3)));
      }
      if (batch % 3 == 2) {
        // A volume's coverage grows when its samples are there already.
        VolumeInfo info;
        info.dataset_id = feeder.dataset();
        info.subject_id = writer.subject(feeder.dataset(), "patient_1");
        info.key = "scan_patient_1";
        info.coverage = {ClassId{static_cast<std::uint32_t>(1 + batch)}};
        writer.volume(info);
      }
      SplitData split;
      split.name = batch % 2 == 0 ? "even" : "odd";
      split.params_json = split.report_json = "{}";
      split.sides = {"a", "b"};
      for (const SampleId id : alive) {
        split.samples.push_back(id);
        split.members.push_back(static_cast<std::uint16_t>(random() % 2));
      }
      writer.put_split(split);
      writer.commit();
      check_all(bank);
      check_cells(bank);
      if (batch % 4 == 3) {
        const std::vector<SampleId> gone(alive.begin() + 1, alive.begin() + 4);
        alive.erase(alive.begin() + 1, alive.begin() + 4);
        writer.delete_samples(gone);
        check_all(bank);
        check_cells(bank);
      }
    }
  }
  const auto before = testing::dump_index(bank);
  CHECK(verify(path, VerifyLevel::hashes).findings.empty());
  reindex(path);
  CHECK(testing::dump_index(Bank::open(path)).at("_facet") == before.at("_facet"));
}

TEST_CASE("facets: ask again after a commit") {
  const testing::TempDir folder;
  const Bank bank = Bank::create(folder / "a.bank");
  const auto old = Facets::of(bank);
  REQUIRE(old);
  CHECK(old == Facets::of(bank));
  Writer writer = Writer::open(bank.path());
  Feeder feeder(writer);
  feeder.add(3);
  writer.commit();
  CHECK_THROWS_AS(old->samples(FacetKind::everything, 0), FacetsOutdated);
  const auto now = Facets::of(bank);
  CHECK(now != old);
  CHECK(now->samples(FacetKind::everything, 0)->size() == 1);
  REQUIRE(now->subjects()->size() >= 2);
  CHECK(rows(bank, "SELECT subject_id FROM _sample").count((*now->subjects())[1]) == 1);
}

TEST_CASE("facets: an index without them is read, and gets them from the next writer") {
  const testing::TempDir folder;
  const fs::path path = folder / "old.bank";
  fs::copy(fs::path(SLICEBANK_SOURCE_DIR) / "tests/golden/banks/v1_0", path);
  for (const auto& file : fs::directory_iterator(path)) {
    fs::permissions(file.path(), fs::perms::owner_all);
  }
  const Bank bank = Bank::open(path);
  CHECK(Facets::of(bank) == nullptr);
  CHECK(testing::count(bank, "samples") == 28);
  Writer::open(path);
  REQUIRE(Facets::of(bank) != nullptr);
  check_all(bank);
  check_cells(bank);
  CHECK(verify(path, VerifyLevel::hashes).findings.empty());
}
