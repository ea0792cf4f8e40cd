// NIfTI files of no other layout, BIDS among them (docs/importers/nifti.md).
#include "importers/importer.h"
#include "importers/internal/paired_layout.h"

namespace slicebank {
namespace {

// Below every layout that says more of itself.
constexpr int kScore = 34;

class NiftiImporter final : public Importer {
 public:
  std::string_view name() const override { return "nifti"; }
  std::string_view summary() const override {
    return "NIfTI volumes with masks paired by folder or file name; BIDS";
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
  const internal::PairedLayout layout_{"NIfTI", {".nii", ".nii.gz", ".hdr"}, kScore};
};

}  // namespace

std::unique_ptr<Importer> make_nifti_importer() { return std::make_unique<NiftiImporter>(); }

}  // namespace slicebank
