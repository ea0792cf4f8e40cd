// Everything that holds for a whole folder of pictures: what its masks mean, which classes
// there are, what each picture is called. Any thread.
#pragma once

#include <string>
#include <vector>

#include "importers/importer.h"
#include "importers/internal/picture_layout.h"
#include "importers/internal/picture_pairs.h"
#include "importers/internal/picture_table.h"
#include "importers/internal/sidecar.h"

namespace slicebank::internal {

struct PicturePlan {
  Sidecar sidecar;
  PictureTable table;
  PictureLayout layout;
  DatasetInfo dataset;  // with the classes, in declared order
  std::vector<Problem> problems;

  MaskMeaning meaning = MaskMeaning::binary;  // never unstated
  std::vector<SidecarClass> value_classes;    // of a label or colour map
  std::string plain_class;                    // of a binary mask that no folder names
  bool folders_are_labels = false;            // train/<class>/x.png

  // Reads slicebank.json, the table, names, and, where nobody says what the masks mean, a
  // few of them. Throws as read_sidecar() and PictureTable do.
  static PicturePlan of(const SourceTree& source);

  // The same without a look at folders and masks, for pictures that a list names.
  static PicturePlan of_listed(const SourceTree& source);

  // The item of one picture of layout.folders[folder].
  SourceItem item_of(std::size_t folder, const PairedPicture& picture) const;

  // What patient, volume, slice, split and modality are for this picture, into `item`; and
  // where decode() finds the rest.
  void describe_picture(const std::string& path, const std::string& folder_split,
                        SourceItem& item) const;

 private:
  void settle_masks(const SourceTree& source);
  void collect_classes();
  void tell_modality();
  void tell_folders();
  void add_class(const std::string& name, const std::string& code);
  std::string class_of_folder(const std::string& folder) const;
  void add_masks(const PairedPicture& picture, const PictureRow* row, SourceItem& item) const;
  void add_labels(std::size_t folder, const PictureRow* row, SourceItem& item) const;
};

}  // namespace slicebank::internal
