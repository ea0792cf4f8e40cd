#include "bench/phantom.h"

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "bench/phantom_parts.h"
#include "formats/png.h"
#include "schema/error.h"

namespace slicebank::phantom {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kSideMin = 16;
constexpr std::uint32_t kSideMax = 4096;
constexpr std::uint32_t kSlicesMax = 9999;  // the layout has four digits for a slice
constexpr std::uint32_t kStack = 64;        // slices from one end of a body to the other and back

void check_options(const Options& options) {
  if (options.side < kSideMin || options.side > kSideMax) {
    throw Error(ErrorCode::bad_argument,
                fmt::format("phantom: side {} is not {} to {}", options.side, kSideMin, kSideMax));
  }
  if (options.subjects == 0) {
    throw Error(ErrorCode::bad_argument, "phantom: at least one subject is needed");
  }
  if (options.slices_per_subject == 0 || options.slices_per_subject > kSlicesMax) {
    throw Error(ErrorCode::bad_argument, fmt::format("phantom: {} slices a subject is not 1 to {}",
                                                     options.slices_per_subject, kSlicesMax));
  }
}

// 8 bits of a picture whose black is `low` and whose white is `high`.
Image to_image(const Picture& picture, double low, double high, std::uint32_t channels) {
  Image image{{PixelType::u8, picture.side, picture.side, channels}, {}};
  image.image_hwc.resize(image.shape.bytes());
  const std::size_t repeat = channels / picture.channels;
  for (std::size_t at = 0; at < picture.value_hwc.size(); ++at) {
    const double share = (picture.value_hwc[at] - low) / (high - low);
    const auto byte = static_cast<std::byte>(std::floor(clamp01(share) * 255 + 0.5));
    for (std::size_t copy = 0; copy < repeat; ++copy) image.image_hwc[at * repeat + copy] = byte;
  }
  return image;
}

Image ct_image(const Picture& picture, std::uint32_t channels) {
  return to_image(picture, 40 - 200, 40 + 200, channels);  // the window 40/400
}

// Slices walk down the body and up again, so that every index has a place.
Cut cut_at(std::uint32_t slice) {
  const std::uint32_t phase = slice % (2 * kStack);
  const std::uint32_t place = phase < kStack ? phase : 2 * kStack - 1 - phase;
  return {Axis::z, (place + 0.5) / kStack};
}

// One stand-alone image or one stack of slices, before it is written.
class Dataset {
 public:
  Dataset(const fs::path& root, std::string name, const std::vector<std::string>& classes)
      : root_(root), name_(std::move(name)) {
    for (std::size_t i = 0; i < classes.size(); ++i) codes_[classes[i]] = fmt::format("{:04}", i);
  }

  void write(const std::string& modality, const std::string& case_name, const std::string& place,
             const Picture& picture, const Image& image, std::uint8_t foreground) {
    const std::string stem = fmt::format("{}--{}--{}--{}", modality, name_, case_name, place);
    nlohmann::ordered_json masks = nlohmann::ordered_json::array();
    for (const PaintedMask& mask : picture.masks) {
      const std::string path =
          fmt::format("masks/{}--{:04}_{:03}.png", stem, mask.class_index, mask.instance);
      Image pixels{{PixelType::u8, picture.side, picture.side, 1}, {}};
      pixels.image_hwc.reserve(mask.mask_hw.size());
      for (const std::uint8_t inside : mask.mask_hw) {
        pixels.image_hwc.push_back(inside != 0 ? std::byte{foreground} : std::byte{0});
      }
      write_file(path, png::encode(pixels.view()));
      masks.push_back(path);
      ++masks_written_;
    }
    const std::string path = "images/" + stem + ".png";
    write_file(path, png::encode(image.view()));
    images_[path] = std::move(masks);
    ++images_written_;
  }

  void report(nlohmann::ordered_json& images, nlohmann::ordered_json& codes, Report& report) const {
    if (images_written_ == 0) return;
    for (const auto& [path, masks] : images_.items()) images[path] = masks;
    codes[name_] = codes_;
    report.images += images_written_;
    report.masks += masks_written_;
    report.datasets.push_back(name_);
  }

 private:
  void write_file(const std::string& relative_path, const std::vector<std::byte>& content) const {
    const fs::path path = root_ / relative_path;
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(content.data()),
               static_cast<std::streamsize>(content.size()));
    file.close();
    if (!file) throw Error(ErrorCode::io, "phantom: cannot write " + path.string());
  }

  fs::path root_;
  std::string name_;
  std::map<std::string, std::string> codes_;
  nlohmann::ordered_json images_ = nlohmann::ordered_json::object();
  std::uint64_t images_written_ = 0;
  std::uint64_t masks_written_ = 0;
};

// Index and place of slice `k` of `slices` along a body of kStack slices (more when more
// are asked for): spread over the whole, with gaps, as in published subsets.
std::pair<std::uint32_t, double> spread(std::uint32_t k, std::uint32_t slices) {
  const std::uint32_t depth = std::max(kStack, slices);
  const std::uint32_t index = (2 * k + 1) * depth / (2 * slices);
  return {index, (index + 0.5) / depth};
}

void write_ct(Dataset& dataset, const Options& options, std::uint32_t subject) {
  // Three ways to name a case, as datasets do: a DICOM UID, a number with frames, words.
  std::vector<std::pair<std::string, double>> cases;
  if (subject % 3 == 0) {
    cases = {{fmt::format("1.3.6.1.4.1.9328.50.4.{:04}", subject + 1), 0.0}};
  } else if (subject % 3 == 1) {
    cases = {{fmt::format("patient{:03}_frame01", subject + 1), 0.0},
             {fmt::format("patient{:03}_frame07", subject + 1), 0.5}};
  } else {
    cases = {{fmt::format("abdomen_v1.2_{:02}", subject + 1), 0.0}};
  }
  const std::uint32_t channels = subject % 2 == 0 ? 3 : 1;
  for (const auto& [case_name, time] : cases) {
    for (std::uint32_t k = 0; k < options.slices_per_subject; ++k) {
      const auto [index, position] = spread(k, options.slices_per_subject);
      const Picture picture =
          paint_ct(options.seed, subject, {Axis::z, position}, time, options.side);
      dataset.write("ct_00", case_name, fmt::format("z_{:04}", index), picture,
                    ct_image(picture, channels), 255);
      if (subject % 3 != 2 || k >= 2) continue;
      const auto [across, share] = spread(k, std::min(options.slices_per_subject, 2u));
      const Picture side_view =
          paint_ct(options.seed, subject, {Axis::x, share}, time, options.side);
      dataset.write("ct_00", case_name, fmt::format("x_{:04}", across), side_view,
                    ct_image(side_view, channels), 255);
    }
  }
}

void write_mr(Dataset& dataset, const Options& options, std::uint32_t subject) {
  const std::pair<const char*, Sequence> sequences[] = {
      {"mr_t1ce", Sequence::t1ce}, {"mr_flair", Sequence::flair}, {"mr_t2", Sequence::t2}};
  const std::string case_name = fmt::format("Phantom2025_{:05}", subject + 1);
  for (const auto& [modality, sequence] : sequences) {
    for (std::uint32_t k = 0; k < options.slices_per_subject; ++k) {
      const auto [index, position] = spread(k, options.slices_per_subject);
      const Picture picture =
          paint_mr(options.seed, subject, {Axis::z, position}, sequence, options.side);
      dataset.write(modality, case_name, fmt::format("z_{:04}", index), picture,
                    to_image(picture, 0, 255, 1), 1);
    }
  }
}

void write_fundus(Dataset& dataset, const Options& options, std::uint32_t subject) {
  for (std::uint32_t eye = 0; eye < std::min(options.slices_per_subject, 2u); ++eye) {
    const Picture picture = paint_fundus(options.seed, subject, eye, options.side);
    dataset.write("fundus_photography",
                  fmt::format("{}_{}", 10 + subject, eye == 0 ? "left" : "right"), "2d_none",
                  picture, to_image(picture, 0, 255, 3), 255);
  }
}

void write_ultrasound(Dataset& dataset, const Options& options, std::uint32_t subject) {
  for (std::uint32_t view = 0; view < std::min(options.slices_per_subject, 3u); ++view) {
    const Picture picture = paint_ultrasound(options.seed, subject, view, options.side);
    dataset.write("ultrasound_00", fmt::format("case{:03}_{}.a", subject + 1, view + 1), "2d_none",
                  picture, to_image(picture, 0, 255, subject % 2 == 0 ? 3 : 1), 255);
  }
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text << '\n';
  file.close();
  if (!file) throw Error(ErrorCode::io, "phantom: cannot write " + path.string());
}

void make_root(const fs::path& root) {
  std::error_code error;
  if (fs::exists(root, error) && !(fs::is_directory(root, error) && fs::is_empty(root, error))) {
    throw Error(ErrorCode::already_exists, "phantom: " + root.string() + " is not an empty folder",
                "name a folder that does not exist yet");
  }
  for (const char* part : {"images", "masks"}) {
    fs::create_directories(root / part, error);
    if (error) {
      throw Error(ErrorCode::io,
                  "phantom: cannot make " + (root / part).string() + ": " + error.message());
    }
  }
}

Picture paint(const std::string& kind, std::uint64_t seed, std::uint32_t subject,
              std::uint32_t slice, std::uint32_t side) {
  if (kind == "ct") return paint_ct(seed, subject, cut_at(slice), 0, side);
  if (kind == "mr") return paint_mr(seed, subject, cut_at(slice), Sequence::t1ce, side);
  if (kind == "fundus") return paint_fundus(seed, subject, slice, side);
  if (kind == "ultrasound") return paint_ultrasound(seed, subject, slice, side);
  throw Error(ErrorCode::bad_argument, "phantom: no kind '" + kind + "'",
              "ct, mr, fundus or ultrasound");
}

}  // namespace

Report write_sa_med2d(const fs::path& root, const Options& options) {
  check_options(options);
  make_root(root);
  Dataset ct(root, "PhantomCT", ct_classes());
  Dataset mr(root, "PhantomMR", mr_classes());
  Dataset fundus(root, "PhantomFundus", fundus_classes());
  Dataset ultrasound(root, "PhantomUS", ultrasound_classes());
  // Every group of four subjects has one of each dataset; later groups have more CT.
  const int turns[] = {0, 1, 2, 3, 0, 1, 0, 2};
  std::uint32_t counts[4] = {};
  for (std::uint32_t i = 0; i < options.subjects; ++i) {
    const int turn = turns[i % 8];
    const std::uint32_t subject = counts[turn]++;
    if (turn == 0) write_ct(ct, options, subject);
    if (turn == 1) write_mr(mr, options, subject);
    if (turn == 2) write_fundus(fundus, options, subject);
    if (turn == 3) write_ultrasound(ultrasound, options, subject);
  }
  Report report;
  nlohmann::ordered_json images = nlohmann::ordered_json::object();
  nlohmann::ordered_json codes = nlohmann::ordered_json::object();
  for (const Dataset* dataset : {&ct, &mr, &fundus, &ultrasound}) {
    dataset->report(images, codes, report);
  }
  write_text(root / "SAMed2D_v1.json", images.dump(1));
  write_text(root / "SAMed2D_v1_class_mapping_id.json", codes.dump(1));
  return report;
}

Sample make_slice(const std::string& kind, std::uint64_t seed, std::uint32_t subject,
                  std::uint32_t slice, std::uint32_t side) {
  check_options({seed, 1, 1, side});
  Picture picture = paint(kind, seed, subject, slice, side);
  const bool stack = kind == "ct" || kind == "mr";
  Sample sample;
  sample.axis = stack ? Axis::z : Axis::none;
  sample.slice_index = stack ? slice : 0;
  sample.name = fmt::format("{}_{}_{}", kind, subject, slice);
  sample.image = kind == "ct" ? ct_image(picture, 1) : to_image(picture, 0, 255, picture.channels);
  for (PaintedMask& mask : picture.masks) {
    sample.masks.push_back(
        {ClassId{}, mask.class_index + 1, mask.instance, 255, std::move(mask.mask_hw)});
  }
  return sample;
}

const std::vector<std::string>& class_names(const std::string& kind) {
  if (kind == "ct") return ct_classes();
  if (kind == "mr") return mr_classes();
  if (kind == "fundus") return fundus_classes();
  if (kind == "ultrasound") return ultrasound_classes();
  throw Error(ErrorCode::bad_argument, "phantom: no kind '" + kind + "'",
              "ct, mr, fundus or ultrasound");
}

Image make_ct_hounsfield(std::uint64_t seed, std::uint32_t subject, std::uint32_t slice,
                         std::uint32_t side) {
  check_options({seed, 1, 1, side});
  const Picture picture = paint_ct(seed, subject, cut_at(slice), 0, side);
  Image image{{PixelType::i16, side, side, 1}, {}};
  image.image_hwc.reserve(image.shape.bytes());
  for (const double value : picture.value_hwc) {
    const double rounded = std::floor(std::clamp(value, -1024.0, 3071.0) + 0.5);
    const auto bits = static_cast<std::uint16_t>(static_cast<std::int16_t>(rounded));
    image.image_hwc.push_back(static_cast<std::byte>(bits & 0xff));
    image.image_hwc.push_back(static_cast<std::byte>(bits >> 8));
  }
  return image;
}

}  // namespace slicebank::phantom
