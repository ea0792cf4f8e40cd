#include "importers/internal/medsegbench_split.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "importers/internal/array_volume.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/medsam_labels.h"
#include "schema/error.h"

namespace slicebank::medsegbench {

using internal::skipped;

namespace {

std::string with_category(std::string key, std::size_t category) {
  return category == 0 ? key : key + "_" + category_code(category);
}

ClassName class_name(const Word& word, const std::string& code) {
  return {std::string(word.name), code, std::string(word.meaning)};
}

}  // namespace

std::string SetFile::dataset() const { return set ? std::string(set->name) : file.flag; }
std::string SetFile::sized(const std::string& place) const {
  return file.size.empty() ? place : file.size + "/" + place;
}

std::string category_code(std::size_t category) { return "C" + std::to_string(category); }
std::string images_key(const std::string& split, std::size_t category) {
  return with_category(split + "_images", category);
}
std::string label_key(const std::string& split, std::size_t category) {
  return with_category(split + "_label", category);
}

SplitScan::SplitScan(const SourceTree& source, const SetFile& file, std::size_t split)
    : source_(source), file_(file), split_(split), name_(internal::kSplits[split]) {}

bool SplitScan::run(const NpzReader& npz, const std::function<bool(SourceItem&&)>& emit) {
  if (npz.find(images_key(name_)) != nullptr || npz.find(label_key(name_)) != nullptr) {
    return run_part(npz, 0, emit);
  }
  // Somebody kept the categories alone.
  if (file_.set == nullptr || file_.set->categories != Categories::subsets) return true;
  for (std::size_t category = 1; category <= file_.set->category_names.size(); ++category) {
    if (npz.find(images_key(name_, category)) == nullptr) continue;
    if (!run_part(npz, category, emit)) return false;
  }
  return true;
}

bool SplitScan::run_part(const NpzReader& npz, std::size_t category,
                         const std::function<bool(SourceItem&&)>& emit) {
  std::vector<Problem> problems;
  const Part part = find_part(npz, category, problems);
  if (!problems.empty()) {
    // The split is in the ledger with what was wrong with it, like an item that failed.
    SourceItem failed;
    failed.key = file_.file.stem + "/" + with_category(name_, category);
    failed.problems = std::move(problems);
    if (!emit(std::move(failed))) return false;
  }
  for (std::uint64_t row = 0; row < part.rows; ++row) {
    if (!emit(make_item(part, row))) return false;
  }
  return true;
}

// Whether a label member has a map for each image.
bool SplitScan::fits(const NpzReader& npz, const std::string& images, const std::string& label,
                     std::vector<Problem>& problems) const {
  if (!internal::rows_of(npz, label, file_.file.path, problems)) return false;
  const auto& image_shape = npz.find(images)->shape;
  const auto& shape = npz.find(label)->shape;
  if (shape.size() == 3 && image_shape.size() >= 3 &&
      std::equal(shape.begin(), shape.end(), image_shape.begin())) {
    return true;
  }
  problems.push_back(skipped(
      "label-shape", file_.file.path,
      fmt::format("'{}' is an array of {}, which does not go with images of {}; these labels are "
                  "left out",
                  label, internal::shape_text(shape), internal::shape_text(image_shape))));
  return false;
}

SplitScan::Part SplitScan::find_part(const NpzReader& npz, std::size_t category,
                                     std::vector<Problem>& problems) const {
  Part part;
  part.category = category;
  const std::string images = images_key(name_, category);
  const auto rows = internal::rows_of(npz, images, file_.file.path, problems);
  if (!rows) return part;
  part.rows = *rows;
  part.labels = fits(npz, images, label_key(name_, category), problems);
  if (file_.set == nullptr || category != 0) return part;
  for (std::size_t i = 1; i <= file_.set->category_names.size(); ++i) {
    if (file_.set->categories == Categories::layers) {
      if (fits(npz, images, label_key(name_, i), problems)) part.layers.push_back(i);
    } else if (internal::rows_of(npz, images_key(name_, i), file_.file.path, problems)) {
      part.subsets.push_back(i);
    }
  }
  return part;
}

SourceItem SplitScan::make_item(const Part& part, std::uint64_t row) {
  const std::string place =
      fmt::format("{}/{}", with_category(name_, part.category), internal::row_text(row));
  SourceItem item;
  item.key = file_.file.stem + "/" + place;
  item.dataset = file_.dataset();
  const std::uint64_t official =
      file_.set != nullptr && part.category == 0 ? file_.set->rows[split_] : 0;
  item.patient_id =
      internal::row_patient(with_category(name_, part.category), part.rows, official, row);
  item.volume_key = file_.sized(place);
  if (file_.set != nullptr) item.modality = std::string(file_.set->modality);
  item.official_split = name_;
  item.image_paths = {file_.file.path};
  internal::RowPlace members{{images_key(name_, part.category)}, row};
  if (part.labels) members.members.push_back(label_key(name_, part.category));
  for (const std::size_t layer : part.layers) members.members.push_back(label_key(name_, layer));
  for (const std::size_t set : part.subsets) members.members.push_back(images_key(name_, set));
  item.place = internal::to_text(members);
  if (file_.set != nullptr) {
    add_masks(part, item);
  } else if (part.labels) {
    add_found_masks(part, row, item);
  }
  return item;
}

void SplitScan::add_masks(const Part& part, SourceItem& item) const {
  const Set& set = *file_.set;
  const auto add = [&](const Word& word, const std::string& code,
                       std::vector<std::uint32_t> values) {
    const ClassName name = class_name(word, code);
    MaskSource mask;
    mask.path = file_.file.path;
    mask.class_name = name.name;
    mask.class_code = name.code;
    mask.meaning = name.meaning;
    mask.values = std::move(values);
    item.masks.push_back(std::move(mask));
    if (set.complete) item.covered_classes.push_back(name);
  };
  if (part.labels) {
    for (std::uint32_t i = 0; i < set.classes.size(); ++i) {
      const std::uint32_t value = i + 1;
      add(set.classes[i], std::to_string(value),
          set.pixels == Pixels::binary ? std::vector<std::uint32_t>{} : std::vector{value});
    }
  }
  for (const std::size_t layer : part.layers) {
    add(set.category_names[layer - 1], category_code(layer), {});
  }
  std::vector<std::size_t> named = part.subsets;
  if (part.category != 0) named = {part.category};
  for (const std::size_t category : named) {
    const ClassName name = class_name(set.category_names[category - 1], category_code(category));
    item.labels.push_back({name.name, name.code, 1, name.meaning});
    item.covered_classes.push_back(name);
  }
}

// Of a file that is not in the table: the numbers that are in the map of this image. The
// rows are walked apart from those that decode() reads, which is behind.
void SplitScan::add_found_masks(const Part& part, std::uint64_t row, SourceItem& item) {
  const std::string& path = file_.file.path;
  try {
    if (!label_rows_) {
      label_rows_.emplace(NpzReader(source_.open(path), printable(path)),
                          label_key(name_, part.category));
    }
    std::set<std::uint32_t> labels;
    internal::add_labels(label_rows_->row(row), path, medsam::kLabelsMax, labels);
    medsam::add_masks(labels, {}, path, item);
  } catch (const Error& error) {
    item.problems.push_back(skipped("bad-mask", path, error.what()));
  }
}

}  // namespace slicebank::medsegbench
