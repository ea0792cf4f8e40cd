#include "importers/internal/exported_pictures.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "importers/internal/item_problem.h"
#include "importers/internal/meta_table.h"
#include "importers/internal/number_text.h"
#include "importers/internal/picture_item.h"
#include "importers/internal/small_json.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

constexpr const char* kIndex = "index.csv";
constexpr const char* kClasses = "classes.json";
constexpr std::string_view kFirstColumns = "image,mask,dataset,patient,volume,";
constexpr std::string_view kPlace =
    "exported ";  // then a spacing or nothing, a line, a PicturePlace

double real_in(const std::string& text) {
  double value = 0;
  const auto [after, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && after == text.data() + text.size() ? value : 0;
}

// The fields of a row by the names of their columns.
class Rows {
 public:
  explicit Rows(const SourceTree& source) : table_(read_table(source, kIndex)) {
    for (const char* name : {"image", "mask", "dataset", "patient", "volume", "raw_class"}) {
      if (!table_.column(name)) {
        throw Error(ErrorCode::bad_format, fmt::format("{}: no column '{}'", kIndex, name));
      }
    }
  }

  std::size_t size() const { return table_.rows.size(); }
  const std::string& field(std::size_t row, const char* column) const {
    static const std::string kNone;
    const auto found = table_.column(column);
    return found ? table_.rows[row][*found] : kNone;
  }

 private:
  MetaTable table_;
};

// "a=1; b=0.5": names of labels and their values.
void add_labels(std::string_view text, SourceItem& item) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("; "), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 2, text.size()));
    const std::size_t equals = one.rfind('=');
    if (equals == std::string_view::npos) continue;
    LabelSource label;
    label.class_name = std::string(one.substr(0, equals));
    label.value = real_in(std::string(one.substr(equals + 1)));
    item.labels.push_back(std::move(label));
  }
}

std::string place_text(const Rows& rows, std::size_t row) {
  PicturePlace place;
  const std::string& axis = rows.field(row, "axis");
  place.axis = axis == "x" ? Axis::x : axis == "y" ? Axis::y : axis == "z" ? Axis::z : Axis::none;
  place.slice_index = number_in(rows.field(row, "slice")).value_or(0);
  place.name = rows.field(row, "name");
  place.orientation = Orientation::stored;
  return fmt::format("{}{} {} {}\n{}", kPlace, rows.field(row, "spacing_x_mm"),
                     rows.field(row, "spacing_y_mm"), rows.field(row, "spacing_z_mm"),
                     place.text());
}

SourceItem item_of(const Rows& rows, std::size_t row) {
  SourceItem item;
  item.key = clean_relative_path(rows.field(row, "image"));
  item.image_paths = {item.key};
  item.dataset = rows.field(row, "dataset");
  item.patient_id = rows.field(row, "patient");
  item.volume_key = rows.field(row, "volume");
  item.modality = rows.field(row, "source_modality");
  if (item.modality.empty()) item.modality = rows.field(row, "modality");
  item.official_split = rows.field(row, "official_split");
  add_labels(rows.field(row, "labels"), item);
  item.place = place_text(rows, row);
  if (item.dataset.empty() || item.volume_key.empty()) {
    throw Error(ErrorCode::bad_format, "the row names no dataset or no volume");
  }
  return item;
}

void add_mask(const Rows& rows, std::size_t row, SourceItem& item) {
  if (rows.field(row, "mask").empty()) return;
  try {
    MaskSource mask;
    mask.path = clean_relative_path(rows.field(row, "mask"));
    mask.class_name = rows.field(row, "raw_class");
    mask.class_code = rows.field(row, "raw_code");
    mask.meaning = rows.field(row, "class");
    mask.instance = number_in(rows.field(row, "instance")).value_or(0);
    item.masks.push_back(std::move(mask));
  } catch (const Error& error) {
    item.problems.push_back(skipped("bad-path", shown_path(rows.field(row, "mask")), error.what()));
  }
}

}  // namespace

bool is_exported_folder(const std::filesystem::path& root) {
  std::ifstream file(root / kIndex, std::ios::binary);
  std::string front(kFirstColumns.size(), '\0');
  file.read(front.data(), static_cast<std::streamsize>(front.size()));
  return file && front == kFirstColumns;
}

SourceDescription describe_exported(const SourceTree& source) {
  SourceDescription description;
  const Rows rows(source);
  std::set<std::string> images;
  std::set<std::string> datasets;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    images.insert(rows.field(row, "image"));
    datasets.insert(rows.field(row, "dataset"));
  }
  description.items = images.size();
  const Json classes = source.stamp(kClasses) ? read_json(source, kClasses) : Json();
  for (const std::string& name : datasets) {
    if (name.empty() || name.size() > limits::kNameBytesMax) continue;
    DatasetInfo info;
    info.name = name;
    if (const Json* list = classes.find(name)) {
      for (const Json& one : list->items) {
        info.classes.push_back(
            {json_word(one, "name"), json_word(one, "code"), ClassId{}, json_word(one, "class")});
      }
    }
    description.datasets.push_back(std::move(info));
  }
  return description;
}

void scan_exported(const SourceTree& source, const std::function<bool(SourceItem&&)>& emit) {
  const Rows rows(source);
  std::set<std::string> seen;
  for (std::size_t row = 0; row < rows.size();) {
    const std::size_t first = row;
    const std::string& image = rows.field(first, "image");
    SourceItem item;
    try {
      item = item_of(rows, first);
      for (; row < rows.size() && rows.field(row, "image") == image; ++row) {
        add_mask(rows, row, item);
      }
      if (!seen.insert(item.key).second) {
        item = failed_item(item.key, "duplicate-image", "the index has it in two places");
      }
    } catch (const Error& error) {
      item = failed_item(fmt::format("{}:{}", kIndex, first + 2), "bad-row", error.what());
      while (row < rows.size() && (row == first || rows.field(row, "image") == image)) ++row;
    }
    if (!emit(std::move(item))) return;
  }
}

bool is_exported_place(const std::string& place) { return place.starts_with(kPlace); }

DecodedItem decode_exported(const SourceTree& source, const SourceItem& item,
                            const DecodeOptions& options, const SampleSink& emit) {
  const std::size_t line = item.place.find('\n');
  DecodedItem decoded = decode_picture_item(
      source, item, PicturePlace::parse(item.place.substr(line + 1)), options, emit);
  std::string_view words = std::string_view(item.place).substr(0, line).substr(kPlace.size());
  std::array<double, 3> spacing_xyz_mm{};
  for (double& each : spacing_xyz_mm) {
    const std::size_t end = std::min(words.find(' '), words.size());
    each = real_in(std::string(words.substr(0, end)));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  if (spacing_xyz_mm[0] > 0 && spacing_xyz_mm[1] > 0 && spacing_xyz_mm[2] > 0) {
    decoded.spacing_xyz_mm = spacing_xyz_mm;
  }
  return decoded;
}

}  // namespace slicebank::internal
