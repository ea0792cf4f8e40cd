// A folder of volume files and masks without a layout of its own: what the importers
// nifti and metaimage have in common. Any thread.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "importers/importer.h"

namespace slicebank::internal {

struct PairedLayout {
  std::string_view name;  // of the importer
  std::string_view summary;
  std::string_view word;                  // what such a volume is called: "NIfTI"
  std::vector<std::string_view> endings;  // of images, in lower case
  int score = 0;                          // of a folder with masks; one less without
};

class PairedImporter final : public Importer {
 public:
  explicit PairedImporter(PairedLayout layout) : layout_(std::move(layout)) {}

  std::string_view name() const override { return layout_.name; }
  std::string_view summary() const override { return layout_.summary; }
  Recognition recognise(const std::filesystem::path& root) const override;
  SourceDescription describe(const SourceTree& source) const override;
  void scan(const SourceTree& source, const std::function<bool(SourceItem&&)>& emit) const override;
  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override;

 private:
  PairedLayout layout_;
};

}  // namespace slicebank::internal
