// The files of a 4-D image, kept from one frame's item to the next one's, so that they are
// read once for all frames rather than once for each. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "importers/internal/plane_stream.h"
#include "importers/internal/volume_file.h"
#include "schema/error.h"

namespace slicebank::internal {

class FrameFiles {
 public:
  // Those of the item whose first image is `image_path`. A tree keeps them for the image
  // that was asked for last: items of one file come one behind the other.
  static std::shared_ptr<FrameFiles> of(const SourceTree& source, const std::string& image_path);

  // A reader of `path` that has not gone beyond `frame`: the nearest that another item left,
  // or a new one. Throws as PlaneStream.
  std::unique_ptr<PlaneStream> take(const SourceTree& source, const std::string& path,
                                    std::uint32_t frame);

  // For an item of a later frame.
  void give_back(const std::string& path, std::unique_ptr<PlaneStream> stream);

  // Has read `path` to its end by the time it returns: every checksum holds. Throws what
  // was found, the same error every time.
  void check(const SourceTree& source, const std::string& path);

  // All of a file that cannot be read along; types that no pixel has are narrowed over all
  // frames. Throws as read_volume(), the same error every time.
  std::shared_ptr<const VolumeFile> whole(const SourceTree& source, const std::string& path,
                                          VolumeUse use);

  // How often a file was opened so far.
  std::size_t opened() const;

 private:
  struct File {
    std::mutex reading;  // held while it is read whole; guards all below but `parked`
    bool sound = false;
    std::optional<Error> error;
    std::shared_ptr<const VolumeFile> whole;
    std::vector<std::unique_ptr<PlaneStream>> parked;  // under mutex_
  };

  File& file(const std::string& path);
  template <typename Read>
  void read_once(File& file, const Read& read);

  mutable std::mutex mutex_;
  std::map<std::string, File> files_;  // places stay
  std::size_t opened_ = 0;
};

// One frame of a volume of several.
Volume frame_of(const Volume& volume, std::uint32_t frame);

}  // namespace slicebank::internal
