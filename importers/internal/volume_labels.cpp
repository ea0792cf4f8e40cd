#include "importers/internal/volume_labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "formats/gzip.h"
#include "formats/nifti.h"
#include "formats/nrrd.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/picture_words.h"
#include "importers/internal/plane_stream.h"
#include "importers/internal/small_json.h"
#include "importers/internal/volume_file.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

constexpr const char* kJsonLists[] = {"labels.json",  "label.json",       "label_map.json",
                                      "classes.json", "class_names.json", "dataset.json"};
constexpr const char* kTableList = "dseg.tsv";
constexpr std::size_t kLabelsMax = 4096;
constexpr std::size_t kHeaderBytes = std::size_t{1} << 20;  // holds any header but the oddest
constexpr std::size_t kPart = std::size_t{1} << 20;         // bytes of voxels looked at in one go

bool is_background(const std::string& name) {
  return ascii_lower(name) == "background" || ascii_lower(name) == "unknown";
}

void add(std::vector<DeclaredLabel>& labels, std::string name, std::vector<std::uint32_t> values) {
  std::erase(values, 0u);
  if (name.empty() || values.empty() || is_background(name)) return;
  if (name.size() > limits::kNameBytesMax || labels.size() >= kLabelsMax) return;
  DeclaredLabel label;
  label.name = std::move(name);
  label.code = fmt::format("{}", fmt::join(values, ","));
  label.values = std::move(values);
  labels.push_back(std::move(label));
}

std::vector<std::uint32_t> values_in(const Json& value) {
  std::vector<std::uint32_t> values;
  if (const auto one = value.whole()) values.push_back(*one);
  for (const Json& item : value.items) {
    const auto one = item.whole();
    if (!one) return {};
    values.push_back(*one);
  }
  return values;
}

std::vector<DeclaredLabel> labels_in(const Json& root) {
  std::vector<DeclaredLabel> labels;
  const Json* inner = root.find("labels");
  const Json& list = inner == nullptr ? root : *inner;
  std::uint32_t number = 0;
  for (const Json& item : list.items) {
    if (item.is_text()) add(labels, item.text, {number});
    ++number;
  }
  for (const auto& [key, value] : list.members) {
    const auto code = Json{JsonKind::text, key}.whole();
    if (code && value.is_text()) {
      add(labels, value.text, {*code});
    } else {
      add(labels, key, values_in(value));
    }
  }
  return labels;
}

// BIDS: columns index and name, tabs between them.
std::vector<DeclaredLabel> labels_in_table(const std::string& text) {
  std::vector<DeclaredLabel> labels;
  std::optional<std::size_t> index_at;
  std::optional<std::size_t> name_at;
  bool first = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::vector<std::string> cells(1);
    for (const char c : text.substr(at, end - at)) {
      if (c == '\t') {
        cells.emplace_back();
      } else if (c != '\r') {
        cells.back() += c;
      }
    }
    at = end + 1;
    if (first) {
      for (std::size_t i = 0; i < cells.size(); ++i) {
        if (cells[i] == "index") index_at = i;
        if (cells[i] == "name") name_at = i;
      }
      first = false;
    } else if (index_at && name_at && std::max(*index_at, *name_at) < cells.size()) {
      const auto value = Json{JsonKind::text, cells[*index_at]}.whole();
      if (value) add(labels, cells[*name_at], {*value});
    }
  }
  return labels;
}

void sort_by_value(std::vector<DeclaredLabel>& labels) {
  std::stable_sort(labels.begin(), labels.end(), [](const auto& a, const auto& b) {
    return a.values.front() < b.values.front();
  });
}

// The beginning of a file, and of what it is pressed from.
std::vector<std::byte> front_of(const SourceTree& source, const std::string& path) {
  const auto file = source.open(path);
  std::vector<std::byte> front(
      static_cast<std::size_t>(std::min<std::uint64_t>(file->size(), kHeaderBytes)));
  file->read_at(0, front, printable(path));
  return front;
}

// A map of probabilities is no map of labels, though its values could be rounded.
void refuse_fractions(Bytes part, const Volume& volume, const std::string& name) {
  constexpr double kNoise = 0.01;  // of files that are scaled to floats
  const bool integers = volume.type != ElementType::f16 && volume.type != ElementType::f32 &&
                        volume.type != ElementType::f64;
  if (integers && !volume.scaled()) return;
  for (const double stored : values_of(part, volume.type)) {
    const double value = volume.slope * stored + volume.intercept;
    if (std::abs(value - std::round(value)) > kNoise) {
      throw Error(ErrorCode::bad_format, name + ": holds fractions; no map of labels");
    }
  }
}

// The values of a map, given part by part.
class ValueSet {
 public:
  explicit ValueSet(std::string name) : name_(std::move(name)) {}

  // Voxels of `volume`, which need not hold them itself.
  void add(Bytes voxels, const Volume& volume) {
    for (std::size_t at = 0; at < voxels.size(); at += kPart) {
      const Bytes part = voxels.subspan(at, std::min(kPart, voxels.size() - at));
      refuse_fractions(part, volume, name_);
      for (const std::uint32_t value :
           label_values(part, volume.type, name_, volume.slope, volume.intercept)) {
        if (value == last_) continue;  // neighbours are mostly equal
        last_ = value;
        if (value != 0) values_.insert(value);
        if (values_.size() > kLabelsMax) {
          throw Error(ErrorCode::bad_format,
                      fmt::format("{}: more than {} different values; no map of labels", name_,
                                  kLabelsMax));
        }
      }
    }
  }

  const std::set<std::uint32_t>& values() const noexcept { return values_; }

 private:
  std::string name_;
  std::set<std::uint32_t> values_;
  std::uint32_t last_ = 0;
};

std::optional<MapLabels> segments_of(const SourceTree& source, const std::string& path) {
  const std::string ending = ascii_lower(volume_ending(path));
  if (ending != ".nrrd" && ending != ".nhdr") return std::nullopt;
  const std::vector<std::byte> bytes = front_of(source, path);
  if (!nrrd::is_nrrd(bytes)) return std::nullopt;
  MapLabels found;
  found.declared = true;
  for (const nrrd::Segment& segment : nrrd::scan(bytes, printable(path)).header.segments) {
    const std::size_t before = found.labels.size();
    add(found.labels, segment.name.empty() ? segment.id : segment.name, {segment.label_value});
    if (found.labels.size() > before) found.component.push_back(segment.layer);
  }
  if (found.labels.empty()) return std::nullopt;
  return found;
}

// What a file names, or what it holds: `read_values` is asked where nothing is named.
template <typename ReadValues>
MapLabels labels_of(const std::map<std::uint32_t, std::string>& names, const Volume& header,
                    std::uint32_t image_frames, const ReadValues& read_values) {
  MapLabels found;
  for (const auto& [value, name] : names) add(found.labels, name, {value});
  found.declared = !found.labels.empty();
  const std::uint32_t maps = header.frames * header.channels;
  if (!found.declared && maps > 1 && image_frames == 1) {
    for (std::uint32_t map = 0; map < maps; ++map) {
      DeclaredLabel label;
      label.name = fmt::format("label {}", map + 1);
      label.code = std::to_string(map + 1);
      found.labels.push_back(std::move(label));
      found.component.push_back(map);
    }
    return found;
  }
  if (!found.declared) {
    for (const std::uint32_t value : read_values()) {
      add(found.labels, fmt::format("label {}", value), {value});
    }
  }
  found.component.assign(found.labels.size(), 0);
  return found;
}

// Plane by plane: no more than one is held.
MapLabels labels_of_nifti(const SourceTree& source, const std::string& path,
                          std::uint32_t image_frames) {
  PlaneStream stream(source, path);
  const auto names = nifti::label_names(stream.reader().header());
  return labels_of(names, stream.volume(), image_frames, [&] {
    ValueSet set(stream.name());
    Volume plane;
    while (stream.frame() < stream.volume().frames) {
      stream.read(plane);
      set.add(plane.voxels, plane);
    }
    stream.finish();
    return set.values();
  });
}

}  // namespace

LabelList find_label_list(const SourceTree& source) {
  LabelList list;
  const auto take = [&](const char* path, const auto& read) {
    try {
      if (!list.path.empty() || !source.stamp(path)) return;
      list.labels = read();
      if (!list.labels.empty()) list.path = path;
    } catch (const Error& error) {
      list.problems.push_back(skipped("bad-json", path, error.what()));
    }
  };
  for (const char* path : kJsonLists) {
    take(path, [&] { return labels_in(read_json(source, path)); });
  }
  take(kTableList, [&] {
    const std::vector<std::byte> bytes = source.read(kTableList);
    return labels_in_table({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  });
  sort_by_value(list.labels);
  return list;
}

MapLabels labels_of_map(const SourceTree& source, const std::string& path,
                        std::uint32_t image_frames) {
  if (auto segments = segments_of(source, path)) return *std::move(segments);
  if (nifti::is_nifti(front_of(source, path)) && images_of_header(path).empty()) {
    return labels_of_nifti(source, path, image_frames);
  }
  const VolumeFile file = read_volume(source, path, VolumeUse::labels);
  return labels_of(file.label_names, file.volume, image_frames, [&] {
    ValueSet set(printable(path));
    set.add(file.volume.voxels, file.volume);
    return set.values();
  });
}

Volume volume_header(const SourceTree& source, const std::string& path) {
  const std::string ending = ascii_lower(volume_ending(path));
  if (ending == ".nii" || ending == ".nii.gz") {
    return nifti::scan(front_of(source, path), printable(path)).volume;
  }
  return scan_volume(source, path).volume;
}

}  // namespace slicebank::internal
