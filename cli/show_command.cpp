#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/files.h"
#include "cli/json_output.h"
#include "exporters/picture.h"
#include "formats/png.h"
#include "formats/source_tree.h"
#include "query/sample_row.h"
#include "schema/error.h"
#include "store/reader.h"

namespace slicebank::cli {
namespace {

class ShowCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb =
        app.add_subcommand("show", "One sample: its row, and a PNG with mask outlines");
    verb->add_option("bank", bank_, "The bank")->required();
    verb->add_option("id", id_, "The sample's id")->required();
    verb->add_option("-o,--out", out_, "PNG to write: the slice, outlines and a legend");
    verb->add_option("--scale", overlay_.scale, "Whole enlargement (default: chosen)");
    verb->add_option("--class", classes_, "Only masks of these classes, comma-separated");
    verb->add_flag("--fill", overlay_.fill, "Tint the inside of masks as well");
    verb->add_flag("--json", json_, "The row as JSON");
    return verb;
  }

  int run(Context& context) override {
    const Bank bank = Bank::open(bank_);
    const SampleId id{id_};
    const auto taxonomy = bank.taxonomy();
    ReadParts parts;
    for (const std::string& name : split_commas(classes_))
      add_members(*taxonomy, name, parts.classes);
    const Sample sample = bank.reader().sample(id, parts);

    for_each_sample_row(bank, std::span(&id, 1), [&](const SampleRow& row) {
      context.terminal.out(json_ ? line(to_json(row)) + "\n" : to_text(row));
      overlay_.title = fmt::format("{}  {}  {}  {} {}", raw(row.id), row.dataset, row.patient,
                                   row.axis, row.slice);
      return true;
    });
    if (!out_.empty()) {
      write_new_file(out_, png::encode(draw_overlay(sample, *taxonomy, overlay_).view()));
      context.terminal.say(fmt::format("wrote {}", out_));
    }
    return exit_done;
  }

 private:
  static void add_members(const Taxonomy& taxonomy, const std::string& name,
                          std::vector<ClassId>& classes) {
    const auto found = taxonomy.find_class(name);
    if (!found) {
      std::vector<std::string> names;
      for (const ClassInfo& info : taxonomy.classes()) names.push_back(info.name);
      const auto near = nearest_name(name, names);
      throw Error(ErrorCode::bad_query, fmt::format("--class: there is no class '{}'", name),
                  near ? fmt::format("--class '{}'", *near) : std::string());
    }
    for (const ClassId member : taxonomy.members(*found)) classes.push_back(member);
    std::sort(classes.begin(), classes.end());
    classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  }

  static std::string to_text(const SampleRow& row) {
    std::string text;
    const auto put = [&text](std::string_view name, const std::string& value) {
      if (!value.empty()) text += fmt::format("{:<10}{}\n", name, printable(value));
    };
    put("sample", std::to_string(raw(row.id)));
    put("dataset", row.dataset);
    put("modality", row.modality + (row.sequence.empty() ? "" : " " + row.sequence));
    put("patient", row.patient);
    put("volume", row.volume);
    put("slice", row.axis == "2d" ? "2d" : fmt::format("{} {}", row.axis, row.slice));
    put("name", row.name);
    put("image", fmt::format("{} x {} x {} {}", row.shape.width, row.shape.height,
                             row.shape.channels, pixel_type_name(row.shape.pixel_type)));
    put("split", row.official_split);
    Table table({"class", "raw class", "instance", "area", "box"});
    for (const MaskRow& mask : row.masks) {
      table.add({printable(mask.class_name), printable(mask.raw_class),
                 std::to_string(mask.instance), std::to_string(mask.area),
                 fmt::format("{},{},{},{}", mask.box.x0, mask.box.y0, mask.box.x1, mask.box.y1)});
    }
    return row.masks.empty() ? text : text + "\n" + table.text();
  }

  std::string bank_;
  std::uint64_t id_ = 0;
  std::string out_;
  std::string classes_;
  OverlayOptions overlay_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_show_command() { return std::make_unique<ShowCommand>(); }

}  // namespace slicebank::cli
