// Samples as PNG files: what the slice-wise layouts share. Decodes and encodes in many
// threads, hands over in the selection's order.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "exporters/exporter.h"
#include "exporters/internal/export_source.h"
#include "exporters/internal/window.h"

namespace slicebank::exporting {

// What a layout can hold.
struct SliceRules {
  std::string layout;            // its name, for the words of a loss
  std::optional<Window> window;  // maps one channel of a wide type to 8 bit
  bool sixteen_bit = false;      // u16 images stay as they are
  bool empty_masks = false;      // masks without a pixel are written
  bool source_values = false;    // a mask that was 0/1 is written as 0/1, not as 0/255
};

// One sample ready to be written. Pixels of `loaded` are gone.
struct SliceFiles {
  Loaded loaded;
  std::vector<std::byte> image_png;
  std::vector<std::vector<std::byte>> mask_pngs;  // as loaded.sample.masks; empty: not held
};

// Calls take() for each sample that the layout can hold; says what it leaves out. Counts
// what was taken. take() returns the masks it has written.
ExportCounts for_each_slice(const Selection& selection, const ExportSource& source,
                            const ExportOptions& options, const SliceRules& rules, ExportSink& sink,
                            const std::function<std::uint64_t(SliceFiles&&)>& take);

// Writes `<prefix><stem><suffix>`, asking for another stem while one of that name is
// there. `stem(attempt)` gives stems for 0, 1, 2, ...; from 1 on a loss is said. Returns
// the stem that was free.
std::string write_under_free_stem(ExportSink& sink, SampleId sample, const std::string& prefix,
                                  const std::function<std::string(unsigned attempt)>& stem,
                                  Bytes content, const std::string& suffix = ".png");

}  // namespace slicebank::exporting
