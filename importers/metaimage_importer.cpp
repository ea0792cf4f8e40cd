// MetaImage and NRRD files of no other layout (docs/importers/metaimage.md).
#include "importers/importer.h"
#include "importers/internal/paired_layout.h"

namespace slicebank {
namespace {

// Below every layout that says more of itself.
constexpr int kScore = 32;

class MetaImageImporter final : public Importer {
 public:
  std::string_view name() const override { return "metaimage"; }
  std::string_view summary() const override {
    return "MetaImage and NRRD volumes with masks paired by name; Slicer segmentations";
  }
  Recognition recognise(const std::filesystem::path& root) const override {
    return layout_.recognise(root);
  }
  SourceDescription describe(const SourceTree& source) const override {
    return layout_.describe(source);
  }
  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    layout_.scan(source, emit);
  }
  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override {
    return layout_.decode(source, item, options, emit);
  }

 private:
  const internal::PairedLayout layout_{
      "MetaImage or NRRD", {".mha", ".mhd", ".nrrd", ".nhdr"}, kScore};
};

}  // namespace

std::unique_ptr<Importer> make_metaimage_importer() {
  return std::make_unique<MetaImageImporter>();
}

}  // namespace slicebank
