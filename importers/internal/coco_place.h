// What scan tells decode of a picture in a COCO file, as SourceItem::place holds it.
// Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "importers/internal/coco_file.h"
#include "importers/internal/picture_item.h"

namespace slicebank::internal {

struct CocoItemPlace {
  std::uint32_t height = 0;  // as the file says; 0 where it does not
  std::uint32_t width = 0;
  std::vector<CocoPlace> annotations;  // one a mask of the item, in their order
  PicturePlace picture;

  std::string text() const;
  static CocoItemPlace parse(const std::string& text);
};

}  // namespace slicebank::internal
