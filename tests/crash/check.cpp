// Looks at a bank after its writer died: recovers it as the next writer would, and
// compares with what was acknowledged. Prints what is wrong; exit 0 when nothing is.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "schema/error.h"
#include "store/verify.h"
#include "tests/crash/workload.h"

namespace {

using namespace slicebank;

struct Acknowledged {
  bool created = false;
  std::map<std::uint64_t, std::uint64_t> seeds;  // of every id that was queued
  std::set<std::uint64_t> must;
  std::set<std::uint64_t> gone;
};

Acknowledged read_acknowledgements(const char* file) {
  Acknowledged told;
  std::ifstream lines(file);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string verb;
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    words >> verb >> first >> second;
    if (verb == "created") told.created = true;
    if (verb == "queued") told.seeds[first] = second;
    if (verb == "committed") {
      for (std::uint64_t id = first; id < second; ++id) told.must.insert(id);
    }
    if (verb == "deleting") told.must.erase(first);
    if (verb == "deleted") told.gone.insert(first);
  }
  return told;
}

class Check {
 public:
  Check(const std::filesystem::path& bank, const char* acknowledgements)
      : path_(bank), told_(read_acknowledgements(acknowledgements)) {}

  int run() {
    if (!std::filesystem::exists(path_)) {
      if (told_.created) wrong("the bank is gone");
      return wrongs_;
    }
    {
      Writer writer = Writer::open(path_);
      compare(writer.bank());
      testing::Feeder feeder(writer);
      const SampleId id = feeder.add(77);
      if (!told_.seeds.empty() && raw(id) < told_.seeds.begin()->first)
        wrong("an id is used again");
      if (told_.gone.contains(raw(id)) || told_.must.contains(raw(id)))
        wrong("an id is used again");
      writer.commit();
    }
    const VerifyReport report = verify(path_, VerifyLevel::hashes);
    for (const VerifyFinding& finding : report.findings)
      wrong(finding.kind + ": " + finding.message);
    for (const std::string& note : report.notes) wrong("note: " + note);
    return wrongs_;
  }

 private:
  void wrong(const std::string& what) {
    ++wrongs_;
    std::printf("  %s\n", what.c_str());
  }

  void compare(const Bank& bank) {
    std::set<std::uint64_t> rows;
    for (Rows each = select(bank, "SELECT id FROM _sample"); each.next();) {
      rows.insert(static_cast<std::uint64_t>(each.integer(0)));
    }
    std::set<std::uint64_t> records;
    const Reader reader = bank.reader();
    reader.for_each_id([&](SampleId id) { return records.insert(raw(id)).second; });
    const auto name = [](std::uint64_t id) { return "sample " + std::to_string(id); };
    for (const auto id : rows) {
      if (!records.contains(id)) wrong(name(id) + " is dangling");
      if (told_.gone.contains(id)) wrong(name(id) + " is resurrected");
      if (!told_.seeds.contains(id)) wrong(name(id) + " was never queued");
    }
    for (const auto id : records) {
      if (!rows.contains(id)) wrong(name(id) + " is an orphan");
    }
    for (const auto id : told_.must) {
      if (!rows.contains(id)) wrong(name(id) + " is lost");
    }
    if (records.empty()) return;
    std::vector<ClassId> classes;
    for (const RawClass& each : bank.datasets().at(0).classes) classes.push_back(each.class_id);
    for (const auto id : records) {
      const auto seed = told_.seeds.find(id);
      if (seed == told_.seeds.end()) continue;
      if (!(reader.sample(SampleId{id}) == crash::sample_of(seed->second, classes))) {
        wrong(name(id) + " has other contents");
      }
    }
  }

  const std::filesystem::path path_;
  const Acknowledged told_;
  int wrongs_ = 0;
};

}  // namespace

// check BANK ACKNOWLEDGEMENTS
int main(int count, char** arguments) {
  if (count != 3) return 2;
  try {
    return Check(arguments[1], arguments[2]).run() == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::printf("  %s\n", error.what());
    return 1;
  }
}
