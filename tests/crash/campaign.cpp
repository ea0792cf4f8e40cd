// Runs the writer program again and again, each time cut short or failed at another
// mutating system call, and has the bank checked after each run.
//
//   campaign NAME WORKLOAD CHECK SHIM
//
// NAME: kill, disk-full, io-error, sync-error, no-space-once, quota, short-write. Without
// SLICEBANK_STRESS in the environment the failing campaigns take every ninth point, and
// the kills of the larger batches every fifth.
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/crash/process.h"
#include "tests/support/temp_dir.h"

namespace {

namespace fs = std::filesystem;
using slicebank::crash::run;
using slicebank::crash::text_of;

struct Campaign {
  std::string name;
  std::vector<std::string> environment;  // with $N in place of the point
  bool kills = false;
  bool sampled = true;  // every ninth point by default
  int code = 0;         // exit code of a run that fails; 0: any up to 3
  std::string cause;    // words of the message the user must see; empty: any
};

const std::vector<Campaign> kCampaigns = {
    {"kill", {"KILL_AT=$N"}, true, false, 0, ""},
    {"disk-full",
     {"FAIL_AT=$N", "FAIL_ERR=28", "FAIL_RUN=1000000"},
     false,
     true,
     3,
     "no space left"},
    {"no-space-once", {"FAIL_AT=$N", "FAIL_ERR=28"}, false, true, 0, ""},
    {"io-error", {"FAIL_AT=$N", "FAIL_ERR=5"}, false, true, 0, ""},
    {"sync-error", {"FAIL_AT=$N", "FAIL_ERR=5", "FAIL_RUN=40", "FAIL_SYNC=1"}, false, true, 0, ""},
    {"quota", {"FAIL_AT=$N", "FAIL_ERR=122", "FAIL_RUN=1000000"}, false, true, 3, "no space left"},
    {"short-write", {"FAIL_AT=$N", "FAIL_SHORT=1"}, false, true, 0, ""},
};

struct Programs {
  std::string workload;
  std::string check;
  std::string shim;
};

class Runner {
 public:
  Runner(Programs programs, const Campaign& campaign, int batch)
      : programs_(std::move(programs)), campaign_(campaign), batch_(std::to_string(batch)) {}

  // How many points an undisturbed run has. It must also pass its check.
  long count_points() {
    const fs::path place = make_place("count");
    const auto counted = place / "count";
    const int code = work(place, {"TRACE_COUNT=" + counted.string()});
    if (code != 0) {
      report("undisturbed run", "  exit " + std::to_string(code) + ": " + text_of(place / "said"));
      return 0;
    }
    check(place, "undisturbed run");
    const long points = std::strtol(text_of(counted).c_str(), nullptr, 10);
    fs::remove_all(place);
    return points;
  }

  void disturb(long point) {
    const std::string name = campaign_.name + " at " + std::to_string(point);
    const fs::path place = make_place(std::to_string(point));
    std::vector<std::string> environment;
    for (std::string each : campaign_.environment) {
      if (const auto at = each.find("$N"); at != std::string::npos) {
        each.replace(at, 2, std::to_string(point));
      }
      environment.push_back(each);
    }
    const int code = work(place, environment);
    const std::string said = text_of(place / "said");
    if (campaign_.kills) {
      if (code != 1000 + SIGKILL) report(name, "  was not killed but ended with " + said);
    } else if (code > 3 || (code != 0 && campaign_.code != 0 && code != campaign_.code)) {
      report(name, "  exit " + std::to_string(code) + ": " + said);
    } else if (code != 0 && (said.empty() || said.find(campaign_.cause) == std::string::npos)) {
      report(name, "  does not name the cause: " + said);
    }
    check(place, name);
    ++runs_;
    fs::remove_all(place);
  }

  long runs() const { return runs_; }
  long failures() const { return failures_; }

 private:
  fs::path make_place(const std::string& name) {
    const fs::path place = folder_ / name;
    fs::create_directories(place / "traced");
    return place;
  }

  int work(const fs::path& place, std::vector<std::string> environment) {
    environment.push_back("LD_PRELOAD=" + programs_.shim);
    environment.push_back("TRACE_DIR=" + (place / "traced").string());
    return run({programs_.workload, (place / "traced/a.bank").string(),
                (place / "acknowledged").string(), batch_},
               environment, place / "said");
  }

  void check(const fs::path& place, const std::string& name) {
    const auto output = place / "checked";
    const int code = run(
        {programs_.check, (place / "traced/a.bank").string(), (place / "acknowledged").string()},
        {}, output);
    if (code != 0) {
      report(name, text_of(output) + "  exit " + std::to_string(code) +
                       "; the run said: " + text_of(place / "said"));
    }
  }

  void report(const std::string& name, const std::string& text) {
    ++failures_;
    const std::lock_guard lock(mutex_);
    std::printf("FAILED %s, batch %s\n%s\n", name.c_str(), batch_.c_str(), text.c_str());
  }

  const Programs programs_;
  const Campaign& campaign_;
  const std::string batch_;
  const slicebank::testing::TempDir folder_;
  std::mutex mutex_;
  std::atomic<long> runs_{0};
  std::atomic<long> failures_{0};
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) return 2;
  const Campaign* campaign = nullptr;
  for (const Campaign& each : kCampaigns) {
    if (each.name == arguments[1]) campaign = &each;
  }
  if (campaign == nullptr) return 2;
  const bool stress = std::getenv("SLICEBANK_STRESS") != nullptr;
  long failures = 0;
  for (const int batch : {6, 14}) {
    if (batch != 6 && campaign->sampled && !stress) continue;
    const long step = stress ? 1 : campaign->sampled ? 9 : batch == 6 ? 1 : 5;
    Runner runner({arguments[2], arguments[3], arguments[4]}, *campaign, batch);
    const long points = runner.count_points();
    std::atomic<long> next{1 + (step > 1 ? batch % step : 0)};
    {
      std::vector<std::jthread> workers;
      for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) {
        workers.emplace_back([&] {
          for (long point = next.fetch_add(step); point <= points; point = next.fetch_add(step)) {
            runner.disturb(point);
          }
        });
      }
    }
    std::printf("%s, batch %d: %ld points, %ld runs, %ld failures\n", campaign->name.c_str(), batch,
                points, runner.runs(), runner.failures());
    failures += runner.failures() + (points < 100 ? 1 : 0);
  }
  return failures == 0 ? 0 : 1;
}
