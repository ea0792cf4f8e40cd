#include "exporters/export.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <string>
#include <utility>

#include "exporters/internal/export_folder.h"
#include "exporters/internal/manifest.h"
#include "schema/error.h"
#include "schema/taxonomy.h"

namespace slicebank {
namespace {

using exporting::ExportFolder;
using exporting::OutputFile;
using exporting::WrittenFile;

constexpr std::size_t kLossesKept = 1000;
constexpr const char* kManifestFile = "MANIFEST.json";
constexpr const char* kLossesFile = "LOSSES.jsonl";

const Exporter& known_exporter(const std::string& format) {
  if (const Exporter* exporter = find_exporter(format)) return *exporter;
  std::vector<std::string> names;
  for (const auto& exporter : exporters()) names.emplace_back(exporter->name());
  const auto near = nearest_name(format, names);
  throw Error(ErrorCode::not_found, fmt::format("there is no export format '{}'", format),
              near ? fmt::format("did you mean {}?", *near)
                   : fmt::format("one of {}", fmt::join(names, ", ")));
}

// The exporter's side of the folder: every file that gets its name is noted in the
// manifest, which is itself a file being written.
class FolderSink final : public ExportSink {
 public:
  FolderSink(ExportFolder& folder, ExportReport& report)
      : folder_(folder), report_(report), manifest_(folder.open(kManifestFile)) {}

  void write(const std::string& relative_path, Bytes content) override {
    if (appended_.contains(relative_path) || relative_path == kManifestFile) {
      throw Error(ErrorCode::already_exists, "an export wrote " + relative_path + " twice");
    }
    OutputFile file = folder_.open(relative_path);
    file.write(content);
    note(file.finish());
  }

  void append(const std::string& relative_path, std::string_view text) override {
    auto file = appended_.find(relative_path);
    if (file == appended_.end()) {
      if (relative_path.find('/') != std::string::npos) {
        throw Error(ErrorCode::bad_argument,
                    relative_path + ": only files at the top of an export are appended to");
      }
      file = appended_.emplace(relative_path, folder_.open(relative_path)).first;
    }
    file->second.write(text);
  }

  void loss(SampleId sample, const std::string& message) override {
    ExportLoss said{sample, message};
    append(kLossesFile, exporting::loss_line(said));
    if (report_.losses.size() < kLossesKept) report_.losses.push_back(std::move(said));
    ++report_.losses_total;
  }

  std::string destination_name() const override {
    return folder_.destination().filename().string();
  }

  void begin_manifest(const std::string& head) { manifest_.write(head); }

  void close_appended() {
    for (auto& [path, file] : appended_) note(file.finish());
    appended_.clear();
  }

  void end_manifest(const std::string& tail) {
    manifest_.write(tail);
    manifest_.finish();
  }

 private:
  void note(const WrittenFile& file) {
    manifest_.write(exporting::manifest_file(file, report_.files == 0));
    ++report_.files;
    report_.bytes += file.bytes;
  }

  ExportFolder& folder_;
  ExportReport& report_;
  OutputFile manifest_;
  std::map<std::string, OutputFile> appended_;
};

Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace

ExportReport export_selection(const Selection& selection, const std::filesystem::path& destination,
                              const ExportOptions& options) {
  const Exporter& exporter = known_exporter(options.format);
  ExportFolder folder(destination);
  ExportReport report;
  report.format = options.format;
  report.destination = folder.destination();

  FolderSink sink(folder, report);
  sink.begin_manifest(exporting::manifest_head(selection, options));
  const auto shares = exporting::datasets_of(selection, options.stop);
  const ExportCounts counts = exporter.write(selection, options, sink);
  report.samples = counts.samples;
  report.masks = counts.masks;
  sink.close_appended();
  sink.write("LICENCES.md", bytes_of(exporting::licences_text(shares)));
  sink.write("CITATIONS.md", bytes_of(exporting::citations_text(shares)));
  sink.end_manifest(exporting::manifest_tail(shares, report));
  if (options.stop.stop_requested()) {
    throw Error(ErrorCode::interrupted, "the export was interrupted");
  }
  folder.publish();
  return report;
}

}  // namespace slicebank
