// Damage of all kinds: what is not as it was written is found out, and nothing that is
// read is ever wrong.
#include "store/verify.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "schema/error.h"
#include "store/internal/sqlite.h"
#include "store/internal/tree_walk.h"
#include "store/reindex.h"
#include "tests/store/bank_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace slicebank;
using testing::dump_index;
using testing::Feeder;
namespace fs = std::filesystem;

constexpr std::size_t kPage = 4096;

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

// Enough of everything for branch pages, leaves, values on pages of their own and a free
// list. Returns the samples, in the order of their ids.
std::vector<Sample> make_bank(const fs::path& path, int samples) {
  { const Bank bank = Bank::create(path); }
  {
    Writer writer = Writer::open(path);
    Feeder feeder(writer);
    for (int i = 0; i < samples; ++i) {
      feeder.add(static_cast<std::uint64_t>(i), i % 4 == 0 ? 80 : 16);
      if (i % 20 == 19) writer.commit();
    }
    writer.commit();
    writer.delete_samples(std::vector<SampleId>{SampleId{4}, SampleId{9}});
  }
  const Bank bank = Bank::open(path);
  std::vector<Sample> all;
  bank.reader().for_each_id([&](SampleId id) {
    all.push_back(bank.reader().sample(id));
    return true;
  });
  return all;
}

enum class Outcome { same, refused, missing, wrong, crashed };

const char* name_of(Outcome outcome) {
  const char* const names[] = {"same", "refused", "missing", "wrong", "crashed or hung"};
  return names[static_cast<int>(outcome)];
}

// Opens with the structure checked and reads everything, by key and by scan, in a child
// process that a damaged file may take down.
Outcome read_damaged(const fs::path& path, const std::vector<Sample>& expected) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, 2);
    Outcome outcome = Outcome::same;
    try {
      OpenOptions options;
      options.check_structure = true;
      const Bank bank = Bank::open(path, options);
      const Reader reader = bank.reader();
      std::size_t at = 0;
      for (std::uint64_t number = 1; number <= expected.size() + 2; ++number) {
        if (number == 4 || number == 9) continue;
        try {
          if (!(reader.sample(SampleId{number}) == expected[at++])) outcome = Outcome::wrong;
        } catch (const Error& error) {
          if (outcome != Outcome::same) continue;
          outcome = error.code() == ErrorCode::not_found ? Outcome::missing : Outcome::refused;
        }
      }
      std::size_t seen = 0;
      reader.for_each_id([&](SampleId) { return ++seen > 0; });
      if (seen != expected.size() && outcome == Outcome::same) outcome = Outcome::missing;
    } catch (const Error&) {
      outcome = Outcome::refused;
    } catch (...) {
      outcome = Outcome::crashed;
    }
    ::_exit(static_cast<int>(outcome));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? static_cast<Outcome>(WEXITSTATUS(status)) : Outcome::crashed;
}

// verify() in a child of its own; true when it called the bank damaged or refused it.
bool verify_finds(const fs::path& path, VerifyLevel level) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(30);
    bool found = true;
    try {
      found = !verify(path, level).sound();
    } catch (const Error&) {
    }
    ::_exit(found ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::uint64_t repeats(std::uint64_t usual) {
  return std::getenv("SLICEBANK_STRESS") == nullptr ? usual : usual * 50;
}

}  // namespace

TEST_CASE("verify: flipped bits in the records are refused or harmless, never wrong") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  const auto expected = make_bank(path, 120);
  const std::string sound = read_file(path / "records.lmdb");
  const std::uint64_t seed = std::random_device{}();
  MESSAGE("seed ", seed);
  std::mt19937_64 random(seed);
  std::vector<std::size_t> tree_pages;  // meta, branch and leaf pages
  for (std::size_t page = 0; page * kPage < sound.size(); ++page) {
    const unsigned flags = static_cast<unsigned char>(sound[page * kPage + 10]);
    std::uint64_t number = 0;
    std::memcpy(&number, sound.data() + page * kPage, sizeof number);
    if (number == page && (flags & 0x0b) != 0) tree_pages.push_back(page);
  }
  REQUIRE(tree_pages.size() > 8);
  std::size_t refused = 0;
  const std::uint64_t rounds = repeats(300);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    CAPTURE(round);
    std::string damaged = sound;
    const bool in_tree = round % 3 != 0;
    // Half of the tree flips hit page headers and the offsets behind them.
    const std::size_t in_page = random() % (round % 2 == 0 ? 64 : kPage);
    const std::size_t at = in_tree ? tree_pages[random() % tree_pages.size()] * kPage + in_page
                                   : random() % sound.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    write_file(path / "records.lmdb", damaged);
    const Outcome outcome = read_damaged(path, expected);
    CHECK_MESSAGE((outcome == Outcome::same || outcome == Outcome::refused), "bit flip at byte ",
                  at, ": ", name_of(outcome));
    refused += outcome == Outcome::refused ? 1 : 0;
  }
  CHECK(refused > rounds / 10);
  write_file(path / "records.lmdb", sound);
  CHECK(read_damaged(path, expected) == Outcome::same);
}

TEST_CASE("verify: lost, foreign, random and cut pages of the records are refused") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  const auto expected = make_bank(path, 120);
  const std::string sound = read_file(path / "records.lmdb");
  const std::uint64_t seed = std::random_device{}();
  MESSAGE("seed ", seed);
  std::mt19937_64 random(seed);
  const std::size_t pages = sound.size() / kPage;
  for (std::uint64_t round = 0; round < repeats(120); ++round) {
    CAPTURE(round);
    std::string damaged = sound;
    const std::size_t page = random() % pages;
    switch (round % 4) {
      case 0:
        std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(page * kPage), kPage, '\0');
        break;
      case 1:
        for (std::size_t i = 0; i < kPage; ++i) {
          damaged[page * kPage + i] = static_cast<char>(random());
        }
        break;
      case 2:
        damaged.replace(page * kPage, kPage, sound, (random() % pages) * kPage, kPage);
        break;
      default:
        damaged.resize(random() % sound.size());
    }
    write_file(path / "records.lmdb", damaged);
    const Outcome outcome = read_damaged(path, expected);
    CHECK_MESSAGE((outcome == Outcome::same || outcome == Outcome::refused), "page ", page, ": ",
                  name_of(outcome));
  }
}

TEST_CASE("verify: every bit of a record counts") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  make_bank(path, 12);
  const std::string sound = read_file(path / "records.lmdb");
  // Sample 1 is large: its record begins behind the head of an overflow page.
  const std::size_t bytes = Bank::open(path).reader().record_bytes(SampleId{1});
  REQUIRE(bytes > kPage / 2);
  std::size_t at = 0;
  for (std::size_t page = 2; page * kPage < sound.size(); ++page) {
    const char* head = sound.data() + page * kPage;
    std::uint64_t id = 0;
    std::memcpy(&id, head + 16 + 104, sizeof id);
    if (std::memcmp(head + 16, "SLBR", 4) == 0 && id == 1) at = page * kPage + 16;
  }
  REQUIRE(at != 0);
  std::mt19937_64 random(5);
  for (int round = 0; round < 40; ++round) {
    std::string damaged = sound;
    const std::size_t byte = at + random() % bytes;
    damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << random() % 8));
    write_file(path / "records.lmdb", damaged);
    CAPTURE(byte - at);
    CHECK(verify_finds(path, VerifyLevel::hashes));
  }
}

TEST_CASE("verify: flipped bits in the index are found, and reindex restores it") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  make_bank(path, 60);
  const auto before = dump_index(Bank::open(path));
  const std::string sound = read_file(path / "index.sqlite");
  const std::uint64_t seed = std::random_device{}();
  MESSAGE("seed ", seed);
  std::mt19937_64 random(seed);
  std::uint64_t found = 0;
  const std::uint64_t rounds = repeats(40);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    CAPTURE(round);
    std::string damaged = sound;
    const std::size_t at = random() % sound.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    write_file(path / "index.sqlite", damaged);
    if (verify_finds(path, VerifyLevel::hashes)) {
      ++found;
    } else {
      CHECK_MESSAGE(dump_index(Bank::open(path)) == before, "silent difference, byte ", at);
    }
  }
  CHECK(found > 0);
  reindex(path);
  CHECK(dump_index(Bank::open(path)) == before);
  CHECK(verify(path, VerifyLevel::decode).sound());
}

TEST_CASE("verify: rows and records that miss each other are named") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  make_bank(path, 20);
  {
    auto index = sqlite::Connection::open(path / "index.sqlite", sqlite::Purpose::write);
    index.execute(
        "DELETE FROM _sample WHERE id = 7;"
        "INSERT INTO _sample SELECT 99, volume_id, modality_id, dataset_id, subject_id, axis, "
        "slice, name, width, height, channels, pixel_type, masks, labels, record_bytes, "
        "hash_high, hash_low FROM _sample WHERE id = 8;"
        "UPDATE _sample SET name = 'another' WHERE id = 10;"
        "UPDATE _rollup_sample SET samples = samples + 1");
  }
  const VerifyReport report = verify(path, VerifyLevel::hashes);
  std::vector<std::string> kinds;
  for (const VerifyFinding& finding : report.findings) {
    kinds.push_back(finding.kind + " " + std::to_string(raw(finding.sample)));
  }
  const auto has = [&](const std::string& kind) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  };
  CHECK(has("record-without-row 7"));
  CHECK(has("row-without-record 99"));
  CHECK(has("row-differs 10"));
  CHECK(has("index-differs 0"));
  CHECK(report.findings_total == 4);
  CHECK(verify(path, VerifyLevel::structure).sound());  // the numbers happen to agree

  const ReindexReport mended = reindex(path);
  CHECK(mended.dropped_rows == std::vector<SampleId>{SampleId{99}});
  CHECK(mended.raised_next_id);
  CHECK(verify(path, VerifyLevel::hashes).sound());
  CHECK_THROWS_WITH_AS(Bank::open(path).reader().info(SampleId{99}), doctest::Contains("given up"),
                       Error);
}

TEST_CASE("verify: what SQLite's planner goes by is ours, and is compared") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  make_bank(path, 5);
  const auto before = dump_index(Bank::open(path));
  for (const char* damage :
       {"UPDATE sqlite_stat1 SET stat = '1000000 4000 10p0' WHERE tbl = '_label'",
        "DELETE FROM sqlite_stat1 WHERE tbl = '_label'", "DROP TABLE sqlite_stat1"}) {
    CAPTURE(damage);
    sqlite::Connection::open(path / "index.sqlite", sqlite::Purpose::write).execute(damage);
    const VerifyReport report = verify(path, VerifyLevel::hashes);
    REQUIRE(report.findings_total >= 1);
    CHECK(report.findings[0].kind == "index-differs");
    reindex(path);
    CHECK(verify(path, VerifyLevel::hashes).sound());
    CHECK(dump_index(Bank::open(path)) == before);
  }
}

TEST_CASE("verify: a bank that is not there is no finding") {
  testing::TempDir folder;
  CHECK_THROWS_AS(verify(folder / "no.bank", VerifyLevel::structure), Error);
  CHECK_THROWS_AS(verify(folder.path(), VerifyLevel::structure), Error);
}

TEST_CASE("tree walk: counts what is there, and survives what is not a record file") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  const auto expected = make_bank(path, 120);
  const auto file = path / "records.lmdb";
  TreeWalkOptions options;
  options.check_overflow_heads = true;
  const auto report = walk_tree(file, options);
  REQUIRE(report.has_value());
  CHECK(report->records == expected.size());
  CHECK(report->pages_free > 0);
  CHECK(check_meta_pages(file));
  options.transaction = report->transaction + 2;
  CHECK(!walk_tree(file, options).has_value());

  const auto junk = folder / "junk";
  for (const std::size_t size : {0u, 1u, 1023u, 4096u, 8192u, 100'000u}) {
    write_file(junk, std::string(size, 'x'));
    CHECK_THROWS_AS(check_meta_pages(junk), Error);
    CHECK_THROWS_AS(walk_tree(junk), Error);
  }
  CHECK_THROWS_AS(walk_tree(folder / "nothing"), Error);
}
