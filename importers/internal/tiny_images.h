// Encodes tiny images with the dictionary of their dataset and shape, and sees to it that
// there is one: it is trained on the first 2000, which are written without. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "schema/sample.h"
#include "store/record.h"
#include "store/writer.h"

namespace slicebank::internal {

class TinyImages {
 public:
  EncodedSample encode(Writer& writer, DatasetId dataset, Sample&& sample, Effort effort);

 private:
  struct Shape {
    bool decided = false;  // there is a dictionary, or training found nothing to learn
    std::shared_ptr<const Dictionary> dictionary;
    std::vector<Image> collected;
  };

  // Height, width, channels; only one pixel type is tiny.
  using Key = std::tuple<DatasetId, std::uint32_t, std::uint32_t, std::uint32_t>;

  std::map<Key, Shape> shapes_;
  std::uint64_t collected_bytes_ = 0;
};

}  // namespace slicebank::internal
