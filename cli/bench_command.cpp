#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "cli/selecting.h"
#include "query/sampler.h"
#include "schema/error.h"
#include "store/reader.h"

namespace slicebank::cli {
namespace {

struct Figures {
  unsigned threads = 0;
  double samples_per_second = 0;
  double megabytes_per_second = 0;  // of decoded pixels, 10^6
};

class BenchCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb =
        app.add_subcommand("bench", "How fast this bank gives random samples on this machine");
    verb->add_option("bank", bank_, "The bank")->required();
    which_.attach(verb);
    verb->add_option("--threads", threads_, "Numbers of threads to try (default 1 and all cores)")
        ->delimiter(',')
        ->check(CLI::Range(1U, 1024U));
    verb->add_option("--seconds", seconds_, "For each (default 3)")->check(CLI::PositiveNumber);
    verb->add_flag("--images-only", images_only_, "Leave the masks out");
    verb->add_flag("--json", json_, "As JSON");
    verb->footer("Peers are compared by `./dev bench` in a checkout.");
    return verb;
  }

  int run(Context& context) override {
    const Bank bank = Bank::open(bank_);
    const Selection selection = which_.resolve(context, bank);
    if (selection.empty())
      throw Error(ErrorCode::not_found, "no sample matches: there is nothing to read");
    if (threads_.empty()) {
      threads_ = {1};
      if (std::thread::hardware_concurrency() > 1)
        threads_.push_back(std::thread::hardware_concurrency());
    }
    Table table({"threads", "samples/s", "MB/s of pixels"});
    Json rows = Json::array();
    measure(selection, 1, 0.2);  // warm up
    for (const unsigned threads : threads_) {
      const Figures figures = measure(selection, threads, seconds_);
      table.add({std::to_string(threads),
                 grouped(static_cast<std::uint64_t>(figures.samples_per_second)),
                 grouped(static_cast<std::uint64_t>(figures.megabytes_per_second))});
      rows.push_back({{"threads", threads},
                      {"samples_per_second", figures.samples_per_second},
                      {"megabytes_per_second", figures.megabytes_per_second}});
    }
    context.terminal.out(json_ ? line(rows) + "\n" : table.text());
    context.terminal.say(fmt::format("random reads of {} samples{}", grouped(selection.size()),
                                     images_only_ ? ", images only" : ", images and masks"));
    return exit_done;
  }

 private:
  Figures measure(const Selection& selection, unsigned threads, double seconds) const {
    std::atomic<std::uint64_t> samples = 0;
    std::atomic<std::uint64_t> bytes = 0;
    const auto start = std::chrono::steady_clock::now();
    const auto deadline = start + std::chrono::duration<double>(seconds);
    {
      std::vector<std::jthread> workers;
      for (unsigned worker = 0; worker < threads; ++worker) {
        workers.emplace_back([&, worker] {
          const Reader reader = selection.bank().reader();
          PermutationSampler order(selection.size(), 1, worker, threads);
          ReadParts parts;
          parts.masks = !images_only_;
          for (std::uint64_t epoch = 0; std::chrono::steady_clock::now() < deadline;) {
            std::uint64_t item = 0;
            if (!order.next(&item)) {
              order.set_epoch(++epoch);
              if (order.size() == 0) return;  // more threads than samples
              continue;
            }
            bytes += reader.sample(selection.ids()[item], parts).image.image_hwc.size();
            ++samples;
          }
        });
      }
    }
    const double took =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return {threads, static_cast<double>(samples) / took, static_cast<double>(bytes) / took / 1e6};
  }

  std::string bank_;
  SelectionOptions which_;
  std::vector<unsigned> threads_;
  double seconds_ = 3;
  bool images_only_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_bench_command() { return std::make_unique<BenchCommand>(); }

}  // namespace slicebank::cli
