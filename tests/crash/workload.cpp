// The writer program of the crash campaigns: makes a bank and does to it everything a
// writer can do. Runs under the shim; dies or fails at any call; says after each batch
// what is durable by then.
#include "tests/crash/workload.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "schema/error.h"
#include "store/reindex.h"

namespace {

using namespace slicebank;

class Workload {
 public:
  Workload(std::filesystem::path bank, const char* acknowledgements, std::uint64_t batch)
      : bank_(std::move(bank)),
        out_(::open(acknowledgements, O_WRONLY | O_CREAT | O_APPEND, 0600)),
        batch_(batch) {}

  void run() {
    Bank::create(bank_);
    say("created");
    {
      Writer writer = Writer::open(bank_);
      testing::Feeder feeder(writer);
      insert(writer, feeder);
      insert(writer, feeder);
      erase(writer, {2, 4, 5});
      insert(writer, feeder);
      replace(writer, feeder, 3);
    }
    reindex(bank_);
    Writer writer = Writer::open(bank_);
    testing::Feeder feeder(writer);
    insert(writer, feeder);
    erase(writer, {7});
    put_split(writer);
  }

 private:
  void say(const std::string& line) {
    const std::string text = line + "\n";
    if (::write(out_, text.data(), text.size()) < 0) std::abort();
  }

  SampleId add(testing::Feeder& feeder) {
    const std::uint64_t seed = next_seed_++;
    const SampleId id = feeder.add(seed, crash::side_of(seed));
    say("queued " + std::to_string(raw(id)) + " " + std::to_string(seed));
    return id;
  }

  void commit(Writer& writer, SampleId first, SampleId last) {
    writer.commit();
    say("committed " + std::to_string(raw(first)) + " " + std::to_string(raw(last) + 1));
  }

  void insert(Writer& writer, testing::Feeder& feeder) {
    std::vector<SampleId> ids;
    for (std::uint64_t i = 0; i < batch_; ++i) ids.push_back(add(feeder));
    LedgerEntry entry{"images:phantom", "item " + std::to_string(next_seed_), 1, 2, ids, {}};
    writer.put_ledger(entry);
    commit(writer, ids.front(), ids.back());
  }

  void erase(Writer& writer, const std::vector<std::uint64_t>& numbers) {
    std::vector<SampleId> ids;
    for (const std::uint64_t number : numbers) {
      ids.push_back(SampleId{number});
      say("deleting " + std::to_string(number));
    }
    writer.delete_samples(ids);
    for (const std::uint64_t number : numbers) say("deleted " + std::to_string(number));
  }

  // As an importer does when a file has changed.
  void replace(Writer& writer, testing::Feeder& feeder, std::uint64_t old) {
    LedgerEntry entry{"images:phantom", "replaced", 3, 4, {}, {SampleId{old}}};
    const SampleId fresh = add(feeder);
    entry.samples = {fresh};
    writer.put_ledger(entry);
    commit(writer, fresh, fresh);
    erase(writer, {old});
    entry.superseded.clear();
    writer.put_ledger(entry);
    writer.commit();
  }

  void put_split(Writer& writer) {
    SplitData split;
    split.name = "main";
    split.sides = {"train", "test"};
    split.samples = {SampleId{1}, SampleId{6}};
    split.members = {0, 1};
    writer.put_split(split);
    writer.commit();
  }

  std::filesystem::path bank_;
  int out_;
  std::uint64_t batch_;
  std::uint64_t next_seed_ = 1;
};

}  // namespace

// workload BANK ACKNOWLEDGEMENTS BATCH
int main(int count, char** arguments) {
  if (count != 4) return 2;
  try {
    Workload(arguments[1], arguments[2], std::strtoull(arguments[3], nullptr, 10)).run();
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.code() == ErrorCode::out_of_space ? 3 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "unexpected: %s\n", error.what());
    return 4;
  }
}
