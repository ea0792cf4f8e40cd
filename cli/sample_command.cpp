#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/files.h"
#include "cli/json_output.h"
#include "cli/selecting.h"
#include "exporters/picture.h"
#include "formats/png.h"
#include "query/sample_row.h"
#include "query/sampler.h"
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
    verb->add_option("-o,--out", out_, "Contact sheet to write, PNG");
    verb->add_option("--tile", tile_, "Side of a picture on the sheet, pixels (default 256)")
        ->check(CLI::Range(32U, 2048U));
    verb->add_flag("--json", json_, "One JSON object a line");
    return verb;
  }

  int run(Context& context) override {
    const Bank bank = Bank::open(bank_);
    if (!filter_.empty()) which_.where = filter_;
    const Selection found = which_.resolve(bank);
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
  std::vector<SampleId> draw(const Selection& found) const {
    std::vector<SampleId> ids;
    const Permutation order(found.size(), seed_);
    const std::uint64_t count = std::min<std::uint64_t>(count_, found.size());
    for (std::uint64_t i = 0; i < count; ++i) ids.push_back(found.ids()[order[i]]);
    return ids;
  }

  std::string bank_;
  std::string filter_;
  SelectionOptions which_;
  std::uint64_t count_ = 16;
  std::uint64_t seed_ = 0;
  std::uint32_t tile_ = 256;
  std::string out_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_sample_command() { return std::make_unique<SampleCommand>(); }

}  // namespace slicebank::cli
