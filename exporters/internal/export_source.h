// Samples of a selection with everything an exporter names them by. Safe from many
// threads.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "query/selection.h"
#include "schema/sample.h"
#include "schema/taxonomy.h"
#include "store/reader.h"

namespace slicebank {

// Where a sample belongs. Shared; never changes.
struct Origin {
  VolumeInfo volume;
  std::shared_ptr<const DatasetInfo> dataset;
  std::string patient_id;
};

struct Loaded {
  SampleInfo info;
  Sample sample;
  std::shared_ptr<const Origin> origin;
};

class ExportSource {
 public:
  explicit ExportSource(const Selection& selection);

  // Nothing when the sample was deleted after the selection was made. Throws
  // Error(corrupt) when the bank is damaged.
  std::optional<SampleInfo> info(SampleId id) const;
  std::optional<Loaded> load(SampleId id) const;

  std::shared_ptr<const Origin> origin(VolumeId id) const;
  const Taxonomy& taxonomy() const { return *taxonomy_; }

 private:
  std::shared_ptr<const DatasetInfo> dataset(DatasetId id) const;

  Bank bank_;
  Reader reader_;
  std::shared_ptr<const Taxonomy> taxonomy_;
  mutable std::mutex mutex_;
  mutable std::map<DatasetId, std::shared_ptr<const DatasetInfo>> datasets_;
  mutable std::unordered_map<std::uint64_t, std::shared_ptr<const Origin>> origins_;  // bounded
};

// The dataset's own name and code of an annotation, or the canonical class name where
// the bank keeps none. Never empty.
struct ClassWords {
  std::string name;
  std::string code;
};
ClassWords class_words(const DatasetInfo& dataset, const Taxonomy& taxonomy,
                       std::uint32_t raw_class, ClassId class_id);

// The volume's key without the source's modality that SA-Med2D's importer puts in front
// ("mr_t1--p001" is case "p001").
std::string_view case_name(const VolumeInfo& volume);

// Threads for ExportOptions::jobs: one a core when it is 0.
unsigned export_threads(unsigned jobs);

}  // namespace slicebank
