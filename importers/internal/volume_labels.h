// What the numbers of a label map are called, by whatever lies in or beside it. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "formats/source_tree.h"
#include "formats/volume.h"
#include "importers/importer.h"
#include "importers/internal/dataset_json.h"

namespace slicebank::internal {

// A list for the whole folder.
struct LabelList {
  std::string path;                   // empty: there is none
  std::vector<DeclaredLabel> labels;  // by value
  std::vector<Problem> problems;      // a list that cannot be understood
};

// labels.json, label.json, label_map.json, classes.json, class_names.json, dataset.json or
// dseg.tsv in the root, the first that names a class: {"1": "liver"}, {"liver": 1},
// {"tumor": [1, 2]}, ["background", "liver"], any of them under the key "labels".
LabelList find_label_list(const SourceTree& source);

// What one file says or holds.
struct MapLabels {
  std::vector<DeclaredLabel> labels;     // by value
  std::vector<std::uint32_t> component;  // one for each of them: the map that it lies in
  bool declared = false;                 // the file names them; else they are what was found
};

// Names from a NIfTI's LabelTable or the segments of a .seg.nrrd; where there are none, the
// values that the map holds, as "label 1" (all voxels are read for that). A file of several
// maps, where the image has one frame, has a class a map. Throws as read_volume().
MapLabels labels_of_map(const SourceTree& source, const std::string& path,
                        std::uint32_t image_frames);

// What a volume file says in its first bytes: size, frames, type. Throws as scan_volume().
Volume volume_header(const SourceTree& source, const std::string& path);

}  // namespace slicebank::internal
