// Kills `slicebank import`, `delete` and `reindex` before each of their mutating system
// calls, runs the same command once more, and compares with a bank that nobody disturbed.
//
//   commands SLICEBANK SHIM
//
// Without SLICEBANK_STRESS in the environment every third point is taken.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/phantom.h"
#include "store/bank.h"
#include "store/verify.h"
#include "tests/crash/process.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace slicebank;
namespace fs = std::filesystem;

struct Command {
  std::string verb;
  std::vector<std::string> before;  // arguments in front of the bank
  std::vector<std::string> after;   // and behind it
  fs::path start;                   // a bank to begin with; empty: none
};

class Campaign {
 public:
  Campaign(std::string slicebank, std::string shim)
      : slicebank_(std::move(slicebank)), shim_(std::move(shim)) {}

  const fs::path& folder() const { return folder_.path(); }
  long failures() const { return failures_; }

  // Does the command undisturbed, below `name`, and returns the bank it leaves.
  fs::path finished(const Command& command, const std::string& name) {
    const fs::path place = make_place(command, name);
    const int code = perform(command, place, {});
    if (code != 0) report(command.verb, "exit " + std::to_string(code) + ": " + said(place));
    return place / "traced/a.bank";
  }

  void kill_everywhere(const Command& command, long step) {
    const fs::path counting = make_place(command, command.verb + "-count");
    perform(command, counting, {"TRACE_COUNT=" + (counting / "count").string()});
    const std::string expected = digest(counting / "traced/a.bank");
    const long points = std::strtol(crash::text_of(counting / "count").c_str(), nullptr, 10);
    std::atomic<long> next{1};
    std::atomic<long> killed{0};
    std::atomic<long> runs{0};
    {
      std::vector<std::jthread> workers;
      for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) {
        workers.emplace_back([&] {
          for (long point = next.fetch_add(step); point <= points; point = next.fetch_add(step)) {
            killed += kill_at(command, point, expected) ? 1 : 0;
            ++runs;
          }
        });
      }
    }
    std::printf("%s: %ld points, %ld runs, %ld killed, %ld failures\n", command.verb.c_str(),
                points, runs.load(), killed.load(), failures());
    // Two threads' calls interleave, so the last points may not be reached; most must be.
    if (points < 10 || killed.load() * 10 < runs.load() * 9) {
      report(command.verb, "too few runs were killed for this to mean anything");
    }
  }

 private:
  fs::path make_place(const Command& command, const std::string& name) {
    const fs::path place = folder_ / name;
    fs::create_directories(place / "traced");
    if (!command.start.empty()) {
      fs::copy(command.start, place / "traced/a.bank", fs::copy_options::recursive);
    }
    return place;
  }

  int perform(const Command& command, const fs::path& place, std::vector<std::string> environment) {
    std::vector<std::string> words = {slicebank_, command.verb};
    words.insert(words.end(), command.before.begin(), command.before.end());
    words.push_back((place / "traced/a.bank").string());
    words.insert(words.end(), command.after.begin(), command.after.end());
    if (!environment.empty()) {
      environment.push_back("LD_PRELOAD=" + shim_);
      environment.push_back("TRACE_DIR=" + (place / "traced").string());
    }
    return crash::run(words, environment, place / "said");
  }

  bool kill_at(const Command& command, long point, const std::string& expected) {
    const std::string name = command.verb + " killed at " + std::to_string(point);
    const fs::path place = make_place(command, command.verb + "-" + std::to_string(point));
    const int code = perform(command, place, {"KILL_AT=" + std::to_string(point)});
    const bool killed = code == 1000 + SIGKILL;
    if (!killed && code != 0) report(name, "exit " + std::to_string(code) + ": " + said(place));
    // What a kill leaves is unfinished, not damaged.
    const fs::path bank = place / "traced/a.bank";
    if (fs::exists(bank)) expect_sound(bank, name + ", before the next writer");
    const int again = perform(command, place, {});
    if (again != 0) {
      report(name, "then exit " + std::to_string(again) + ": " + said(place));
    } else {
      if (digest(bank) != expected) report(name, "then another bank than undisturbed");
      expect_sound(bank, name);
    }
    fs::remove_all(place);
    return killed;
  }

  void expect_sound(const fs::path& bank, const std::string& name) {
    const VerifyReport found = verify(bank, VerifyLevel::hashes);
    for (const VerifyFinding& finding : found.findings) {
      report(name, finding.kind + ": " + finding.message);
    }
  }

  static std::string digest(const fs::path& bank) {
    try {
      return Bank::open(bank).logical_digest();
    } catch (const std::exception& error) {
      return std::string("no bank: ") + error.what();
    }
  }

  static std::string said(const fs::path& place) { return crash::text_of(place / "said"); }

  void report(const std::string& name, const std::string& text) {
    ++failures_;
    const std::lock_guard lock(mutex_);
    std::printf("FAILED %s\n  %s\n", name.c_str(), text.c_str());
  }

  const std::string slicebank_;
  const std::string shim_;
  const testing::TempDir folder_;
  std::mutex mutex_;
  std::atomic<long> failures_{0};
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  Campaign campaign(arguments[1], arguments[2]);
  const fs::path source = campaign.folder() / "PhantomSource";
  phantom::Options options;
  options.subjects = 6;
  options.slices_per_subject = 2;
  options.side = 48;
  phantom::write_sa_med2d(source, options);

  // Small batches, so that there are several commits to be killed in.
  const Command import{"import", {}, {source.string(), "--jobs", "1", "--batch-bytes", "8000"}, {}};
  const fs::path bank = campaign.finished(import, "whole");
  const long step = std::getenv("SLICEBANK_STRESS") != nullptr ? 1 : 3;
  campaign.kill_everywhere(import, step);
  campaign.kill_everywhere({"delete", {}, {"--where", "modality = 'CT'", "--yes"}, bank}, step);
  campaign.kill_everywhere({"reindex", {}, {}, bank}, step);
  return campaign.failures() == 0 ? 0 : 1;
}
