// The import driver: scan, decode and encode in parallel, write in order, report.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "store/record.h"

namespace slicebank {

struct ImportProgress {
  std::uint64_t items_done = 0;   // committed, skipped or failed
  std::uint64_t items_total = 0;  // 0 while unknown
  std::uint64_t samples = 0;
  std::uint64_t pixel_bytes = 0;  // decoded; moves inside of an item too
};

// What is done to each slice between decoding and encoding.
struct SliceOptions {
  bool skip_empty = false;  // leave out slices on which nothing is marked

  // Both or none: values from level - width / 2 to level + width / 2 become 0 to 255, the
  // rest is cut off. For CT in Hounsfield units; the original values are lost. 8-bit
  // images are left as they are.
  std::optional<double> window_level;
  std::optional<double> window_width;
};

struct ImportOptions {
  // Behaviour.
  std::string format;          // empty: recognise
  bool dry_run = false;        // scan only: counts, nothing is written, no pixel is read
  std::uint64_t limit = 0;     // items to take at most; 0 is all
  bool stop_on_error = false;  // --on-error stop
  bool retry_failed = true;    // read items again that failed before
  std::string tool_version;
  DecodeOptions decode;  // how volumes are cut

  // Ids that would tell who a person is (DICOM's) are stored as keyed hashes, unless this
  // is set. The key lies in `patient_key`; empty: in the user's configuration
  // (docs/importers/dicom.md). The same key gives the same names in every bank.
  bool keep_patient_ids = false;
  std::filesystem::path patient_key;
  SliceOptions slices;

  // What the source does not say of its datasets: licence, licence-source, citation, url,
  // version, region; modality, where the layout tells none; name, for a source of one
  // dataset. Error(bad_argument) for any other word.
  std::map<std::string, std::string> dataset_overrides;

  // Performance.
  unsigned jobs = 0;  // decoding threads; 0 is one a core
  Effort effort = Effort::balanced;
  std::uint64_t batch_bytes = 8u << 20;  // of record values, a commit

  // Calls back. `progress` a few times a second, `problem` for each, both from the
  // calling thread.
  std::function<void(const ImportProgress&)> progress;
  std::function<void(const Problem&)> problem;
  std::stop_token stop;  // commits what is ready and returns with `interrupted`
};

struct ImportReport {
  std::string importer;
  std::string reason;  // why this one was taken
  std::uint64_t items = 0;
  std::uint64_t items_new = 0;
  std::uint64_t items_unchanged = 0;  // already in the bank
  std::uint64_t items_replaced = 0;   // their files changed
  std::uint64_t items_failed = 0;
  std::uint64_t samples = 0;
  std::uint64_t masks = 0;
  std::uint64_t pixel_bytes = 0;
  std::uint64_t record_bytes = 0;
  std::uint64_t notes = 0;
  std::uint64_t skipped = 0;  // problems that left something out: exit code 3
  bool interrupted = false;

  struct DatasetCount {
    std::string name;
    std::uint64_t items = 0;
    std::uint64_t volumes = 0;
    std::uint64_t subjects = 0;
    std::uint64_t classes = 0;  // declared by the source or named by an item

    // Of these, such as the taxonomy does not have: they are classes of the bank's own, and
    // are found by their own names only. The first names, ascending by when they were met.
    std::uint64_t own_classes = 0;
    std::vector<std::string> own_class_names{};
  };
  std::vector<DatasetCount> datasets;
};

// Imports `source` into the bank at `bank`, which is created when it is not there.
// Throws Error(bad_format) when no importer, or more than one equally, recognises the
// folder (the hint names --format), and as Writer does. Memory is bounded by jobs and
// the size of the items.
ImportReport import_source(const std::filesystem::path& bank, const std::filesystem::path& source,
                           const ImportOptions& options);

}  // namespace slicebank
