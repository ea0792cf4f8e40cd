#include "importers/internal/picture_item.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "formats/array.h"
#include "importers/internal/error_kind.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/picture_stack.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kValuesTold = 8;

// A mask file, decoded, and the masks of the item that lie in it.
struct MaskFile {
  std::string path;
  Image plane;
  std::vector<std::size_t> masks;
};

class ItemReader {
 public:
  ItemReader(const SourceTree& source, const SourceItem& item, const PicturePlace& place)
      : source_(source), item_(item), place_(place) {}

  DecodedItem read(std::vector<std::byte> image_file, const SampleSink& emit) {
    const std::string& path = item_.image_paths.front();
    Picture picture = decode_picture(std::move(image_file), path, place_.orientation);
    std::vector<MaskFile> files = read_masks();
    if (!files.empty()) {
      const ImageShape& first = files.front().plane.shape;
      fit_orientation(picture, path, first.height, first.width, decoded_.problems);
    }
    Sample sample;
    sample.axis = place_.axis;
    sample.slice_index = place_.slice_index;
    sample.name = place_.name;
    sample.image = std::move(picture.image);
    if (is_constant(sample.image)) {
      decoded_.problems.push_back(note("constant-image", path, "all pixels have the same value"));
    }
    for (const MaskFile& file : files) add_masks(file, sample);
    sample.labels = labels_of(item_);
    emit(std::move(sample));
    return std::move(decoded_);
  }

 private:
  // Those that can be read, in the order of the item.
  std::vector<MaskFile> read_masks() {
    std::vector<MaskFile> files;
    std::map<std::string, std::size_t> places;
    std::vector<MaskFile> listed;
    for (std::size_t i = 0; i < item_.masks.size(); ++i) {
      const auto [found, fresh] = places.emplace(item_.masks[i].path, listed.size());
      if (fresh) listed.push_back({item_.masks[i].path, {}, {}});
      listed[found->second].masks.push_back(i);
    }
    for (MaskFile& file : listed) {
      try {
        file.plane = decode_mask_picture(read_mask_file(file.path), file.path, place_.rule);
        files.push_back(std::move(file));
      } catch (const ItemError& error) {
        decoded_.problems.push_back(skipped(error.kind(), file.path, error.what()));
        lose(file);
      }
    }
    return files;
  }

  std::vector<std::byte> read_mask_file(const std::string& path) const {
    try {
      return source_.read(path);
    } catch (const Error& error) {
      throw ItemError(error.code(), problem_kind(error, "missing-mask", "bad-path"), path,
                      error.what());
    }
  }

  void lose(const MaskFile& file) {
    for (const std::size_t i : file.masks) {
      decoded_.unread_classes.push_back(item_.masks[i].class_id);
    }
  }

  void add_masks(const MaskFile& file, Sample& sample) {
    const ImageShape& mask = file.plane.shape;
    const ImageShape& image = sample.image.shape;
    if (mask.width != image.width || mask.height != image.height) {
      decoded_.problems.push_back(
          skipped("mask-size", file.path,
                  fmt::format("the mask is {} x {} pixels, its image {} x {}", mask.width,
                              mask.height, image.width, image.height)));
      lose(file);
      return;
    }
    std::vector<std::size_t> labelled;
    for (const std::size_t i : file.masks) {
      if (!item_.masks[i].values.empty()) {
        labelled.push_back(i);
      } else if (place_.instances) {
        add_instances(file, i, sample);
      } else {
        add_foreground(file, i, sample);
      }
    }
    if (!labelled.empty()) add_labelled(file, labelled, sample);
  }

  Mask mask_of(std::size_t i) const {
    const MaskSource& from = item_.masks[i];
    Mask mask;
    mask.class_id = from.class_id;
    mask.raw_class = from.raw_class;
    mask.instance = from.instance;
    return mask;
  }

  void add_foreground(const MaskFile& file, std::size_t i, Sample& sample) {
    Foreground foreground = foreground_of(file.plane);
    if (foreground.largest == 0) {
      decoded_.problems.push_back(
          note("empty-mask", file.path, "no pixel is set; kept as an empty mask"));
    } else if (foreground.several) {
      decoded_.problems.push_back(note(
          "mask-values", file.path, "several values besides 0; all of them are taken as inside"));
    }
    Mask mask = mask_of(i);
    mask.source_value = static_cast<std::uint8_t>(
        foreground.largest == 0 ? 255u : std::min<std::uint32_t>(foreground.largest, 255));
    mask.mask_hw = std::move(foreground.mask_hw);
    sample.masks.push_back(std::move(mask));
  }

  std::vector<std::uint32_t> values_of_file(const MaskFile& file) const {
    std::vector<std::uint32_t> values = label_values(
        file.plane.image_hwc, element_type_of(file.plane.shape.pixel_type), printable(file.path));
    if (place_.ignored.empty()) return values;
    for (std::uint32_t& value : values) {
      if (place_.ignores(value)) value = 0;
    }
    return values;
  }

  // One pass over the picture, whatever the number of instances.
  void add_instances(const MaskFile& file, std::size_t i, Sample& sample) {
    const std::vector<std::uint32_t> values = values_of_file(file);
    std::map<std::uint32_t, std::vector<std::size_t>> pixels;
    for (std::size_t at = 0; at < values.size(); ++at) {
      if (values[at] != 0) pixels[values[at]].push_back(at);
    }
    const std::uint64_t bytes = pixels.size() * std::uint64_t{values.size()};
    if (sample.masks.size() + pixels.size() > limits::kAnnotationsMax ||
        bytes > limits::kMasksBytesMax / 4) {
      decoded_.problems.push_back(
          skipped("too-large", file.path,
                  fmt::format("{} instances are too many for one picture", pixels.size())));
      decoded_.unread_classes.push_back(item_.masks[i].class_id);
      return;
    }
    for (const auto& [value, inside] : pixels) {
      Mask mask = mask_of(i);
      mask.instance = value;
      mask.source_value = static_cast<std::uint8_t>(std::min<std::uint32_t>(value, 255));
      mask.mask_hw.resize(values.size());
      for (const std::size_t at : inside) mask.mask_hw[at] = 1;
      sample.masks.push_back(std::move(mask));
    }
  }

  // A class that is nowhere in the map has no mask: it was looked for, and is absent.
  void add_labelled(const MaskFile& file, const std::vector<std::size_t>& masks, Sample& sample) {
    const std::vector<std::uint32_t> values = values_of_file(file);
    std::set<std::uint32_t> there;
    std::uint32_t last = 0;
    for (const std::uint32_t value : values) {
      if (value != last) there.insert(last = value);
    }
    std::set<std::uint32_t> unknown = there;
    unknown.erase(0);
    for (const std::size_t i : masks) {
      Mask mask = mask_of(i);
      mask.mask_hw.resize(values.size());
      bool any = false;
      for (const std::uint32_t wanted : item_.masks[i].values) {
        unknown.erase(wanted);
        if (!there.contains(wanted)) continue;
        any = true;
        for (std::size_t at = 0; at < values.size(); ++at) {
          mask.mask_hw[at] |= static_cast<std::uint8_t>(values[at] == wanted);
        }
      }
      if (!any) continue;
      const std::vector<std::uint32_t>& own = item_.masks[i].values;
      mask.source_value = static_cast<std::uint8_t>(
          own.size() == 1 ? std::min<std::uint32_t>(own.front(), 255) : 1u);
      sample.masks.push_back(std::move(mask));
    }
    if (!unknown.empty()) tell_unknown(file.path, unknown);
  }

  void tell_unknown(const std::string& path, const std::set<std::uint32_t>& unknown) {
    std::string list;
    std::size_t told = 0;
    for (const std::uint32_t value : unknown) {
      if (++told > kValuesTold) break;
      list += list.empty() ? "" : ", ";
      list += place_.rule.colours ? fmt::format("#{:06x}", value) : std::to_string(value);
    }
    decoded_.problems.push_back(
        skipped("unknown-class", path,
                fmt::format("{} value{} in the mask {} in no list of classes: {}{}", unknown.size(),
                            unknown.size() == 1 ? "" : "s", unknown.size() == 1 ? "is" : "are",
                            list, told > kValuesTold ? ", ..." : "")));
  }

  const SourceTree& source_;
  const SourceItem& item_;
  const PicturePlace& place_;
  DecodedItem decoded_;
};

}  // namespace

bool PicturePlace::ignores(std::uint32_t value) const noexcept {
  return std::find(ignored.begin(), ignored.end(), value) != ignored.end();
}

std::string PicturePlace::text() const {
  std::string text =
      fmt::format("{} {} {} {} {} {} {} {}", static_cast<int>(axis), slice_index,
                  static_cast<int>(orientation), instances ? 1 : 0, rule.colours ? 1 : 0,
                  rule.threshold ? 1 : 0, rule.threshold.value_or(0), ignored.size());
  for (const std::uint32_t value : ignored) text += fmt::format(" {}", value);
  return text + "\n" + name;
}

PicturePlace PicturePlace::parse(const std::string& text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto next = [&] {
    double number = 0;
    at = std::from_chars(at, end, number).ptr;
    if (at != end) ++at;
    return number;
  };
  PicturePlace place;
  place.axis = static_cast<Axis>(static_cast<int>(next()));
  place.slice_index = static_cast<std::uint32_t>(next());
  place.orientation = static_cast<Orientation>(static_cast<int>(next()));
  place.instances = next() != 0;
  place.rule.colours = next() != 0;
  const bool thresholded = next() != 0;
  const double threshold = next();
  if (thresholded) place.rule.threshold = threshold;
  for (auto left = static_cast<std::size_t>(next()); left > 0 && at != end; --left) {
    place.ignored.push_back(static_cast<std::uint32_t>(next()));
  }
  place.name.assign(at, end);
  return place;
}

std::vector<Label> labels_of(const SourceItem& item) {
  std::vector<Label> labels;
  for (const LabelSource& label : item.labels) {
    labels.push_back({label.class_id, label.raw_class, label.value});
  }
  return labels;
}

bool is_constant(const Image& image) {
  const std::size_t step = pixel_bytes(image.shape.pixel_type) * image.shape.channels;
  const std::byte* bytes = image.image_hwc.data();
  return image.shape.pixels() > 1 &&
         std::memcmp(bytes, bytes + step, image.image_hwc.size() - step) == 0;
}

DecodedItem decode_picture_item(const SourceTree& source, const SourceItem& item,
                                const PicturePlace& place, const DecodeOptions& options,
                                const SampleSink& emit) {
  std::vector<std::byte> file = read_picture_file(source, item.image_paths.front());
  if (is_stack(file, item.image_paths.front())) {
    return decode_picture_stack(source, item, place, file, options, emit);
  }
  return ItemReader(source, item, place).read(std::move(file), emit);
}

}  // namespace slicebank::internal
