// A selection written as files of one layout. One file a layout: <name>_exporter.cpp.
//
// Exporters hold no state. The driver (export.h) gives them an empty folder that becomes
// the destination only when everything is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "query/selection.h"
#include "schema/sample.h"

namespace slicebank {

struct ExportOptions {
  std::string format;
  std::map<std::string, std::string> settings;  // what one exporter knows: documented there
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // caller's thread
  std::stop_token stop;           // ends with Error(interrupted); nothing is left behind
  std::string tool_version = {};  // kept in MANIFEST.json
  unsigned jobs = 0;              // threads that decode and encode; 0 is one a core
};

// Something the layout cannot hold: said, never dropped in silence.
struct ExportLoss {
  SampleId sample{};  // 0: about the export as a whole
  std::string message;
};

// What an exporter has written.
struct ExportCounts {
  std::uint64_t samples = 0;
  std::uint64_t masks = 0;
};

struct ExportReport {
  std::string format;
  std::filesystem::path destination;
  std::uint64_t samples = 0;  // written; those left out are among the losses
  std::uint64_t masks = 0;
  std::uint64_t files = 0;  // listed in MANIFEST.json
  std::uint64_t bytes = 0;
  std::uint64_t losses_total = 0;
  std::vector<ExportLoss> losses;  // the first 1000; LOSSES.jsonl has all
};

// What an exporter writes through: counts, hashes and names of files are kept here. One
// thread.
class ExportSink {
 public:
  virtual ~ExportSink() = default;
  // Writes a new file below the destination; parts are made as needed. Error(already_exists)
  // when two samples want the same name, Error(io), Error(out_of_space).
  virtual void write(const std::string& relative_path, Bytes content) = 0;
  // Opens a file to be appended to, closed when the export ends: for large JSONs.
  virtual void append(const std::string& relative_path, std::string_view text) = 0;
  virtual void loss(SampleId sample, const std::string& message) = 0;
  // Last part of the destination's path, for layouts whose lists name their own folder.
  virtual std::string destination_name() const = 0;
};

class Exporter {
 public:
  virtual ~Exporter() = default;

  virtual std::string_view name() const = 0;     // what --format accepts
  virtual std::string_view summary() const = 0;  // one line

  // Writes the selection. Throws Error(bad_argument) for a setting it does not know.
  virtual ExportCounts write(const Selection& selection, const ExportOptions& options,
                             ExportSink& sink) const = 0;
};

// All exporters of this build, ascending by name. Lives for ever.
const std::vector<std::unique_ptr<Exporter>>& exporters();
const Exporter* find_exporter(std::string_view name);  // null when there is none

// A name that is safe as a file's or folder's on any system: [A-Za-z0-9._-], at most 80
// bytes, no leading dot or dash, no trailing dot, no device name (CON). Changed names get
// a suffix `_x` and 16 hex digits of a hash of the whole name (and so do names that end
// like that by themselves), so different names stay different.
std::string safe_file_name(std::string_view name);

}  // namespace slicebank
