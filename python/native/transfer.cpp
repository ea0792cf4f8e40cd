// Into a bank and out of it.
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <map>
#include <mutex>
#include <optional>

#include "bench/phantom.h"
#include "exporters/export.h"
#include "importers/import.h"
#include "python/native/native.h"
#include "schema/error.h"

namespace slicebank::python {
namespace {

using Texts = std::map<std::string, std::string>;

// Progress is reported by the working thread and told to Python by the calling one, which
// holds the GIL then: the last report counts.
class ProgressSlot {
 public:
  explicit ProgressSlot(nb::object callback) : callback_(std::move(callback)) {}

  void report(std::uint64_t done, std::uint64_t total) {
    const std::lock_guard lock(mutex_);
    done_ = done;
    total_ = total;
    fresh_ = true;
  }

  // With the GIL.
  void tell() {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    {
      const std::lock_guard lock(mutex_);
      if (!fresh_) return;
      fresh_ = false;
      done = done_;
      total = total_;
    }
    if (!callback_.is_none()) callback_(done, total);
  }

 private:
  nb::object callback_;
  std::mutex mutex_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  bool fresh_ = false;
};

Axis axis_of(const std::string& word) {
  if (word == "x") return Axis::x;
  if (word == "y") return Axis::y;
  if (word == "z") return Axis::z;
  throw Error(ErrorCode::bad_argument, "axes: '" + word + "'", "x, y or z");
}

Effort effort_of(const std::string& word) {
  if (word == "fast") return Effort::fast;
  if (word == "balanced") return Effort::balanced;
  if (word == "small") return Effort::small;
  throw Error(ErrorCode::bad_argument, "effort: '" + word + "'", "fast, balanced or small");
}

nb::dict import_dict(const ImportReport& report, const std::vector<Problem>& problems) {
  nb::list datasets;
  for (const auto& each : report.datasets) {
    nb::dict dataset;
    dataset["name"] = each.name;
    dataset["items"] = each.items;
    dataset["volumes"] = each.volumes;
    dataset["subjects"] = each.subjects;
    dataset["classes"] = each.classes;
    dataset["own_classes"] = each.own_classes;
    dataset["own_class_names"] = each.own_class_names;
    datasets.append(dataset);
  }
  nb::list told;
  for (const Problem& each : problems) {
    told.append(nb::make_tuple(each.severity == Severity::note ? "note" : "skipped", each.kind,
                               each.path, each.message));
  }
  nb::dict dict;
  dict["format"] = report.importer;
  dict["reason"] = report.reason;
  dict["items"] = report.items;
  dict["new"] = report.items_new;
  dict["unchanged"] = report.items_unchanged;
  dict["replaced"] = report.items_replaced;
  dict["failed"] = report.items_failed;
  dict["samples"] = report.samples;
  dict["masks"] = report.masks;
  dict["pixel_bytes"] = report.pixel_bytes;
  dict["record_bytes"] = report.record_bytes;
  dict["notes"] = report.notes;
  dict["skipped"] = report.skipped;
  dict["interrupted"] = report.interrupted;
  dict["datasets"] = datasets;
  dict["problems"] = told;
  return dict;
}

nb::dict import_folder(const std::string& bank, const std::string& source,
                       const std::string& format, nb::object progress, bool dry_run,
                       std::uint64_t limit, bool stop_on_error, bool skip_empty,
                       const std::optional<std::pair<double, double>>& window,
                       const std::vector<std::string>& axes, bool keep_patient_ids,
                       const Texts& overrides, unsigned jobs, const std::string& effort) {
  constexpr std::size_t kProblemsKept = 1000;
  ImportOptions options;
  options.format = format;
  options.dry_run = dry_run;
  options.limit = limit;
  options.stop_on_error = stop_on_error;
  options.tool_version = SLICEBANK_VERSION;
  options.slices.skip_empty = skip_empty;
  if (window) {
    options.slices.window_level = window->first;
    options.slices.window_width = window->second;
  }
  if (!axes.empty()) options.decode.axes.clear();
  for (const std::string& axis : axes) options.decode.axes.push_back(axis_of(axis));
  options.keep_patient_ids = keep_patient_ids;
  options.dataset_overrides = overrides;
  options.jobs = jobs;
  options.effort = effort_of(effort);

  ProgressSlot slot(std::move(progress));
  std::vector<Problem> problems;
  options.progress = [&](const ImportProgress& now) {
    slot.report(now.items_done, now.items_total);
  };
  options.problem = [&](const Problem& problem) {
    if (problems.size() < kProblemsKept) problems.push_back(problem);
  };
  ImportReport report;
  run_interruptibly(
      [&](std::stop_token stop) {
        options.stop = stop;
        report = import_source(bank, source, options);
      },
      [&] { slot.tell(); });
  return import_dict(report, problems);
}

nb::dict export_folder(const Selection& selection, const std::string& destination,
                       const std::string& format, nb::object progress, const Texts& settings,
                       unsigned jobs) {
  ExportOptions options;
  options.format = format;
  options.settings = settings;
  options.tool_version = SLICEBANK_VERSION;
  options.jobs = jobs;
  ProgressSlot slot(std::move(progress));
  options.progress = [&](std::uint64_t done, std::uint64_t total) { slot.report(done, total); };
  ExportReport report;
  run_interruptibly(
      [&](std::stop_token stop) {
        options.stop = stop;
        report = export_selection(selection, destination, options);
      },
      [&] { slot.tell(); });
  nb::list losses;
  for (const ExportLoss& each : report.losses) {
    losses.append(nb::make_tuple(raw(each.sample), each.message));
  }
  nb::dict dict;
  dict["format"] = report.format;
  dict["destination"] = report.destination.string();
  dict["samples"] = report.samples;
  dict["masks"] = report.masks;
  dict["files"] = report.files;
  dict["bytes"] = report.bytes;
  dict["losses_total"] = report.losses_total;
  dict["losses"] = losses;
  return dict;
}

template <typename Registry>
nb::dict summaries(const Registry& registry) {
  nb::dict dict;
  for (const auto& each : registry) {
    dict[std::string(each->name()).c_str()] = std::string(each->summary());
  }
  return dict;
}

std::uint64_t paint_phantom(const std::string& root, std::uint64_t seed, std::uint32_t subjects,
                            std::uint32_t slices, std::uint32_t side) {
  std::uint64_t images = 0;
  run_interruptibly([&](std::stop_token) {
    phantom::Options options;
    options.seed = seed;
    options.subjects = subjects;
    options.slices_per_subject = slices;
    options.side = side;
    images = phantom::write_sa_med2d(root, options).images;
  });
  return images;
}

}  // namespace

void bind_transfer(nb::module_& module) {
  using namespace nb::literals;
  module.def("import_folder", &import_folder, "bank"_a, "source"_a, "format"_a, "progress"_a.none(),
             "dry_run"_a, "limit"_a, "stop_on_error"_a, "skip_empty"_a, "window"_a.none(), "axes"_a,
             "keep_patient_ids"_a, "overrides"_a, "jobs"_a, "effort"_a,
             nb::sig("def import_folder(bank: str, source: str, format: str, progress: "
                     "typing.Any, dry_run: bool, limit: int, stop_on_error: bool, skip_empty: "
                     "bool, window: tuple[float, float] | None, axes: "
                     "collections.abc.Sequence[str], keep_patient_ids: bool, overrides: dict[str, "
                     "str], jobs: int, effort: str) -> dict[str, typing.Any]"));
  module.def("export_folder", &export_folder, "selection"_a, "destination"_a, "format"_a,
             "progress"_a.none(), "settings"_a, "jobs"_a,
             nb::sig("def export_folder(selection: Selection, destination: str, format: str, "
                     "progress: typing.Any, settings: dict[str, str], jobs: int) -> dict[str, "
                     "typing.Any]"));
  module.def(
      "import_formats", [] { return summaries(importers()); },
      nb::sig("def import_formats() -> dict[str, str]"));
  module.def(
      "export_formats", [] { return summaries(exporters()); },
      nb::sig("def export_formats() -> dict[str, str]"));
  module.def("paint_phantom", &paint_phantom, "root"_a, "seed"_a, "subjects"_a, "slices"_a,
             "side"_a);
}

}  // namespace slicebank::python
