// SAT-DS: jsonl lists of scans and masks of 72 datasets, and the arrays its step 4 makes of
// them (docs/importers/sat-ds.md).
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "importers/importer.h"
#include "importers/internal/folder_list.h"
#include "importers/internal/sat_ds_items.h"
#include "importers/internal/sat_ds_npy.h"
#include "importers/internal/sat_ds_rows.h"
#include "importers/internal/sat_ds_rules.h"
#include "importers/internal/sat_ds_survey.h"
#include "importers/internal/volume_file.h"
#include "importers/internal/volume_item.h"
#include "schema/error.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using sat_ds::DatasetRule;
using sat_ds::PlannedMask;
using sat_ds::Row;

constexpr std::size_t kLookedAt = 8192;  // bytes of a list, to see whose it is

// Whether a list begins with a row that has the keys of SAT-DS.
bool has_rows_of_sat_ds(const fs::path& root, const std::string& list) {
  try {
    const auto bytes = SourceTree(root).open(list);
    std::string text(static_cast<std::size_t>(std::min<std::uint64_t>(bytes->size(), kLookedAt)),
                     '\0');
    bytes->read_at(0, std::as_writable_bytes(std::span(text)), list);
    const auto keys = {"\"image\"", "\"mask\"", "\"label\"", "\"dataset\"", "\"patient_id\""};
    return std::all_of(keys.begin(), keys.end(),
                       [&](const char* key) { return text.find(key) != std::string::npos; });
  } catch (const Error&) {
    return false;
  }
}

// Classes that SAT-DS makes of several labels of a stack, and that no class of the taxonomy
// is equal to: a voxel is in one when it is in one of its parts.
class StackUnions {
 public:
  // Takes the unions out of `item`: what is left of its masks lies in the stack.
  StackUnions(const DatasetRule& rule, SourceItem& item) {
    if (!rule.stack || rule.merges.empty()) return;
    std::vector<std::string> names;
    for (const MaskSource& mask : item.masks) names.push_back(mask.class_name);
    for (const PlannedMask& planned : sat_ds::plan_masks(rule, names)) {
      if (planned.parts.empty()) continue;
      const auto found = std::find_if(
          item.masks.begin(), item.masks.end(),
          [&](const MaskSource& mask) { return mask.class_name == planned.class_name; });
      Union whole{*found, {}};
      for (const std::size_t part : planned.parts) {
        whole.parts.push_back(item.masks[part].raw_class);
      }
      unions_.push_back(std::move(whole));
    }
    for (const Union& whole : unions_) {
      std::erase_if(item.masks,
                    [&](const MaskSource& mask) { return mask.raw_class == whole.mask.raw_class; });
    }
  }

  void add_to(Sample& sample) const {
    for (const Union& whole : unions_) {
      Mask mask{whole.mask.class_id, whole.mask.raw_class, 0, 1, {}};
      for (const Mask& part : sample.masks) {
        if (std::find(whole.parts.begin(), whole.parts.end(), part.raw_class) == whole.parts.end())
          continue;
        mask.mask_hw.resize(part.mask_hw.size());
        for (std::size_t i = 0; i < part.mask_hw.size(); ++i) mask.mask_hw[i] |= part.mask_hw[i];
      }
      if (!mask.mask_hw.empty()) sample.masks.push_back(std::move(mask));
    }
  }

  // Where nothing could be read of the stack, nothing is known of them either.
  void add_unread(DecodedItem& decoded) const {
    if (decoded.unread_classes.empty()) return;
    for (const Union& whole : unions_) decoded.unread_classes.push_back(whole.mask.class_id);
  }

 private:
  struct Union {
    MaskSource mask;
    std::vector<std::uint32_t> parts;  // raw classes
  };
  std::vector<Union> unions_;
};

// In a set that no rule tells of, a 4-D mask with as many entries as labels is a stack.
bool looks_like_stack(const SourceTree& source, const SourceItem& item) {
  if (item.masks.empty()) return false;
  try {
    const std::vector<std::uint64_t> dims =
        internal::scan_volume(source, item.masks.front().path).dims;
    return dims.size() == 4 && dims[0] == item.masks.size();
  } catch (const Error&) {
    return false;  // the reader says why
  }
}

class SatDsImporter final : public Importer {
 public:
  std::string_view name() const override { return "sat-ds"; }
  std::string_view summary() const override {
    return "SAT-DS: data/jsonl/*.jsonl with data/nii, or the npy arrays of its step 4";
  }

  Recognition recognise(const fs::path& root) const override {
    for (const char* folder : {"data/jsonl", "jsonl", ""}) {
      const internal::FolderList names = internal::peek_folder(root, folder);
      std::string first;
      std::size_t lists = 0;
      for (const std::string& file : names.files) {
        if (!file.ends_with(".jsonl")) continue;
        ++lists;
        if (first.empty() || file < first) first = file;
      }
      if (lists == 0) continue;
      const std::string where = *folder == '\0' ? "the folder" : folder;
      if (has_rows_of_sat_ds(root, internal::joined_path(folder, first))) {
        return {100, fmt::format("{} in {} whose rows have the keys of SAT-DS{}",
                                 lists == 1 ? "a list" : fmt::format("{} lists", lists), where,
                                 splits_text(root, folder))};
      }
      if (*folder != '\0') return {55, fmt::format("there are jsonl files in {}", where)};
    }
    return {};
  }

  SourceDescription describe(const SourceTree& source) const override {
    return sat_ds::survey(source, lists_of(source));
  }

  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    sat_ds::RowReader reader(source.root());
    sat_ds::for_each_row(source, lists_of(source),
                         [&](Row&& row) { return emit(reader.item_of(row)); });
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override {
    if (sat_ds::is_place_of_boxes(item.place)) {
      return sat_ds::decode_renorm(source, item, options, emit);
    }
    const DatasetRule& rule = sat_ds::rule_of(item.dataset);
    internal::VolumeRequest request;
    request.class_is_first_dimension = rule.stack;
    for (const auto& [value, what] : rule.left_out) request.other_values.push_back(value);
    if (const auto frame = sat_ds::frame_of(item)) {
      request.frames = internal::Frames::one;
      request.frame = *frame;
    }
    SourceItem in_files = item;
    if (!rule.known && looks_like_stack(source, item)) {
      request.class_is_first_dimension = true;
      for (std::size_t i = 0; i < in_files.masks.size(); ++i) {
        in_files.masks[i].values.clear();
        in_files.masks[i].component = static_cast<std::uint32_t>(i);
      }
    }
    const StackUnions unions(rule, in_files);
    DecodedItem decoded =
        internal::decode_volume_item(source, in_files, request, options, [&](Sample&& sample) {
          unions.add_to(sample);
          emit(std::move(sample));
        });
    unions.add_unread(decoded);
    return decoded;
  }

 private:
  static sat_ds::Lists lists_of(const SourceTree& source) {
    sat_ds::Lists lists = sat_ds::find_lists(source.root());
    if (lists.jsonl.empty()) {
      throw Error(ErrorCode::not_found, "there is no jsonl file in the folder",
                  "Give the folder that holds data/jsonl/ and data/nii/.");
    }
    return lists;
  }

  static std::string splits_text(const fs::path& root, std::string_view folder) {
    const std::string splits = folder == "data/jsonl" ? "data/split_json" : "split_json";
    const auto& files = internal::peek_folder(root, splits).files;
    const auto count = std::count_if(files.begin(), files.end(), [](const std::string& file) {
      return file.ends_with(".json");
    });
    return count == 0
               ? std::string()
               : fmt::format(", with {} in {}",
                             count == 1 ? "a split file" : fmt::format("{} split files", count),
                             splits);
  }
};

}  // namespace

std::unique_ptr<Importer> make_sat_ds_importer() { return std::make_unique<SatDsImporter>(); }

}  // namespace slicebank
