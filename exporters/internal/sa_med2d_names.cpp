#include "exporters/internal/sa_med2d_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "exporters/exporter.h"
#include "exporters/internal/file_names.h"

namespace slicebank::exporting::sa_med2d {
namespace {

constexpr std::uint32_t kCodesMax = 10'000;
constexpr std::string_view kSeparator = "--";

// The words the layout's files use.
constexpr std::array<std::string_view, 34> kModalities = {
    "ct_00",         "ct_cbf",        "ct_cbv",       "ct_mtt",
    "ct_tmax",       "dermoscopy_00", "endoscopy_00", "fundus_photography",
    "mr_00",         "mr_adc",        "mr_cbf",       "mr_cbv",
    "mr_cmr",        "mr_dwi",        "mr_flair",     "mr_hbv",
    "mr_lge",        "mr_mprage",     "mr_mtt",       "mr_pd",
    "mr_rcbf",       "mr_rcbv",       "mr_t1",        "mr_t1ce",
    "mr_t1c",        "mr_t1gd",       "mr_t1w",       "mr_t2",
    "mr_t2w",        "mr_tmax",       "mr_ttp",       "pet_00",
    "ultrasound_00", "x_ray"};

bool is_layout_word(std::string_view word) {
  return std::find(kModalities.begin(), kModalities.end(), word) != kModalities.end();
}

// Lower case letters and digits, the rest as single '_'.
std::string as_word(std::string_view name) {
  std::string word;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      word.push_back(static_cast<char>(c - 'A' + 'a'));
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      word.push_back(c);
    } else if (!word.empty() && word.back() != '_') {
      word.push_back('_');
    }
  }
  while (!word.empty() && word.back() == '_') word.pop_back();
  return word;
}

// Names of modalities whose word in the layout is another.
std::string modality_word(std::string_view name) {
  std::string word = as_word(name);
  if (word == "mri") return "mr";
  if (word == "fundus") return "fundus_photography";
  return word;
}

std::string axis_field(Axis axis, std::uint32_t slice_index) {
  if (axis == Axis::none) return "2d_none";
  return fmt::format("{}_{:04}", axis_name(axis), slice_index);
}

// Whether "z_0012" or "z_12" is the field of this slice.
bool is_axis_field(std::string_view field, Axis axis, std::uint32_t slice_index) {
  if (axis == Axis::none) return field == "2d_none";
  const std::string_view name = axis_name(axis);
  if (!field.starts_with(name) || field.size() < name.size() + 2 || field[name.size()] != '_') {
    return false;
  }
  const std::string_view digits = field.substr(name.size() + 1);
  std::uint32_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, number);
  return read.ec == std::errc() && read.ptr == end && number == slice_index;
}

// Safe by itself and unable to shift the fields beside it.
bool is_field(std::string_view text) { return is_plain_name(text) && text.back() != '-'; }

std::string case_field(const Origin& origin) {
  std::string_view name = case_name(origin.volume);
  if (name.empty()) name = origin.patient_id;
  if (is_field(name)) return std::string(name);
  return safe_file_name(name);
}

// Whether a name is one of this grammar and says what the bank says.
bool is_own_name(std::string_view name, const Origin& origin, const SampleInfo& sample,
                 std::string_view modality, std::string_view dataset) {
  if (!is_plain_name(name)) return false;
  const std::size_t first = name.find(kSeparator);
  if (first == std::string_view::npos || name.substr(0, first) != modality) return false;
  const std::string_view rest = name.substr(first + kSeparator.size());
  if (dataset != origin.dataset->name || !rest.starts_with(dataset) ||
      !rest.substr(dataset.size()).starts_with(kSeparator)) {
    return false;
  }
  const std::string_view end = rest.substr(dataset.size() + kSeparator.size());
  const std::size_t last = end.rfind(kSeparator);
  return last != std::string_view::npos && last > 0 &&
         end.substr(0, last) == case_name(origin.volume) &&
         is_axis_field(end.substr(last + kSeparator.size()), sample.axis, sample.slice_index);
}

}  // namespace

std::string modality_sub(const VolumeInfo& volume, const Taxonomy& taxonomy) {
  if (is_layout_word(volume.source_modality)) return volume.source_modality;
  const ModalityInfo* modality = taxonomy.modality(volume.modality);
  if (modality == nullptr) return "unknown_00";
  const std::string word = modality_word(modality->name);
  const SequenceInfo* sequence = taxonomy.sequence(volume.sequence);
  if (sequence == nullptr) {
    // x_ray and fundus_photography stand alone; the others say 00 for "none named".
    return is_layout_word(word) ? word : word + "_00";
  }
  // By its own name first: MPRAGE is an alias of T1, and "mr_mprage" a word as well.
  std::vector<std::string> names = {sequence->name};
  names.insert(names.end(), sequence->aliases.begin(), sequence->aliases.end());
  for (const auto& name : names) {
    if (is_layout_word(word + "_" + as_word(name))) return word + "_" + as_word(name);
  }
  return word + "_" + as_word(sequence->name);
}

std::string dataset_field(std::string_view dataset_name) {
  if (is_field(dataset_name) && dataset_name.find(kSeparator) == std::string_view::npos) {
    return std::string(dataset_name);
  }
  std::string plain(dataset_name);
  std::replace(plain.begin(), plain.end(), '-', '_');
  // The hash is of the name as it was, so that "a--b" and "a__b" stay apart.
  const std::string changed = safe_file_name(std::string(dataset_name) + "\n");
  return safe_file_name(plain).substr(0, 60) + changed.substr(changed.size() - 18);
}

std::string image_stem(const Origin& origin, const std::string& dataset, const SampleInfo& sample,
                       const Taxonomy& taxonomy, unsigned attempt) {
  const std::string modality = modality_sub(origin.volume, taxonomy);
  // An unknown word is kept where the sample's own name begins with it.
  const std::string& said = origin.volume.source_modality;
  if (attempt == 0 && !said.empty() && is_own_name(sample.name, origin, sample, said, dataset)) {
    return sample.name;
  }
  if (attempt == 0 && is_own_name(sample.name, origin, sample, modality, dataset)) {
    return sample.name;
  }
  std::string name = case_field(origin);
  if (attempt > 0) {
    // Images of one volume that have no axis differ by their names alone.
    name += "_" + safe_file_name(sample.name.empty() ? fmt::format("{}", sample.slice_index)
                                                     : sample.name);
  }
  if (attempt > 1) name += fmt::format("_{}", attempt);
  const std::string axis = axis_field(sample.axis, sample.slice_index);
  const std::size_t others = modality.size() + dataset.size() + axis.size() + 6;
  if (others + name.size() > kPlainNameBytesMax) name = safe_file_name(name + "\n");
  return fmt::format("{}--{}--{}--{}", modality, dataset, name, axis);
}

ClassCodes::ClassCodes(const DatasetInfo& dataset) {
  const auto is_code = [](const std::string& code) {
    return code.size() == 4 &&
           std::all_of(code.begin(), code.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  by_number_.resize(dataset.classes.size());
  for (std::size_t i = 0; i < dataset.classes.size(); ++i) {
    const std::string& code = dataset.classes[i].code;
    if (is_code(code) && taken_.insert(code).second) by_number_[i] = code;
  }
  for (std::size_t i = 0; i < dataset.classes.size(); ++i) {
    if (by_number_[i].empty()) {
      by_number_[i] = free_code(static_cast<std::uint32_t>(i)).value_or("");
      taken_.insert(by_number_[i]);
    }
    if (by_number_[i].empty()) continue;
    std::string name = dataset.classes[i].name;
    if (name.empty() || by_name_.contains(name)) {
      name = fmt::format("{} ({})", name.empty() ? "class" : name, by_number_[i]);
      renamed_.push_back(name);
    }
    by_name_.emplace(name, by_number_[i]);
  }
}

std::optional<std::string> ClassCodes::free_code(std::uint32_t wanted) const {
  for (std::uint32_t tried = 0; tried < kCodesMax; ++tried) {
    std::string code = fmt::format("{:04}", (wanted + tried) % kCodesMax);
    if (!taken_.contains(code)) return code;
  }
  return std::nullopt;
}

std::optional<std::string> ClassCodes::code(std::uint32_t raw_class, const ClassWords& words) {
  if (raw_class > 0 && raw_class <= by_number_.size()) {
    if (by_number_[raw_class - 1].empty()) return std::nullopt;
    return by_number_[raw_class - 1];
  }
  const auto known = by_name_.find(words.name);
  if (known != by_name_.end()) return known->second;
  auto code = free_code(static_cast<std::uint32_t>(by_number_.size()));
  if (!code) return std::nullopt;
  taken_.insert(*code);
  by_name_.emplace(words.name, *code);
  return code;
}

std::vector<std::pair<std::string, std::string>> ClassCodes::entries() const {
  std::vector<std::pair<std::string, std::string>> all(by_name_.begin(), by_name_.end());
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  return all;
}

}  // namespace slicebank::exporting::sa_med2d
