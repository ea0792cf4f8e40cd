// Rows of SAT-DS's lists as items to import. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "importers/importer.h"
#include "importers/internal/hash_set.h"
#include "importers/internal/sat_ds_rows.h"

namespace slicebank::sat_ds {

class RowReader {
 public:
  explicit RowReader(const std::filesystem::path& root) : paths_(root) {}

  // An item without images where the row cannot be used: bad-row, bad-path, bad-channel,
  // duplicate-row.
  SourceItem item_of(const Row& row);

 private:
  static SourceItem common(const Row& row, const std::string& listed_image);
  SourceItem item_of_files(const Row& row);
  SourceItem item_of_arrays(const Row& row);

  PathResolver paths_;
  internal::HashSet seen_;
};

// The frame of its image that an item is, where it is not the whole image.
std::optional<std::uint32_t> frame_of(const SourceItem& item);

}  // namespace slicebank::sat_ds
