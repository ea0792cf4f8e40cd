// PNG and TIFF files where a layout has them in the place of volumes. Any thread.
#pragma once

#include <optional>
#include <string>

#include "formats/volume.h"

namespace slicebank::internal {

// What the numbers of a file are. A palette of an image is expanded to its colours, that
// of labels gives its indices; labels of a TIFF that counts from white keep the numbers of
// the file.
enum class VolumeUse { image, labels };

// A PNG is one plane of 2 dimensions, a TIFF as many as it has pages. Nothing where the
// bytes are neither; throws as png.h and tiff.h do.
std::optional<Volume> picture_volume(Bytes file, const std::string& name, VolumeUse use);

}  // namespace slicebank::internal
