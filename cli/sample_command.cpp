#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/files.h"
#include "cli/json_output.h"
#include "cli/selecting.h"
#include "exporters/picture.h"
#include "formats/png.h"
#include "query/sample_row.h"
#include "query/sampler_items.h"
#include "query/sampler_order.h"
#include "query/sampler_rank.h"
#include "schema/error.h"
#include "store/reader.h"

namespace slicebank::cli {
namespace {

constexpr std::uint64_t kTilesMax = 400;

class SampleCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb =
        app.add_subcommand("sample", "Random samples: their rows, and a contact sheet");
    verb->add_option("bank", bank_, "The bank")->required();
    verb->add_option("filter", filter_, "A filter; empty: all");
    which_.attach(verb);
    verb->add_option("-n,--count", count_, "How many (default 16)")
        ->check(CLI::Range(1ULL, 1'000'000ULL));
    verb->add_option("--seed", seed_, "Same seed, same samples (default 0)");
    verb->add_option(
            "--balance", balance_,
            "Draw class, dataset or modality first, with replacement, and one of its items")
        ->check(CLI::IsMember({"class", "dataset", "modality"}));
    verb->add_option("--temperature", temperature_,
                     "With --balance: 1 as often as they are, larger more alike (default: alike)")
        ->check(CLI::PositiveNumber);
    verb->add_option("--repeat", repeat_,
                     "Repeat-factor sampling by class with this threshold (LVIS: 0.001)");
    verb->add_option("--foreground", foreground_,
                     "nnU-Net's oversampling: of each batch so large a part has a mask (0.33)");
    verb->add_option("--batch", batch_, "With --foreground: items a batch (default 2)")
        ->check(CLI::Range(1U, 1'000'000U));
    verb->add_flag("--masks", masks_, "Draw masks, not images: ID and the mask's number");
    verb->add_option("--epoch", epoch_, "Which epoch's order (default 0)");
    verb->add_option("--start", start_, "From this draw of the rank on (default 0)");
    verb->add_option("--rank", rank_, "Of --world ranks (default 0)");
    verb->add_option("--world", world_, "Ranks that share an epoch (default 1)")
        ->check(CLI::Range(1U, 1'000'000U));
    verb->add_option("-o,--out", out_, "Contact sheet to write, PNG");
    verb->add_option("--tile", tile_, "Side of a picture on the sheet, pixels (default 256)")
        ->check(CLI::Range(32U, 2048U));
    verb->add_flag("--json", json_, "One JSON object a line");
    return verb;
  }

  int run(Context& context) override {
    const Bank bank = Bank::open(bank_);
    if (!filter_.empty()) which_.where = filter_;
    const Selection found = which_.resolve(context, bank);
    if (masks_) return print_masks(context, found);
    const std::vector<SampleId> ids = draw(found);
    if (!out_.empty() && ids.size() > kTilesMax) {
      throw Error(ErrorCode::bad_argument,
                  fmt::format("a contact sheet holds {} pictures, not {}", kTilesMax, ids.size()),
                  fmt::format("--count {}", kTilesMax));
    }
    std::vector<Tile> tiles;
    for_each_sample_row(bank, ids, [&](const SampleRow& row) {
      if (json_) context.terminal.out_line(line(to_json(row)));
      if (!json_ && out_.empty()) context.terminal.out_line(std::to_string(raw(row.id)));
      if (!out_.empty()) {
        tiles.push_back({bank.reader().sample(row.id),
                         fmt::format("{} {} {}", raw(row.id), row.dataset, row.patient)});
      }
      return !context.stop.stop_requested();
    });
    if (!out_.empty()) {
      if (tiles.empty())
        throw Error(ErrorCode::not_found, "no sample matches: there is nothing to draw");
      write_new_file(out_, png::encode(contact_sheet(tiles, *bank.taxonomy(), tile_).view()));
      context.terminal.say(
          fmt::format("wrote {} with {} of {} samples", out_, tiles.size(), grouped(found.size())));
    }
    return exit_done;
  }

 private:
  RankSampler sampler(std::unique_ptr<DrawOrder> order) const {
    RankSampler made(std::move(order), rank_, world_);
    made.set_epoch(epoch_);
    made.seek(start_);
    return made;
  }

  void check_kinds() const {
    const int kinds = (balance_.empty() ? 0 : 1) + (repeat_ ? 1 : 0) + (foreground_ ? 1 : 0);
    if (kinds > 1) {
      throw Error(ErrorCode::bad_argument, "--balance, --repeat and --foreground are three orders",
                  "give one of them");
    }
  }

  std::unique_ptr<DrawOrder> order_of(const Selection& found) const {
    check_kinds();
    if (!balance_.empty()) {
      return weighted_order(balanced_weights(labelled_samples(found, balance_).items, temperature_),
                            seed_);
    }
    if (repeat_) {
      return repeat_order(repeat_factors(labelled_samples(found, "class").items, *repeat_), seed_);
    }
    if (foreground_) {
      return foreground_order({found.size(), foreground_places(found), batch_, *foreground_},
                              seed_);
    }
    return permutation_order(found.size(), seed_);
  }

  std::vector<SampleId> draw(const Selection& found) const {
    std::vector<SampleId> ids;
    if (found.empty()) return ids;
    RankSampler drawing = sampler(order_of(found));
    for (const std::uint64_t place : drawing.next_batch(static_cast<std::size_t>(count_))) {
      ids.push_back(found.ids()[static_cast<std::size_t>(place)]);
    }
    return ids;
  }

  int print_masks(Context& context, const Selection& found) const {
    check_kinds();
    if (foreground_ || !out_.empty()) {
      throw Error(ErrorCode::bad_argument, "--masks goes with --balance or --repeat, and no sheet");
    }
    const MaskItems items = mask_items(found, balance_.empty() ? "class" : balance_);
    if (items.masks.empty()) return exit_done;
    std::unique_ptr<DrawOrder> order =
        !balance_.empty() ? weighted_order(balanced_weights(items.labels(), temperature_), seed_)
        : repeat_         ? repeat_order(repeat_factors(items.labels(), *repeat_), seed_)
                          : permutation_order(items.masks.size(), seed_);
    RankSampler drawing = sampler(std::move(order));
    for (const std::uint64_t item : drawing.next_batch(static_cast<std::size_t>(count_))) {
      const MaskItem& mask = items.masks[static_cast<std::size_t>(item)];
      const std::uint64_t id = raw(found.ids()[static_cast<std::size_t>(mask.place)]);
      const std::string& name = items.names[mask.label];
      context.terminal.out_line(json_ ? line({{"id", id}, {"mask", mask.number}, {"label", name}})
                                      : fmt::format("{} {} {}", id, mask.number, name));
    }
    return exit_done;
  }

  std::string bank_;
  std::string filter_;
  SelectionOptions which_;
  std::uint64_t count_ = 16;
  std::uint64_t seed_ = 0;
  std::uint32_t tile_ = 256;
  std::string out_;
  std::string balance_;
  double temperature_ = std::numeric_limits<double>::infinity();
  std::optional<double> repeat_;
  std::optional<double> foreground_;
  std::uint64_t batch_ = 2;
  std::uint64_t epoch_ = 0;
  std::uint64_t start_ = 0;
  std::uint64_t rank_ = 0;
  std::uint64_t world_ = 1;
  bool masks_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_sample_command() { return std::make_unique<SampleCommand>(); }

}  // namespace slicebank::cli
