#include "exporters/internal/slice_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "exporters/internal/ordered.h"
#include "formats/png.h"
#include "schema/error.h"

namespace slicebank::exporting {
namespace {

constexpr unsigned kStemAttemptsMax = 100;

// What comes back from a thread: the files, or why there are none.
struct Made {
  SampleId id{};
  std::optional<SliceFiles> files;
  std::string left_out;
};

// Whether 2 or 4 channels are what PNG means by them: a colour and its alpha.
bool is_alpha_image(const VolumeInfo& volume, std::uint32_t channels) {
  if (volume.channel_names.empty()) return true;
  const std::string& last = volume.channel_names.back();
  return volume.channel_names.size() == channels && (last == "A" || last == "alpha");
}

// Why the image cannot be held, or nothing.
std::optional<std::string> obstacle(const ImageShape& shape, const VolumeInfo& volume,
                                    const SliceRules& rules) {
  const bool alpha =
      (shape.channels == 2 || shape.channels == 4) && is_alpha_image(volume, shape.channels);
  if (shape.channels != 1 && shape.channels != 3 && !alpha) {
    return fmt::format("{} channels; {} holds gray and RGB", shape.channels, rules.layout);
  }
  if (shape.pixel_type == PixelType::u8) return std::nullopt;
  if (shape.pixel_type == PixelType::u16 && rules.sixteen_bit) return std::nullopt;
  if (rules.window && shape.channels == 1) return std::nullopt;
  return fmt::format("{} pixels; {} holds {} (the setting window=level/width maps {})",
                     pixel_type_name(shape.pixel_type), rules.layout,
                     rules.sixteen_bit ? "8 and 16 bit unsigned" : "8 bit",
                     shape.channels == 1 ? "them" : "single-channel images only");
}

std::vector<std::byte> encode_image(const Image& image, const SliceRules& rules) {
  const PixelType type = image.shape.pixel_type;
  if (type == PixelType::u8 || (type == PixelType::u16 && rules.sixteen_bit)) {
    return png::encode(image.view());
  }
  return png::encode(apply_window(image.view(), *rules.window).view());
}

std::vector<std::byte> encode_mask(const Mask& mask, const ImageShape& shape, bool source_values) {
  const std::uint8_t foreground = source_values && mask.source_value == 1 ? 1 : 255;
  Image image{{PixelType::u8, shape.height, shape.width, 1}, {}};
  image.image_hwc.resize(mask.mask_hw.size());
  for (std::size_t i = 0; i < mask.mask_hw.size(); ++i) {
    image.image_hwc[i] = static_cast<std::byte>(mask.mask_hw[i] != 0 ? foreground : 0);
  }
  return png::encode(image.view());
}

Made make(const ExportSource& source, SampleId id, const SliceRules& rules) {
  Made made{id, {}, {}};
  auto loaded = source.load(id);
  if (!loaded) {
    made.left_out = "was deleted after the selection was made";
    return made;
  }
  SliceFiles files{std::move(*loaded), {}, {}};
  Sample& sample = files.loaded.sample;
  if (const auto why = obstacle(sample.image.shape, files.loaded.origin->volume, rules)) {
    made.left_out = *why;
    return made;
  }
  files.image_png = encode_image(sample.image, rules);
  sample.image.image_hwc = {};
  for (Mask& mask : sample.masks) {
    const bool empty = std::find(mask.mask_hw.begin(), mask.mask_hw.end(), 1) == mask.mask_hw.end();
    files.mask_pngs.push_back(empty && !rules.empty_masks
                                  ? std::vector<std::byte>{}
                                  : encode_mask(mask, sample.image.shape, rules.source_values));
    mask.mask_hw = {};
  }
  made.files = std::move(files);
  return made;
}

}  // namespace

ExportCounts for_each_slice(const Selection& selection, const ExportSource& source,
                            const ExportOptions& options, const SliceRules& rules, ExportSink& sink,
                            const std::function<std::uint64_t(SliceFiles&&)>& take) {
  ExportCounts counts;
  const auto& ids = selection.ids();
  std::uint64_t done = 0;
  const unsigned jobs = export_threads(options.jobs);
  for_each_ordered<Made>(
      ids.size(), jobs, std::size_t{jobs} * 2, options.stop,
      [&](std::size_t number) { return make(source, ids[number], rules); },
      [&](Made&& made) {
        if (made.files) {
          const Sample& sample = made.files->loaded.sample;
          for (std::size_t i = 0; i < made.files->mask_pngs.size(); ++i) {
            if (!made.files->mask_pngs[i].empty()) continue;
            const auto words = class_words(*made.files->loaded.origin->dataset, source.taxonomy(),
                                           sample.masks[i].raw_class, sample.masks[i].class_id);
            sink.loss(made.id, fmt::format("the empty mask of {} is left out: {} cannot hold one",
                                           words.name, rules.layout));
          }
          counts.masks += take(std::move(*made.files));
          ++counts.samples;
        } else {
          sink.loss(made.id, "left out: " + made.left_out);
        }
        if (options.progress) options.progress(++done, ids.size());
      });
  return counts;
}

std::string write_under_free_stem(ExportSink& sink, SampleId sample, const std::string& prefix,
                                  const std::function<std::string(unsigned attempt)>& stem,
                                  Bytes content, const std::string& suffix) {
  for (unsigned attempt = 0;; ++attempt) {
    std::string name = stem(attempt);
    try {
      sink.write(fmt::format("{}{}{}", prefix, name, suffix), content);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::already_exists || attempt == kStemAttemptsMax) throw;
      continue;
    }
    if (attempt > 0) {
      sink.loss(sample, fmt::format("renamed to {}: another sample is called {}", name, stem(0)));
    }
    return name;
  }
}

}  // namespace slicebank::exporting
