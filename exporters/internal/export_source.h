// Samples of a selection with everything an exporter names them by. Safe from many
// threads.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "exporters/internal/origin.h"
#include "query/selection.h"
#include "schema/sample.h"
#include "schema/taxonomy.h"
#include "store/reader.h"

namespace slicebank::exporting {

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

// Threads for ExportOptions::jobs: one a core when it is 0.
unsigned export_threads(unsigned jobs);

}  // namespace slicebank::exporting
