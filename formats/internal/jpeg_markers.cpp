#include "formats/internal/jpeg_markers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "schema/error.h"

namespace slicebank::internal {
namespace {

constexpr int kScansMax = 100;

constexpr int kStartOfImage = 0xd8;
constexpr int kEndOfImage = 0xd9;
constexpr int kStartOfScan = 0xda;
constexpr int kApp1 = 0xe1;
constexpr int kApp14 = 0xee;

[[noreturn]] void fail(const std::string& name, const std::string& why) {
  throw Error(ErrorCode::bad_format, name + ": not a readable JPEG: " + why,
              "Copy or download the file again.");
}

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw Error(ErrorCode::bad_format, name + ": this kind of JPEG is not read: " + what,
              "Convert it to PNG with a program that reads it.");
}

// Start-of-frame markers: SOF0 to SOF15 without DHT, JPG and DAC; SOF55 is JPEG-LS.
bool starts_frame(int marker) {
  return (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) ||
         marker == 0xf7;
}

class Walk {
 public:
  Walk(Bytes file, const std::string& name) : file_(file), name_(name) {}

  JpegMarkers run() {
    if (file_.size() < 3 || byte(0) != 0xff || byte(1) != kStartOfImage || byte(2) != 0xff) {
      fail(name_, "the signature is missing");
    }
    at_ = 2;
    while (true) {
      const int marker = next_marker();
      if (marker == kEndOfImage) break;
      if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue;  // have no body
      if (marker == kStartOfImage) fail(name_, "a second image inside of the first");
      const Bytes body = next_body();
      if (starts_frame(marker)) frame(marker, body);
      if (marker == kStartOfScan) scan(body);
      if (marker == kApp1 && begins(body, {"Exif\0", 5}) && body.size() > 6 && !exif_seen_) {
        exif_seen_ = true;
        markers_.orientation = exif_orientation(body.subspan(6));
      }
      if (marker == kApp14 && begins(body, "Adobe") && body.size() >= 12) markers_.adobe = true;
    }
    finish();
    return markers_;
  }

 private:
  int byte(std::size_t at) const { return std::to_integer<int>(file_[at]); }

  static bool begins(Bytes body, std::string_view text) {
    return body.size() >= text.size() && std::memcmp(body.data(), text.data(), text.size()) == 0;
  }

  // The next marker; what lies before it, such as a scan's data, is stepped over.
  int next_marker() {
    while (at_ < file_.size()) {
      const void* found = std::memchr(file_.data() + at_, 0xff, file_.size() - at_);
      if (found == nullptr) break;
      at_ = static_cast<std::size_t>(static_cast<const std::byte*>(found) - file_.data());
      while (at_ < file_.size() && byte(at_) == 0xff) ++at_;
      if (at_ == file_.size()) break;
      const int marker = byte(at_++);
      if (marker != 0) return marker;
    }
    fail(name_, "the file is truncated");
  }

  Bytes next_body() {
    if (file_.size() - at_ < 2) fail(name_, "the file is truncated");
    const auto size = static_cast<std::size_t>(byte(at_) << 8 | byte(at_ + 1));
    if (size < 2) fail(name_, "a marker of an impossible length");
    if (size > file_.size() - at_) fail(name_, "the file is truncated");
    const Bytes body = file_.subspan(at_ + 2, size - 2);
    at_ += size;
    return body;
  }

  void frame(int marker, Bytes body) {
    if (frame_seen_) fail(name_, "two frames");
    frame_seen_ = true;
    if (marker == 0xf7) refuse(name_, "JPEG-LS");
    if (marker == 0xc3) refuse(name_, "lossless coding");
    if (marker >= 0xc9) refuse(name_, "arithmetic coding");
    if (marker > 0xc2) refuse(name_, "hierarchical coding");
    if (body.size() < 6) fail(name_, "a damaged frame header");
    const auto number = [&](std::size_t at) { return std::to_integer<std::uint32_t>(body[at]); };
    if (number(0) != 8) refuse(name_, fmt::format("{} bits a channel instead of 8", number(0)));
    markers_.progressive = marker == 0xc2;
    markers_.height = number(1) << 8 | number(2);
    markers_.width = number(3) << 8 | number(4);
    markers_.components = static_cast<int>(number(5));
    if (markers_.components != 1 && markers_.components != 3 && markers_.components != 4) {
      refuse(name_, fmt::format("{} channels", markers_.components));
    }
    if (markers_.height == 0 || markers_.width == 0) fail(name_, "a side of 0 pixels");
    if (body.size() != 6 + 3 * number(5)) fail(name_, "a damaged frame header");
    for (std::size_t i = 0; i < number(5); ++i) ids_[i] = body[6 + 3 * i];
    count_blocks(body.subspan(6));
  }

  // From three bytes a component: id, sampling factors (across, down), table.
  void count_blocks(Bytes components) {
    const auto across = [&](std::size_t i) {
      return std::to_integer<std::uint32_t>(components[3 * i + 1]) >> 4;
    };
    const auto down = [&](std::size_t i) {
      return std::to_integer<std::uint32_t>(components[3 * i + 1]) & 15;
    };
    std::uint32_t across_max = 1;
    std::uint32_t down_max = 1;
    for (std::size_t i = 0; i < components.size() / 3; ++i) {
      across_max = std::max(across_max, across(i));
      down_max = std::max(down_max, down(i));
    }
    for (std::size_t i = 0; i < components.size() / 3; ++i) {
      markers_.blocks += std::uint64_t{markers_.width * across(i) / across_max / 8} *
                         (markers_.height * down(i) / down_max / 8);
    }
  }

  void scan(Bytes body) {
    if (!frame_seen_) fail(name_, "a scan before the frame");
    if (++scans_ > kScansMax) refuse(name_, fmt::format("more than {} scans", kScansMax));
    const std::size_t count = body.empty() ? 0 : std::to_integer<std::size_t>(body[0]);
    if (count == 0 || body.size() != 4 + 2 * count) fail(name_, "a damaged scan header");
    if (body[1 + 2 * count] != std::byte{0}) return;  // refines or adds detail only
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t component = 0; component < ids_.size(); ++component) {
        if (ids_[component] == body[1 + 2 * i]) scanned_[component] = true;
      }
    }
  }

  void finish() {
    if (!frame_seen_) fail(name_, "it holds no picture");
    for (std::size_t i = 0; i < static_cast<std::size_t>(markers_.components); ++i) {
      if (!scanned_[i]) fail(name_, "the data of a channel are missing");
    }
  }

  Bytes file_;
  const std::string& name_;
  std::size_t at_ = 0;
  JpegMarkers markers_;
  bool frame_seen_ = false;
  bool exif_seen_ = false;
  int scans_ = 0;
  std::array<std::byte, 4> ids_{};
  std::array<bool, 4> scanned_{};
};

}  // namespace

int exif_orientation(Bytes tiff) {
  constexpr std::uint64_t kOrientationTag = 274;
  constexpr std::uint64_t kShort = 3;
  if (tiff.size() < 8) return 1;
  const bool little = tiff[0] == std::byte{'I'} && tiff[1] == std::byte{'I'};
  const bool big = tiff[0] == std::byte{'M'} && tiff[1] == std::byte{'M'};
  if (!little && !big) return 1;
  const auto get = [&](std::uint64_t at, std::uint64_t size) {
    std::uint64_t value = 0;
    for (std::uint64_t i = 0; i < size; ++i) {
      value |= std::to_integer<std::uint64_t>(tiff[at + i]) << (8 * (little ? i : size - 1 - i));
    }
    return value;
  };
  const std::uint64_t directory = get(4, 4);
  if (get(2, 2) != 42 || directory + 2 > tiff.size()) return 1;
  const std::uint64_t entries = get(directory, 2);
  for (std::uint64_t i = 0; i < entries; ++i) {
    const std::uint64_t entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.size()) return 1;
    if (get(entry, 2) != kOrientationTag) continue;
    if (get(entry + 2, 2) != kShort || get(entry + 4, 4) != 1) return 1;
    const std::uint64_t orientation = get(entry + 8, 2);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
  }
  return 1;
}

JpegMarkers read_jpeg_markers(Bytes file, const std::string& name) {
  return Walk(file, name).run();
}

}  // namespace slicebank::internal
