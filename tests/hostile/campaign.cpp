#include "tests/hostile/campaign.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "formats/source_tree.h"
#include "schema/error.h"

namespace slicebank::hostile {
namespace {

constexpr double kSecondsMax = 2;
constexpr std::uint64_t kKibibytesMax = 300u << 10;
constexpr double kHangSeconds = 60;  // of the clock: the machine may be busy with other things
constexpr unsigned kFindingsMax = 10;
constexpr std::size_t kTextBytes = 1000;

// Shared between a worker and the one who watches it.
struct Board {
  std::atomic<std::uint64_t> next;  // the file that is being read
  std::atomic<std::uint64_t> read;
  std::atomic<std::uint64_t> refused;
  std::atomic<bool> done;
  double slowest;            // seconds of processor time
  std::uint64_t largest;     // KiB
  char finding[kTextBytes];  // of file `next`, where the worker could still say so
};

struct Options {
  unsigned count = 0;
  std::uint64_t seed = 1;
  std::string only;
  std::string keep;
  long file = -1;
};

double processor_seconds() {
  double seconds = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage = {};
    getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      seconds += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    }
  }
  return seconds;
}

// Of /proc/self/status, in KiB: "VmHWM:" is the most there ever was, "VmRSS:" what is now.
std::uint64_t memory(std::string_view word) {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with(word)) return std::stoull(line.substr(word.size()));
  }
  throw std::runtime_error("no " + std::string(word) + " in /proc/self/status");
}

// From now on "the most there ever was" begins anew.
void reset_memory_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

std::uint64_t file_seed(const Options& options, const std::string& name, std::uint64_t file) {
  Random random(options.seed ^ number_of(name));
  return random.bits() + file * 0x9e3779b97f4a7c15;
}

void write_file(const std::string& path, const File& file) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
}

// Runs one file. Throws what is a finding.
void run_one(Subject& subject, const File& file, Board& board) {
  reset_memory_peak();
  const std::uint64_t memory_before = memory("VmRSS:");
  const double seconds_before = processor_seconds();
  const Outcome outcome = subject.run(file);
  const double seconds = processor_seconds() - seconds_before;
  const std::uint64_t peak = memory("VmHWM:");
  const std::uint64_t grown = peak - std::min(peak, memory_before);
  ++(outcome == Outcome::read ? board.read : board.refused);
  board.slowest = std::max(board.slowest, seconds);
  board.largest = std::max(board.largest, grown);
  if (seconds > kSecondsMax) {
    throw std::runtime_error("took " + std::to_string(seconds) + " s of processor time");
  }
  if (grown > kKibibytesMax) {
    throw std::runtime_error("took " + std::to_string(grown >> 10) + " MB of memory");
  }
}

// The worker: begins at board.next and leaves after the first finding.
int work(const Entry& entry, const Options& options, Board& board) {
  const auto tell = [&](const std::string& text) {
    std::strncpy(board.finding, text.c_str(), kTextBytes - 1);
    return 1;
  };
  try {
    const std::unique_ptr<Subject> subject = entry.make();
    for (; board.next < options.count; ++board.next) {
      Random random(file_seed(options, entry.name, board.next));
      run_one(*subject, subject->make(random), board);
    }
  } catch (const Error& error) {
    return tell(std::string("an Error where none may be: ") + error.what());
  } catch (const std::bad_alloc&) {
    return tell("out of memory (std::bad_alloc)");
  } catch (const std::exception& error) {
    return tell(error.what());
  }
  board.done = true;
  return 0;
}

// One subject and its worker, as the one who watches sees them.
class Watched {
 public:
  Watched(const Entry& entry, const Options& options) : entry_(entry), options_(options) {
    void* const place =
        mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) throw std::runtime_error("mmap");
    board_ = new (place) Board();
    start();
  }
  ~Watched() { munmap(board_, sizeof(Board)); }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  // True once there is nothing left to wait for.
  bool poll() {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) return ended(status);
    const auto now = std::chrono::steady_clock::now();
    if (board_->next != last_file_) {
      last_file_ = board_->next;
      last_move_ = now;
    } else if (std::chrono::duration<double>(now - last_move_).count() > kHangSeconds) {
      kill(pid_, SIGKILL);
      waitpid(pid_, &status, 0);
      std::strncpy(board_->finding, "hangs", kTextBytes - 1);
      return ended(1);
    }
    return false;
  }

  unsigned print() const {
    const std::chrono::duration<double> wall = last_move_ - begin_;
    std::printf("%-22s %7llu %8llu %8llu %8.1f %9.3f %8llu %9u\n", entry_.name.c_str(),
                static_cast<unsigned long long>(board_->read + board_->refused),
                static_cast<unsigned long long>(board_->refused.load()),
                static_cast<unsigned long long>(board_->read.load()), wall.count(), board_->slowest,
                static_cast<unsigned long long>(board_->largest >> 10), findings_);
    std::fflush(stdout);
    return findings_;
  }

 private:
  void start() {
    last_move_ = std::chrono::steady_clock::now();
    last_file_ = board_->next;
    board_->finding[0] = '\0';
    std::fflush(stdout);
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ == 0) std::exit(work(entry_, options_, *board_));
  }

  bool ended(int status) {
    last_move_ = std::chrono::steady_clock::now();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && board_->done) return true;
    std::string why = board_->finding;
    if (why.empty()) {
      why = WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "ended before its time";
    }
    std::printf("FINDING %s, file %llu of seed %llu: %s\n", entry_.name.c_str(),
                static_cast<unsigned long long>(board_->next.load()),
                static_cast<unsigned long long>(options_.seed), why.c_str());
    ++board_->next;
    if (++findings_ >= kFindingsMax || board_->next >= options_.count) return true;
    start();
    return false;
  }

  const Entry& entry_;
  const Options& options_;
  Board* board_ = nullptr;
  pid_t pid_ = -1;
  unsigned findings_ = 0;
  std::uint64_t last_file_ = 0;
  std::chrono::steady_clock::time_point last_move_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

int run_alone(const Entry& entry, const Options& options) {
  const std::unique_ptr<Subject> subject = entry.make();
  Random random(file_seed(options, entry.name, static_cast<std::uint64_t>(options.file)));
  const File file = subject->make(random);
  if (!options.keep.empty()) write_file(options.keep, file);
  Board board = {};
  run_one(*subject, file, board);
  std::printf("%s: %zu bytes, %s, %.3f s, %llu MB\n", entry.name.c_str(), file.size(),
              board.read > 0 ? "read" : "refused", board.slowest,
              static_cast<unsigned long long>(board.largest >> 10));
  return 0;
}

bool read_arguments(Options& options, int count, char** arguments) {
  for (int i = 1; i < count; i += 2) {
    const std::string_view word = arguments[i];
    if (i + 1 == count) return false;
    const std::string value = arguments[i + 1];
    if (word == "--count") {
      options.count = static_cast<unsigned>(std::stoul(value));
    } else if (word == "--seed") {
      options.seed = std::stoull(value);
    } else if (word == "--only") {
      options.only = value;
    } else if (word == "--file") {
      options.file = std::stol(value);
    } else if (word == "--keep") {
      options.keep = value;
    } else {
      return false;
    }
  }
  return options.file < 0 || !options.only.empty();
}

}  // namespace

void check_message(const std::string& message, const std::string& name) {
  if (message.find(name) > 1) {  // a quotation mark may stand before it
    throw std::runtime_error("a message that does not begin with the file's name: " + message);
  }
  if (printable(message) != message) {
    throw std::runtime_error("a message that is not printable: " + printable(message));
  }
}

int campaign(const std::vector<Entry>& entries, unsigned usual, unsigned stress, int count,
             char** arguments) {
  Options options;
  options.count = std::getenv("SLICEBANK_STRESS") == nullptr ? usual : stress;
  if (!read_arguments(options, count, arguments)) {
    std::fprintf(stderr,
                 "usage: %s [--count N] [--seed S] [--only NAME] [--file NUMBER] [--keep PATH]\n",
                 arguments[0]);
    return 2;
  }
  std::vector<const Entry*> wanted;
  for (const Entry& entry : entries) {
    if (options.only.empty() || options.only == entry.name) wanted.push_back(&entry);
  }
  if (wanted.empty()) {
    std::fprintf(stderr, "there is no '%s'\n", options.only.c_str());
    return 2;
  }
  if (options.file >= 0) return run_alone(*wanted.front(), options);
  std::printf(
      "seed %llu, %u damaged files each; seconds in all and of the slowest, MB of the "
      "largest\n%-22s %7s %8s %8s %8s %9s %8s %9s\n",
      static_cast<unsigned long long>(options.seed), options.count, "", "mutated", "refused",
      "decoded", "seconds", "slowest", "memory", "findings");
  const std::size_t jobs = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::unique_ptr<Watched>> running;
  unsigned findings = 0;
  for (std::size_t next = 0; next < wanted.size() || !running.empty();) {
    while (running.size() < jobs && next < wanted.size()) {
      running.push_back(std::make_unique<Watched>(*wanted[next++], options));
    }
    std::erase_if(running, [&](const std::unique_ptr<Watched>& one) {
      if (!one->poll()) return false;
      findings += one->print();
      return true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::printf("%u findings\n", findings);
  return findings == 0 ? 0 : 1;
}

}  // namespace slicebank::hostile
