// What one dataset layout must tell the driver. One file a layout: <name>_importer.cpp.
//
// Implementations hold no state and never see the bank, so every method is const and
// safe to call from many threads. The driver (import.h) does the rest: threads, order,
// ledger, classes, ids, problems, progress.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/source_tree.h"
#include "schema/error.h"
#include "schema/sample.h"

namespace slicebank {

// Thrown by decode() when an item cannot be had: the item fails, and becomes a problem of
// this kind at this path.
class ItemError : public Error {
 public:
  ItemError(ErrorCode code, std::string kind, std::string path, const std::string& message)
      : Error(code, message), kind_(std::move(kind)), path_(std::move(path)) {}

  const std::string& kind() const noexcept { return kind_; }
  const std::string& path() const noexcept { return path_; }

 private:
  std::string kind_;
  std::string path_;
};

// A class under the dataset's own name.
//
// Here as in the masks and labels below, `meaning` is what the taxonomy is asked for when
// the class is first made, where the name alone says too little ("colon cancer" for a
// dataset's "cancer"). Empty: the name. The bank keeps the name as it is.
struct ClassName {
  std::string name;  // verbatim: "kidney_left"
  std::string code;  // the number the format writes, verbatim, or empty
  std::string meaning{};
};

// A mask as the source names it, not read yet. Several of them may lie in one file.
struct MaskSource {
  std::string path;        // relative to the root
  std::string class_name;  // the dataset's own word, verbatim
  std::string class_code;  // the number the format writes, verbatim, or empty
  std::uint32_t instance = 0;
  std::vector<std::uint32_t> values{};  // of a label map: what is inside; none: all but 0
  std::uint32_t component = 0;          // which map of a file that holds several
  std::string meaning{};                // see ClassName
  std::uint32_t raw_class = 0;          // filled in by the driver
  ClassId class_id{};                   // filled in by the driver
};

// A statement about a whole image: present (1), absent (0), or a grade.
struct LabelSource {
  std::string class_name;
  std::string class_code;
  double value = 1;
  std::string meaning{};        // see ClassName
  std::uint32_t raw_class = 0;  // filled in by the driver
  ClassId class_id{};           // filled in by the driver
};

// One unit of work: what is decoded in one go and is either wholly in the bank or not at
// all. A 2-D image with its masks, or one volume file that becomes many slices. Several
// items may belong to one volume (slices that lie in files of their own).
//
// An item without image_paths failed while scanning: it is never decoded, and only its
// key and its problems count.
struct SourceItem {
  std::string key;             // unique and stable in the source; what the ledger remembers
  std::string dataset;         // name of one of describe()'s datasets
  std::string patient_id;      // the dataset's own id of the person; what splits group by
  std::string person;          // one word for a person of several ids, where the source tells
  std::string volume_key;      // unique in the dataset
  std::string modality;        // the source's word: "ct_00", "mr_t1ce"
  std::string official_split;  // as the source says, or empty
  std::vector<std::string> image_paths;  // relative to the root; one or more
  std::vector<MaskSource> masks;
  std::vector<LabelSource> labels;
  std::string place;  // what else decode() needs to find it: a row, a series, a channel

  // What the annotators looked for in this item: each of these, or every class of the
  // dataset. Neither: nobody knows.
  std::vector<ClassName> covered_classes;
  bool covers_dataset_classes = false;

  std::vector<Problem> problems;  // met while scanning; import_id is the driver's

  // key, patient_id and volume_key would tell who the person is: the driver keeps keyed
  // hashes of them (ImportOptions::keep_patient_ids).
  bool identifying = false;
};

// What was met on the way, and what is true of the volume. The slices themselves go to
// the sink.
struct DecodedItem {
  std::optional<std::array<double, 3>> spacing_xyz_mm;
  std::vector<double> affine_4x4;
  std::vector<std::string> channel_names;
  std::vector<ClassId> unread_classes;  // of masks that could not be read: not absent
  std::vector<Problem> problems;
};

// What the user asks of decode(). Part of an item's fingerprint: an import with other
// options reads the item again and replaces its slices.
struct DecodeOptions {
  std::vector<Axis> axes = {Axis::z};  // to cut volumes along; 2-D images have no say in it

  // decode() may throw StartAgain. Not part of the fingerprint: the slices are the same.
  bool may_start_again = false;
};

// Thrown by decode() where DecodeOptions allow it, when it had given slices away before it
// found out that something is wrong with the item: they are to be forgotten, and decode() to
// be called again without may_start_again. It then reads whole files first.
struct StartAgain {};

// Takes slices as they become ready, in order; masks and labels carry class_id and
// raw_class from their source. Never blocks for long; may throw, which is to be let
// through.
using SampleSink = std::function<void(Sample&&)>;

// How surely a folder is of this layout, and the reason in words for the user.
struct Recognition {
  int score = 0;  // 0 no, 50 it could be, 100 it says so itself
  std::string reason;
};

// Everything that is known before the first item is read.
struct SourceDescription {
  std::vector<DatasetInfo> datasets;  // ids 0; raw classes with class_id 0
  std::vector<Problem> problems;
  std::optional<std::uint64_t> items;  // how many scan() will emit, where that is cheap
};

class Importer {
 public:
  virtual ~Importer() = default;

  virtual std::string_view name() const = 0;     // what --format accepts: "sa-med2d"
  virtual std::string_view summary() const = 0;  // one line for `slicebank import --list`

  // Looks at names only, and at no more than a few hundred of them.
  virtual Recognition recognise(const std::filesystem::path& root) const = 0;

  virtual SourceDescription describe(const SourceTree& source) const = 0;

  // Calls `emit` once an item, in a repeatable order, until it returns false. Lists and
  // parses lists; reads no pixels. Memory does not grow with the number of items.
  virtual void scan(const SourceTree& source,
                    const std::function<bool(SourceItem&&)>& emit) const = 0;

  // Reads one item and gives its slices to `emit`. A mask that cannot be read or does not
  // fit its image becomes a problem and is left out; an image that cannot be read throws
  // ItemError, and nothing of the item is kept.
  virtual DecodedItem decode(const SourceTree& source, const SourceItem& item,
                             const DecodeOptions& options, const SampleSink& emit) const = 0;
};

// All importers of this build, ascending by name. Lives for ever.
const std::vector<std::unique_ptr<Importer>>& importers();

// Null when there is none of that name.
const Importer* find_importer(std::string_view name);

struct Recognised {
  const Importer* importer = nullptr;
  Recognition recognition;
};

// Those with a score above 0, best first.
std::vector<Recognised> recognise(const std::filesystem::path& root);

}  // namespace slicebank
