// What a batch of samples looks like (BatchSpec) and what it holds (Batch).
//
// Plain data. All arrays are dense and in C order. What happens to a sample, in this
// order: channels, intensity, crop, resize, pad, flips and rotation, output type. Masks go
// through the same geometry, so that image and masks stay on each other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "schema/ids.h"
#include "schema/sample.h"

namespace slicebank {

enum class Layout : std::uint8_t { nchw, nhwc };

enum class ChannelPolicy : std::uint8_t {
  keep,  // as stored; all samples of a batch must then have as many
  rgb,   // three: one channel is repeated. Error(bad_argument) for other than 1 or 3
  gray,  // one: 0.299 R + 0.587 G + 0.114 B. Error(bad_argument) for other than 1 or 3
};

struct Size {
  std::uint32_t height = 0;
  std::uint32_t width = 0;

  friend bool operator==(const Size&, const Size&) = default;
};

// Which part of the slice. A side of the slice that is shorter than the crop's is taken
// whole. Pixels are decoded from the top of the slice to the crop's last row as far as the
// codec allows; all of them where intensities are those of the whole slice.
struct CropSpec {
  enum class Where : std::uint8_t {
    none,
    centre,      // the odd pixel goes to the bottom and the right
    random,      // every place equally likely
    foreground,  // with `probability` centred on a random pixel of a random class that is
                 // there, as far as the borders allow; otherwise, or with no such pixel, random
  };
  Where where = Where::none;
  std::optional<Size> size;      // source pixels; none: BatchSpec::size
  std::vector<ClassId> classes;  // foreground: these and what is below them;
                                 // empty: TargetSpec::classes, or else any mask
  double probability = 1.0 / 3;
};

enum class ResizeKind : std::uint8_t {
  none,     // pad what is smaller; what is larger is Error(bad_argument)
  fit,      // keep the aspect, rounding half up; pad the rest
  stretch,  // fill the output
};

enum class ImageFilter : std::uint8_t {
  bilinear,  // half-pixel centres, as OpenCV's INTER_LINEAR and PyTorch's align_corners=False
  area,      // the average over what a pixel covers along an axis that shrinks (OpenCV's
             // INTER_AREA), bilinear along one that grows
  nearest,   // as the masks: the pixel under the centre; where that lies between two, the one
             // before it. OpenCV's INTER_NEAREST_EXACT, which rounds some of the latter otherwise
};

struct PadSpec {
  enum class Align : std::uint8_t { centre, top_left };
  double value = 0;             // in the output's intensities; masks are padded with 0
  Align align = Align::centre;  // centre: the odd pixel goes to the bottom and the right
};

// Seeded by (seed, epoch, position) of the item, and by nothing else.
struct AugmentSpec {
  double flip_horizontal = 0;  // probability of left becoming right
  double flip_vertical = 0;
  bool rot90 = false;  // 0, 90, 180 or 270 degrees; 0 or 180 where the output
                       // (or, with no fixed size, the sample) is no square
};

// Maps pixel values, each channel by itself; statistics are those of the whole slice
// (NaN left out), whatever is cropped. What maps to a range maps linearly, clipped.
struct IntensitySpec {
  enum class Kind : std::uint8_t {
    none,
    window,      // level - width/2 .. level + width/2 to the range
    percentile,  // the `lower`th .. `upper`th percentile (numpy's linear) to the range
    min_max,     // smallest .. largest to the range
    z_score,     // (x - mean) / standard deviation; 0 in a slice of one value
    mean_std,    // (x - mean[c]) / std[c]; one entry for all channels, or one a channel
  };
  Kind kind = Kind::none;
  double level = 40;
  double width = 400;
  double lower = 0.5;
  double upper = 99.5;
  std::vector<double> mean;
  std::vector<double> std;
  std::optional<std::array<double, 2>> range;  // none: 0..1 for f16 and f32, 0..255 for integers
};

// How many points and which instances a promptable model is asked with.
struct InstanceSpec {
  bool one_random = false;            // one of the item's instances, each equally likely
  std::uint64_t area_min = 1;         // pixels, in the output; smaller instances are left out
  std::uint32_t positive_points = 0;  // random pixels of the instance
  std::uint32_t negative_points = 0;  // random pixels of the image, not padding, outside of it
  std::uint32_t box_jitter = 0;       // pixels each side of prompt_box may move, either way
};

struct TargetSpec {
  std::vector<ClassId> classes;  // what the arrays below are about, in this order
  bool mask_channels = false;    // Batch::masks
  bool label_map = false;        // Batch::label_map
  bool labels = false;           // Batch::labels
  bool instances = false;        // BatchItem::instances; of `classes`, or all when it is empty
  InstanceSpec instance;
};

struct BatchSpec {
  std::optional<Size> size;  // of the output; none: the crop's, or each sample's own, and
                             // then all of a batch must be equal
  bool image = true;         // false: targets only; pixels are not even read
  PixelType pixel_type = PixelType::f32;  // u8, i16, u16, f16 or f32. Integers: rounded half
                                          // to even, saturated, NaN is 0
  Layout layout = Layout::nchw;
  ChannelPolicy channels = ChannelPolicy::keep;
  CropSpec crop;
  ResizeKind resize = ResizeKind::none;
  ImageFilter filter = ImageFilter::bilinear;
  PadSpec pad;
  AugmentSpec augment;
  IntensitySpec intensity;
  TargetSpec targets;
};

// Memory aligned to 64 bytes that is not cleared, and kept when it gets smaller.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : memory_(std::move(other.memory_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    memory_ = std::move(other.memory_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }

  std::byte* data() const noexcept { return memory_.get(); }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  bool empty() const noexcept { return size_ == 0; }

  // Contents are undefined afterwards when the size grows. Throws std::bad_alloc.
  void resize(std::size_t size);

  template <typename T>
  std::span<T> as() const noexcept {
    return {reinterpret_cast<T*>(memory_.get()), size_ / sizeof(T)};
  }

 private:
  struct Free {
    void operator()(std::byte* memory) const noexcept { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// How the sample lies in the output: what maps a prediction back onto the slice. First
// `crop` of the slice becomes `inner` of a canvas, then the canvas is turned: transposed,
// then mirrored left-right, then top-bottom.
struct Placement {
  Size source;  // of the slice
  Box crop;     // in the slice
  Box inner;    // in the canvas
  Size canvas;  // the output's size, sides swapped where it is transposed
  bool transpose = false;
  bool flip_horizontal = false;
  bool flip_vertical = false;

  friend bool operator==(const Placement&, const Placement&) = default;
};

// One object, as it is in the output.
struct Instance {
  ClassId class_id{};          // as annotated, not the class it was asked for under
  std::uint32_t instance = 0;  // as the source numbers it
  std::uint64_t area = 0;
  Box box;                // half-open, tight
  Box prompt_box;         // `box`, jittered; at least one pixel, inside the output
  double centroid_x = 0;  // mean of the pixels' coordinates
  double centroid_y = 0;

  friend bool operator==(const Instance&, const Instance&) = default;
};

// A prompt: label 1 on the instance, 0 outside of it, -1 where there is no such pixel
// (x and y are 0 then).
struct Point {
  std::int32_t x = 0;
  std::int32_t y = 0;
  std::int32_t label = -1;

  friend bool operator==(const Point&, const Point&) = default;
};

struct BatchItem {
  SampleId id{};
  std::uint64_t position = 0;
  VolumeId volume_id{};
  Placement placement;

  std::vector<Instance> instances;  // in the order of the sample's masks
  Buffer instance_masks;            // u8 [instances, H, W]
  std::vector<Point> points;        // [instances, positive + negative], positive ones first
};

// A sample that is not in its batch, and why.
struct SkippedSample {
  SampleId id{};
  std::uint64_t position = 0;
  std::string message;
};

// N samples. Arrays that were not asked for are empty. The caller's own, and writable.
struct Batch {
  std::uint32_t size = 0;      // N
  std::uint32_t channels = 0;  // C
  std::uint32_t height = 0;    // H
  std::uint32_t width = 0;     // W
  std::uint32_t classes = 0;   // K, those of TargetSpec::classes
  PixelType pixel_type = PixelType::f32;
  Layout layout = Layout::nchw;
  PixelType label_map_type = PixelType::u8;  // u8, u16 or i32: the smallest that holds K

  Buffer images;      // pixel_type, [N, C, H, W] or [N, H, W, C]
  Buffer masks;       // u8 [N, K, H, W]: 1 where any mask of the class, or of one below it, is
  Buffer label_map;   // [N, H, W]: 0 background, k + 1 for classes[k]; later classes win
  Buffer label_mask;  // u8 [N, K]: 1 known (present, or looked for and absent), 0 unknown.
                      // "Three states" in docs/query_language.md. Of the whole slice, not the crop
  Buffer labels;      // f32 [N, K]: the largest image-level label of the class; else 1 when
                      // there is a mask, 0 when absent, NaN when unknown

  std::vector<BatchItem> items;        // N
  std::vector<SkippedSample> skipped;  // in their order; see OnError
};

}  // namespace slicebank
