#include "importers/internal/tiny_images.h"

#include <utility>

#include "store/dictionary.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kTrainingImages = 2000;
constexpr std::uint64_t kCollectedBytesMax = 64u << 20;  // over all shapes
constexpr std::size_t kShapesMax = 10'000;               // of which something is remembered

}  // namespace

EncodedSample TinyImages::encode(Writer& writer, DatasetId dataset, Sample&& sample,
                                 Effort effort) {
  const ImageShape shape = sample.image.shape;
  CodecOptions codec;
  codec.effort = effort;
  const Key key{dataset, shape.height, shape.width, shape.channels};
  auto found = shapes_.find(key);
  if (found == shapes_.end()) {
    if (shapes_.size() >= kShapesMax) return encode_sample(sample, codec);
    found = shapes_.emplace(key, Shape()).first;
    found->second.dictionary = writer.find_dictionary(dataset, shape);
    found->second.decided = found->second.dictionary != nullptr;
  }
  Shape& known = found->second;
  codec.dictionary = known.dictionary;
  EncodedSample encoded = encode_sample(sample, codec);
  if (known.decided) return encoded;

  const std::uint64_t bytes = sample.image.image_hwc.size();
  if (collected_bytes_ + bytes > kCollectedBytesMax) return encoded;
  collected_bytes_ += bytes;
  known.collected.push_back(std::move(sample.image));
  if (known.collected.size() == kTrainingImages) {
    known.dictionary = writer.add_dictionary(dataset, shape, known.collected);
    known.decided = true;
    collected_bytes_ -= bytes * known.collected.size();
    known.collected = {};
  }
  return encoded;
}

}  // namespace slicebank::internal
