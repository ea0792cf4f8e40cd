#include "importers/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "importers/choice.h"
#include "importers/internal/committer.h"
#include "importers/internal/overrides.h"
#include "importers/internal/pipeline.h"
#include "importers/internal/pseudonym.h"
#include "importers/internal/slice_options.h"
#include "importers/internal/tally.h"
#include "schema/error.h"
#include "schema/taxonomy.h"
#include "store/bank.h"
#include "store/writer.h"

namespace slicebank {
namespace {

using internal::Committer;
using internal::Outcome;
using internal::Overrides;
using internal::Pipeline;
using internal::Scanned;
using internal::Tally;

constexpr std::uint64_t kHeldBytesMax = 64u << 20;  // finished slices that wait for their turn
constexpr auto kBetweenProgress = std::chrono::milliseconds(250);

std::string options_json(const ImportOptions& options) {
  nlohmann::json json = {{"limit", options.limit}, {"effort", static_cast<int>(options.effort)}};
  for (const Axis axis : options.decode.axes) json["axes"].push_back(axis_name(axis));
  json["skip_empty"] = options.slices.skip_empty;
  json["keep_ids"] = options.keep_patient_ids;
  if (options.slices.window_level) {
    json["window"] = {*options.slices.window_level, *options.slices.window_width};
  }
  for (const auto& [key, value] : options.dataset_overrides) json["set"][key] = value;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// One call of import_source().
class Import {
 public:
  Import(const std::filesystem::path& bank, const std::filesystem::path& source,
         const ImportOptions& options)
      : bank_(bank),
        options_(options),
        chosen_(choose_importer(source, options.format)),
        tree_(chosen_.root) {
    internal::check_slice_options(options.slices);
    report_.importer = chosen_.importer->name();
    report_.reason = chosen_.reason;
  }

  ImportReport run() {
    SourceDescription description = chosen_.importer->describe(tree_);
    const Overrides overrides(options_.dataset_overrides, description);
    overrides.apply(description);
    tally_.add(description);
    progress_.items_total = description.items.value_or(0);
    if (options_.limit != 0 && progress_.items_total > options_.limit) {
      progress_.items_total = options_.limit;
    }
    options_.dry_run ? count(description, overrides) : write(description, overrides);
    report_.datasets = tally_.counts();
    say_progress(true);
    return std::move(report_);
  }

 private:
  void count(const SourceDescription& description, const Overrides& overrides);
  void write(const SourceDescription& description, const Overrides& overrides);
  void drain(Pipeline& pipeline, Committer& committer);
  Committer open_committer();
  void tell(const std::vector<Problem>& problems);
  void say_progress(bool always = false);

  const std::filesystem::path& bank_;
  const ImportOptions& options_;
  ChosenImporter chosen_;
  SourceTree tree_;
  ImportReport report_;
  ImportProgress progress_;
  Tally tally_;
  std::uint64_t decoded_bytes_ = 0;  // while the pipeline is at work
  std::chrono::steady_clock::time_point progress_said_{};
};

void Import::tell(const std::vector<Problem>& problems) {
  for (const Problem& problem : problems) {
    ++(problem.severity == Severity::note ? report_.notes : report_.skipped);
    if (options_.problem) options_.problem(problem);
  }
}

void Import::say_progress(bool always) {
  if (!options_.progress) return;
  const auto now = std::chrono::steady_clock::now();
  if (!always && now - progress_said_ < kBetweenProgress) return;
  progress_said_ = now;
  progress_.samples = report_.samples;
  progress_.pixel_bytes = std::max(report_.pixel_bytes, decoded_bytes_);
  options_.progress(progress_);
}

void Import::count(const SourceDescription& description, const Overrides& overrides) {
  tell(description.problems);
  chosen_.importer->scan(tree_, [&](SourceItem&& item) {
    if (options_.stop.stop_requested()) {
      report_.interrupted = true;
      return false;
    }
    overrides.apply(item);
    tell(item.problems);
    tally_.add(item);
    if (item.image_paths.empty()) ++report_.items_failed;
    ++report_.items;
    ++progress_.items_done;
    say_progress();
    return options_.limit == 0 || report_.items < options_.limit;
  });
}

Committer Import::open_committer() {
  WriterOptions writer_options;
  if (!Bank::is_bank(bank_)) {
    Bank::create(bank_);
    writer_options.bulk = true;
  }
  ImportInfo import;
  import.importer = report_.importer;
  import.source_root = tree_.name();
  import.options_json = options_json(options_);
  import.tool_version = options_.tool_version;
  return Committer(Writer::open(bank_, writer_options),
                   fmt::format("{}:{}", report_.importer, tree_.name()), std::move(import),
                   options_, report_);
}

void Import::write(const SourceDescription& description, const Overrides& overrides) {
  Committer committer = open_committer();
  committer.finish_interrupted();
  committer.begin(description);

  internal::PipelineOptions pipeline_options;
  pipeline_options.jobs =
      options_.jobs != 0 ? options_.jobs : std::max(1u, std::thread::hardware_concurrency());
  pipeline_options.effort = options_.effort;
  pipeline_options.limit = options_.limit;
  pipeline_options.held_bytes_max = kHeldBytesMax;
  pipeline_options.decode = options_.decode;
  pipeline_options.slices = options_.slices;
  internal::Pseudonyms pseudonyms(options_.patient_key);
  pipeline_options.adjust = [&](SourceItem& item) {
    overrides.apply(item);
    if (!item.identifying || options_.keep_patient_ids) return;
    for (std::string* id : {&item.key, &item.patient_id, &item.volume_key}) {
      *id = pseudonyms.of(*id);
    }
  };
  Pipeline pipeline(*chosen_.importer, tree_, pipeline_options);
  drain(pipeline, committer);
  committer.finish();  // what is through stays, also where the rest cannot be had
  if (options_.stop_on_error && committer.first_skipped()) {
    const Problem& problem = *committer.first_skipped();
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: {}: {}", printable(problem.path), problem.kind,
                            printable(problem.message)),
                "Stopped at the first problem, as asked for; the default goes on without it.");
  }
  pipeline.rethrow_scan_error();
}

void Import::drain(Pipeline& pipeline, Committer& committer) {
  while (!pipeline.done()) {
    if (options_.stop_on_error && committer.first_skipped()) return;
    if (!report_.interrupted && options_.stop.stop_requested()) {
      report_.interrupted = true;
      pipeline.stop();
    }
    Pipeline::Event event = pipeline.next();
    if (event.scanned) {
      ++report_.items;
      tally_.add(event.scanned->item);
      if (committer.wants(*event.scanned)) {
        pipeline.admit(*std::move(event.scanned));
      } else {
        ++progress_.items_done;
      }
    } else if (event.outcome) {
      committer.put(*std::move(event.outcome));
      ++progress_.items_done;
    }
    decoded_bytes_ = pipeline.pixel_bytes();
    say_progress();
  }
  decoded_bytes_ = 0;
}

}  // namespace

ImportReport import_source(const std::filesystem::path& bank, const std::filesystem::path& source,
                           const ImportOptions& options) {
  return Import(bank, source, options).run();
}

}  // namespace slicebank
