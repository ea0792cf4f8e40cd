#include "importers/internal/medmnist_split.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "importers/internal/array_volume.h"
#include "importers/internal/item_problem.h"
#include "schema/error.h"

namespace slicebank::medmnist {

using internal::skipped;

namespace {

constexpr std::uint64_t kLabelColumnsMax = 1000;
constexpr const char* kSmallestSize = "28";  // of the files without a size in their names

bool whole(double value) { return std::isfinite(value) && value == std::floor(value); }

}  // namespace

std::string TaskFile::dataset() const { return task ? std::string(task->name) : file.flag; }
std::string TaskFile::size() const {
  return file.size.empty() && task != nullptr ? kSmallestSize : file.size;
}
std::string TaskFile::prefix() const {
  return task != nullptr ? file.flag + "_" + size() : file.stem;
}

SplitScan::SplitScan(const SourceTree& source, const TaskFile& file, std::size_t split)
    : source_(source),
      file_(file),
      split_(split),
      name_(internal::kSplits[split]),
      images_key_(name_ + "_images"),
      labels_key_(name_ + "_labels") {}

bool SplitScan::run(const NpzReader& npz, const std::function<bool(SourceItem&&)>& emit) {
  if (npz.find(images_key_) == nullptr && npz.find(labels_key_) == nullptr) return true;
  std::vector<Problem> problems;
  const auto rows = internal::rows_of(npz, images_key_, file_.file.path, problems);
  if (rows && find_labels(npz, *rows, problems)) {
    labels_.emplace(NpzReader(source_.open(file_.file.path), file_.file.path), labels_key_);
  }
  if (!problems.empty() && !emit(failed(std::move(problems)))) return false;
  if (!rows) return true;
  // (N, S, S) is gray, (N, S, S, 3) RGB, any other (N, D, H, W) a cube.
  const auto& shape = npz.find(images_key_)->shape;
  volumes_ = shape.size() == 4 && shape.back() != 3;
  for (std::uint64_t row = 0; row < *rows; ++row) {
    SourceItem item = make_item(row, *rows);
    auto broken = labels_ ? take_labels(row, item) : std::nullopt;
    if (broken && !emit(failed({*std::move(broken)}))) return false;
    if (!emit(std::move(item))) return false;
  }
  return true;
}

// The split is in the ledger with what was wrong with it, like an item that failed.
SourceItem SplitScan::failed(std::vector<Problem> problems) const {
  SourceItem item;
  item.key = file_.prefix() + "/" + name_;
  item.problems = std::move(problems);
  return item;
}

bool SplitScan::find_labels(const NpzReader& npz, std::uint64_t rows,
                            std::vector<Problem>& problems) {
  const std::string& path = file_.file.path;
  const auto labels = internal::rows_of(npz, labels_key_, path, problems);
  if (!labels) return false;
  const auto& shape = npz.find(labels_key_)->shape;
  columns_ = shape.size() == 1 ? 1 : shape.size() == 2 ? shape[1] : 0;
  bool fits = *labels == rows && columns_ > 0 && columns_ <= kLabelColumnsMax;
  if (file_.task != nullptr) {
    fits = fits && columns_ == (file_.task->kind == Kind::many_of ? file_.task->classes.size() : 1);
  }
  if (!fits) {
    problems.push_back(skipped(
        "label-shape", path,
        fmt::format("'{}' is an array of {}, which does not go with {} images of {}; these labels "
                    "are left out",
                    labels_key_, internal::shape_text(shape), rows, file_.dataset())));
  }
  return fits && rows > 0;
}

// What was wrong, at the first row whose labels cannot be read; those behind it have none.
std::optional<Problem> SplitScan::take_labels(std::uint64_t row, SourceItem& item) {
  std::vector<double> values;
  try {
    const Array labels = labels_->row(row);
    for (std::uint64_t column = 0; column < columns_; ++column) {
      values.push_back(element_at(labels, column));
    }
  } catch (const Error& error) {
    labels_.reset();
    return skipped("bad-labels", file_.file.path,
                   fmt::format("'{}' cannot be read from row {} on; these images have no labels: "
                               "{}",
                               labels_key_, row, error.what()));
  }
  if (file_.task == nullptr) {
    add_unnamed(values, item);
  } else if (file_.task->kind == Kind::one_of) {
    add_number(values.front(), item);
  } else {
    add_columns(values, item);
  }
  return std::nullopt;
}

SourceItem SplitScan::make_item(std::uint64_t row, std::uint64_t rows) const {
  const std::string text = internal::row_text(row);
  SourceItem item;
  item.key = fmt::format("{}/{}/{}", file_.prefix(), name_, text);
  item.dataset = file_.dataset();
  item.patient_id = internal::row_patient(
      name_, rows, file_.task == nullptr ? rows : file_.task->rows[split_], row);
  item.volume_key =
      fmt::format("{}{}{}/{}", file_.size(), file_.size().empty() ? "" : "/", name_, text);
  if (file_.task != nullptr) item.modality = std::string(file_.task->modality);
  item.official_split = name_;
  item.image_paths = {file_.file.path};
  item.place = internal::to_text({{images_key_, volumes_ ? "3d" : "2d"}, row});
  return item;
}

void SplitScan::add_number(double value, SourceItem& item) const {
  const auto& classes = file_.task->classes;
  if (!whole(value) || value < 0 || value >= static_cast<double>(classes.size())) {
    bad_value(value, item);
    return;
  }
  const auto place = static_cast<std::size_t>(value);
  item.labels.push_back({std::string(classes[place].name), std::to_string(place), 1,
                         std::string(classes[place].meaning)});
  item.covers_dataset_classes = true;
}

void SplitScan::add_columns(const std::vector<double>& values, SourceItem& item) const {
  const bool grade = file_.task->kind == Kind::grade;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!whole(values[i]) || values[i] < 0 || (!grade && values[i] > 1)) {
      bad_value(values[i], item);
      continue;
    }
    const ClassWord& word = file_.task->classes[i];
    LabelSource label{std::string(word.name), grade ? "" : std::to_string(i), values[i],
                      std::string(word.meaning)};
    item.covered_classes.push_back({label.class_name, label.class_code, label.meaning});
    item.labels.push_back(std::move(label));
  }
  if (item.labels.size() != values.size()) return;
  item.covered_classes.clear();
  item.covers_dataset_classes = true;
}

// Of a file that is not in the table: numbers for names, which mean nothing elsewhere.
void SplitScan::add_unnamed(const std::vector<double>& values, SourceItem& item) const {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      bad_value(values[i], item);
      continue;
    }
    const bool one = values.size() == 1;
    const std::string code = one ? fmt::format("{}", values[i]) : std::to_string(i);
    item.labels.push_back({"label " + code, code, one ? 1 : values[i],
                           fmt::format("{} label {}", file_.file.flag, code)});
  }
}

void SplitScan::bad_value(double value, SourceItem& item) const {
  item.problems.push_back(
      skipped("unknown-class", file_.file.path,
              fmt::format("{}: the label {} is none of {}", item.key, value, file_.dataset())));
}

}  // namespace slicebank::medmnist
