// Many threads and processes at one bank.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "schema/error.h"
#include "store/internal/bank_state.h"
#include "store/internal/lmdb.h"
#include "tests/store/bank_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace slicebank;
using testing::Feeder;
namespace fs = std::filesystem;

// Sets an environment variable for as long as it lives.
class SmallMap {
 public:
  explicit SmallMap(std::uint64_t bytes) {
    ::setenv("SLICEBANK_MAP_BYTES", std::to_string(bytes).c_str(), 1);
  }
  ~SmallMap() { ::unsetenv("SLICEBANK_MAP_BYTES"); }
};

// Runs `body` in a forked child; true when it returned true there.
bool in_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    bool good = false;
    try {
      good = body();
    } catch (const std::exception&) {
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Rows first, then their records: every sample of a snapshot of rows must be readable,
// unless it was deleted meanwhile.
std::uint64_t read_all(const Bank& bank, std::atomic<std::uint64_t>& wrong) {
  std::vector<SampleId> ids;
  for (Rows rows = select(bank, "SELECT id FROM _sample"); rows.next();) {
    ids.push_back(SampleId{static_cast<std::uint64_t>(rows.integer(0))});
  }
  const Reader reader = bank.reader();
  std::uint64_t reads = 0;
  for (const SampleId id : ids) {
    try {
      const Sample sample = reader.sample(id);
      const std::uint64_t seed = std::strtoull(sample.name.c_str() + 6, nullptr, 10);
      if (sample.image != testing::make_sample(seed, {}, 32).image) ++wrong;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::not_found) ++wrong;
    }
    ++reads;
  }
  return reads;
}

}  // namespace

TEST_CASE("concurrency: readers beside a writer whose map grows see whole snapshots") {
  const SmallMap small(256 * 1024);
  testing::TempDir folder;
  const Bank bank = Bank::create(folder / "a.bank");
  const std::uint64_t map_before = bank.state()->records().map_bytes();
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> reads{0};
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      const Bank own = Bank::open(folder / "a.bank");
      while (!done) reads += read_all(own, wrong);
    });
  }
  {
    Writer writer = Writer::open(folder / "a.bank");
    Feeder feeder(writer);
    std::uint64_t seed = 0;
    for (int batch = 0; batch < 60; ++batch) {
      for (int i = 0; i < 25; ++i) feeder.add(seed++);
      writer.commit();
      if (batch % 7 == 6) {
        writer.delete_samples(std::vector<SampleId>{SampleId{seed - 3}, SampleId{seed - 9}});
      }
    }
  }
  done = true;
  readers.clear();
  CHECK(wrong == 0);
  CHECK(reads > 1000);
  CHECK(bank.state()->records().map_bytes() > map_before);
  CHECK(testing::count(bank, "_sample") == 60 * 25 - 16);
}

TEST_CASE("concurrency: a reader in another process follows a map that grew") {
  const SmallMap small(256 * 1024);
  testing::TempDir folder;
  { const Bank bank = Bank::create(folder / "a.bank"); }
  int to_child[2];
  int to_parent[2];
  REQUIRE(::pipe(to_child) == 0);
  REQUIRE(::pipe(to_parent) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    char token = 0;
    bool good = true;
    try {
      const Bank bank = Bank::open(folder / "a.bank");
      good = ::write(to_parent[1], "r", 1) == 1 && ::read(to_child[0], &token, 1) == 1;
      std::atomic<std::uint64_t> wrong{0};
      good = good && read_all(bank, wrong) == 500 && wrong == 0;
    } catch (const std::exception&) {
      good = false;
    }
    ::_exit(good ? 0 : 1);
  }
  char token = 0;
  REQUIRE(::read(to_parent[0], &token, 1) == 1);
  {
    Writer writer = Writer::open(folder / "a.bank");
    Feeder feeder(writer);
    for (std::uint64_t seed = 0; seed < 500; ++seed) feeder.add(seed);
    writer.commit();
  }
  REQUIRE(::write(to_child[1], "g", 1) == 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  for (const int each : {to_child[0], to_child[1], to_parent[0], to_parent[1]}) ::close(each);
}

TEST_CASE("concurrency: a forked child reads through handles it inherited") {
  testing::TempDir folder;
  const Bank bank = Bank::create(folder / "a.bank");
  {
    Writer writer = Writer::open(folder / "a.bank");
    Feeder feeder(writer);
    for (std::uint64_t seed = 0; seed < 40; ++seed) feeder.add(seed);
    writer.commit();
  }
  const Reader reader = bank.reader();
  const Sample before = reader.sample(SampleId{7});
  Rows open_rows = select(bank, "SELECT id FROM _sample");
  REQUIRE(open_rows.next());

  for (int round = 0; round < 4; ++round) {
    CHECK(in_child([&] {
      { const Rows inherited = std::move(open_rows); }  // left alone, not closed
      for (int i = 0; i < 200; ++i) {
        if (!(reader.sample(SampleId{7}) == before)) return false;
      }
      std::atomic<std::uint64_t> wrong{0};
      // A grandchild inherits from a child that has reopened.
      const bool below = in_child([&] { return reader.sample(SampleId{7}) == before; });
      return below && read_all(bank, wrong) == 40 && wrong == 0;
    }));
  }
  CHECK(open_rows.next());
  CHECK(reader.sample(SampleId{7}) == before);
}

TEST_CASE("concurrency: a child of a writer neither writes nor holds its lock") {
  testing::TempDir folder;
  { const Bank bank = Bank::create(folder / "a.bank"); }
  auto writer = std::make_unique<Writer>(Writer::open(folder / "a.bank"));
  Feeder feeder(*writer);
  feeder.add(1);
  int gate[2];
  REQUIRE(::pipe(gate) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    ::close(gate[1]);
    writer.reset();  // the parent's; must not commit, close or unlock anything
    char token = 0;
    const ssize_t got = ::read(gate[0], &token, 1);  // stays until the parent closes its end
    ::_exit(got == 0 ? 0 : 1);
  }
  WriterOptions hurried;
  hurried.lock_wait_ms = 200;
  CHECK_THROWS_AS(Writer::open(folder / "a.bank", hurried), Error);
  writer->commit();
  writer.reset();
  CHECK_NOTHROW(Writer::open(folder / "a.bank", hurried));  // though the child lives
  ::close(gate[1]);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  ::close(gate[0]);
  CHECK(testing::count(Bank::open(folder / "a.bank"), "_sample") == 1);
}

TEST_CASE("concurrency: readers killed in a transaction do not let the file grow") {
  testing::TempDir folder;
  const Bank bank = Bank::create(folder / "a.bank");
  const auto rewrite = [&](int rounds) {
    Writer writer = Writer::open(folder / "a.bank");
    Feeder feeder(writer);
    for (int round = 0; round < rounds; ++round) {
      std::vector<SampleId> ids;
      // Large enough that the log of generations, which does grow, is next to nothing.
      for (std::uint64_t seed = 0; seed < 20; ++seed) ids.push_back(feeder.add(seed, 160));
      writer.commit();
      writer.delete_samples(ids);
    }
  };
  rewrite(10);
  const std::uint64_t before = bank.info().record_file_bytes;
  for (int reader = 0; reader < 20; ++reader) {
    const pid_t child = ::fork();
    if (child == 0) {
      const Bank own = Bank::open(folder / "a.bank");
      const lmdb::ReadTransaction transaction(own.state()->records());
      ::kill(::getpid(), SIGKILL);
    }
    ::waitpid(child, nullptr, 0);
    rewrite(1);
  }
  rewrite(10);
  CHECK(bank.info().record_file_bytes <= before + before / 10);
}

TEST_CASE("concurrency: many threads open, read and close the same bank") {
  testing::TempDir folder;
  {
    const Bank bank = Bank::create(folder / "a.bank");
    Writer writer = Writer::open(folder / "a.bank");
    Feeder feeder(writer);
    for (std::uint64_t seed = 0; seed < 10; ++seed) feeder.add(seed);
    writer.commit();
  }
  std::atomic<std::uint64_t> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < 20; ++round) {
          if (read_all(Bank::open(folder / "a.bank"), wrong) != 10) ++wrong;
        }
      });
    }
  }
  CHECK(wrong == 0);
}
