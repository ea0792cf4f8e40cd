#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "formats/source_tree.h"
#include "importers/import.h"
#include "schema/error.h"

namespace slicebank::cli {
namespace {

// Problems told one by one before only their number is kept. A dry run keeps them nowhere,
// so it tells more.
constexpr std::uint64_t kProblemsTold = 50;
constexpr std::uint64_t kProblemsToldDry = 1000;
constexpr std::size_t kDatasetsTold = 20;  // with classes that the taxonomy does not have

class ImportCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb = app.add_subcommand("import", "Bring a dataset into a bank, or go on with it");
    verb->add_option("bank", bank_, "The bank; made when it is not there");
    verb->add_option("source", source_, "Folder of the dataset");
    verb->add_option("--format", options_.format, "Layout (default: recognised; see --list)");
    verb->add_flag("--list", list_, "List the layouts and end");
    verb->add_flag("--dry-run", options_.dry_run, "Say what would be read; write nothing");
    verb->add_option("--limit", options_.limit, "Take at most this many items");
    verb->add_option("-j,--jobs", options_.jobs, "Decoding threads (default: one a core)");
    verb->add_option("--effort", effort_, "fast, balanced (default) or small")
        ->check(CLI::IsMember({"fast", "balanced", "small"}));
    verb->add_option("--batch-bytes", options_.batch_bytes,
                     "Bytes of records a commit (default 8388608)");
    verb->add_option("--on-error", on_error_, "skip (default) or stop")
        ->check(CLI::IsMember({"skip", "stop"}));
    verb->add_option("--axis", axes_, "Axes to cut volumes along: z (default), y, x")
        ->delimiter(',')
        ->check(CLI::IsMember({"x", "y", "z"}));
    verb->add_flag("--skip-empty", options_.slices.skip_empty,
                   "Leave out slices on which nothing is marked");
    verb->add_option("--window", window_,
                     "LEVEL/WIDTH: keep these values as 8 bit, 40/400 for soft tissue in CT");
    verb->add_option("--set", overrides_,
                     "Say about the dataset what its files do not: name, version, url, citation, "
                     "licence, licence-source, modality (as --set licence=CC-BY-4.0)");
    verb->add_flag("--keep-ids", options_.keep_patient_ids,
                   "Keep patient ids of DICOM files as they are (default: a keyed hash)");
    verb->add_option("--patient-key", options_.patient_key,
                     "File with the key for hashed patient ids; made when it is not there "
                     "(default: ~/.config/slicebank/patient-key)");
    verb->add_flag("--json", json_, "Report as JSON on stdout");
    verb->footer(
        "A folder that was imported before adds only what is new or changed. Ctrl-C keeps what\n"
        "is done; the same command goes on. Exit code 3: finished, but something was left out\n"
        "(slicebank sql BANK \"SELECT * FROM problems\").");
    return verb;
  }

  int run(Context& context) override {
    if (list_) return print_list(context);
    if (bank_.empty() || source_.empty()) {
      throw Error(ErrorCode::bad_argument, "import needs a bank and a folder to read",
                  "slicebank import demo.bank ~/data/SAMed2Dv1");
    }
    for (const std::string& word : overrides_) {
      const auto equals = word.find('=');
      if (equals == std::string::npos) {
        throw Error(ErrorCode::bad_argument, fmt::format("--set {}: there is no '='", word),
                    "--set licence=CC-BY-4.0");
      }
      options_.dataset_overrides[word.substr(0, equals)] = word.substr(equals + 1);
    }
    options_.effort = effort_ == "fast"    ? Effort::fast
                      : effort_ == "small" ? Effort::small
                                           : Effort::balanced;
    if (!axes_.empty()) options_.decode.axes = axes_of(axes_);
    if (!window_.empty()) set_window(window_, options_.slices);
    options_.stop_on_error = on_error_ == "stop";
    options_.tool_version = SLICEBANK_VERSION;
    options_.stop = context.stop;

    ImportReport report;
    {
      ProgressLine line(context.terminal, "items");
      options_.progress = [&](const ImportProgress& now) {
        line.update(now.items_done, now.items_total, bytes_text(now.pixel_bytes) + " of pixels");
      };
      std::uint64_t told = 0;
      const std::uint64_t told_max = options_.dry_run ? kProblemsToldDry : kProblemsTold;
      options_.problem = [&](const Problem& problem) {
        if (++told > told_max) return;
        context.terminal.warn(
            fmt::format("{}: {}: {}: {}", problem.severity == Severity::note ? "note" : "skipped",
                        problem.kind, printable(problem.path), printable(problem.message)));
        if (told == told_max) {
          context.terminal.warn(options_.dry_run ? "more problems are only counted"
                                                 : "more problems are kept in the bank");
        }
      };
      report = import_source(bank_, source_, options_);
    }
    if (json_) {
      context.terminal.out_line(line(to_json(report)));
    } else {
      say(context, report);
    }
    if (report.interrupted) return exit_interrupted;
    return report.skipped > 0 ? exit_skipped : exit_done;
  }

 private:
  static std::vector<Axis> axes_of(const std::vector<std::string>& words) {
    std::vector<Axis> axes;
    for (const std::string& word : words) {
      const Axis axis = word == "x" ? Axis::x : word == "y" ? Axis::y : Axis::z;
      if (std::find(axes.begin(), axes.end(), axis) == axes.end()) axes.push_back(axis);
    }
    return axes;
  }

  static void set_window(const std::string& text, SliceOptions& options) {
    std::istringstream words(text);
    double level = 0;
    double width = 0;
    char slash = 0;
    if (!(words >> level >> slash >> width) || slash != '/' || !words.eof()) {
      throw Error(ErrorCode::bad_argument, fmt::format("--window {}: not LEVEL/WIDTH", text),
                  "--window 40/400");
    }
    options.window_level = level;
    options.window_width = width;
  }

  static int print_list(Context& context) {
    Table table({"format", "reads"});
    for (const auto& importer : importers()) {
      table.add({std::string(importer->name()), std::string(importer->summary())});
    }
    context.terminal.out(table.text());
    return exit_done;
  }

  Json to_json(const ImportReport& report) const {
    Json datasets = Json::array();
    for (const auto& dataset : report.datasets) {
      datasets.push_back({{"name", dataset.name},
                          {"items", dataset.items},
                          {"volumes", dataset.volumes},
                          {"subjects", dataset.subjects},
                          {"classes", dataset.classes},
                          {"own_classes", dataset.own_classes},
                          {"own_class_names", printable_names(dataset.own_class_names)}});
    }
    return {{"format", report.importer},
            {"reason", report.reason},
            {"dry_run", options_.dry_run},
            {"items", report.items},
            {"new", report.items_new},
            {"unchanged", report.items_unchanged},
            {"replaced", report.items_replaced},
            {"failed", report.items_failed},
            {"samples", report.samples},
            {"masks", report.masks},
            {"pixel_bytes", report.pixel_bytes},
            {"record_bytes", report.record_bytes},
            {"notes", report.notes},
            {"skipped", report.skipped},
            {"interrupted", report.interrupted},
            {"datasets", std::move(datasets)}};
  }

  static std::vector<std::string> printable_names(const std::vector<std::string>& names) {
    std::vector<std::string> out;
    for (const std::string& name : names) out.push_back(printable(name));
    return out;
  }

  // A word that is spelt in a way of its own would be missed by every query for its class.
  static void say_own_classes(Terminal& terminal, const ImportReport& report) {
    std::size_t told = 0;
    for (const auto& dataset : report.datasets) {
      if (dataset.own_classes == 0) continue;
      if (++told > kDatasetsTold) {
        terminal.say("more datasets have classes of their own (see --json)");
        return;
      }
      const bool all = dataset.own_classes == dataset.own_class_names.size();
      terminal.say(fmt::format(
          "{}: {} of {} classes are not in the taxonomy, and are found by "
          "their own names only: {}{}",
          printable(dataset.name), grouped(dataset.own_classes), grouped(dataset.classes),
          fmt::join(printable_names(dataset.own_class_names), ", "), all ? "" : ", ..."));
    }
  }

  void say(Context& context, const ImportReport& report) const {
    Terminal& terminal = context.terminal;
    terminal.say(fmt::format("{}: {}", report.importer, report.reason));
    if (options_.dry_run) {
      Table table({"dataset", "items", "volumes", "subjects", "classes"});
      for (const auto& dataset : report.datasets) {
        table.add({printable(dataset.name), grouped(dataset.items), grouped(dataset.volumes),
                   grouped(dataset.subjects), grouped(dataset.classes)});
      }
      terminal.out(table.text());
    }
    terminal.say(fmt::format("{} items: {} new, {} unchanged, {} replaced, {} failed",
                             grouped(report.items), grouped(report.items_new),
                             grouped(report.items_unchanged), grouped(report.items_replaced),
                             grouped(report.items_failed)));
    if (report.samples > 0) {
      terminal.say(
          fmt::format("{} samples with {} masks; {} of pixels in {} of records ({:.3f})",
                      grouped(report.samples), grouped(report.masks),
                      bytes_text(report.pixel_bytes), bytes_text(report.record_bytes),
                      static_cast<double>(report.record_bytes) /
                          static_cast<double>(std::max<std::uint64_t>(report.pixel_bytes, 1))));
    }
    say_own_classes(terminal, report);
    if (report.skipped + report.notes > 0) {
      terminal.say(
          options_.dry_run
              ? fmt::format("{} left out, {} notes", grouped(report.skipped), grouped(report.notes))
              : fmt::format("{} left out, {} notes; slicebank sql {} \"SELECT * FROM "
                            "problems\"",
                            grouped(report.skipped), grouped(report.notes), bank_));
    }
    if (report.interrupted) terminal.say("interrupted: the same command goes on from here");
  }

  std::string bank_;
  std::string source_;
  std::string effort_ = "balanced";
  std::string on_error_ = "skip";
  std::vector<std::string> overrides_;
  std::vector<std::string> axes_;
  std::string window_;
  bool list_ = false;
  bool json_ = false;
  ImportOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_import_command() { return std::make_unique<ImportCommand>(); }

}  // namespace slicebank::cli
