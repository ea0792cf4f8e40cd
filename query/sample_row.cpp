#include "query/sample_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "schema/error.h"
#include "store/reader.h"
#include "store/select.h"

namespace slicebank {
namespace {

// Ids a statement is given at once: enough to be quick, few enough to stream.
constexpr std::size_t kChunk = 500;

std::string id_list(std::span<const SampleId> ids) {
  std::string text = "[";
  for (const SampleId id : ids) text += fmt::format("{}{}", text.size() > 1 ? "," : "", raw(id));
  return text + "]";
}

PixelType pixel_type_from(std::int64_t code) { return static_cast<PixelType>(code); }

SampleRow sample_row(const Rows& rows) {
  SampleRow row;
  row.id = SampleId{static_cast<std::uint64_t>(rows.integer(0))};
  row.dataset = rows.text(1);
  row.modality = rows.text(2);
  row.sequence = rows.text(3);
  row.region = rows.text(4);
  row.patient = rows.text(5);
  row.volume = rows.text(6);
  row.axis = axis_name(static_cast<Axis>(rows.integer(7)));
  row.slice = static_cast<std::uint32_t>(rows.integer(8));
  row.name = rows.text(9);
  row.shape.width = static_cast<std::uint32_t>(rows.integer(10));
  row.shape.height = static_cast<std::uint32_t>(rows.integer(11));
  row.shape.channels = static_cast<std::uint32_t>(rows.integer(12));
  row.shape.pixel_type = pixel_type_from(rows.integer(13));
  row.official_split = rows.text(14);
  return row;
}

MaskRow mask_row(const Rows& rows) {
  MaskRow row;
  row.class_name = rows.text(1);
  row.raw_class = rows.text(2);
  row.instance = static_cast<std::uint32_t>(rows.integer(3));
  row.area = static_cast<std::uint64_t>(rows.integer(4));
  row.box = {
      static_cast<std::uint32_t>(rows.integer(5)), static_cast<std::uint32_t>(rows.integer(6)),
      static_cast<std::uint32_t>(rows.integer(7)), static_cast<std::uint32_t>(rows.integer(8))};
  return row;
}

constexpr const char* kSamples = R"(
SELECT s.id, d.name, coalesce(m.name, ''), coalesce(q.name, ''), coalesce(r.name, ''),
       u.patient_id, v.key, s.axis, s.slice, s.name, s.width, s.height, s.channels,
       s.pixel_type, v.official_split
FROM _sample s
JOIN _volume v ON v.id = s.volume_id
JOIN _dataset d ON d.id = s.dataset_id
JOIN _subject u ON u.id = s.subject_id
LEFT JOIN _modality m ON m.id = s.modality_id
LEFT JOIN _sequence q ON q.id = v.sequence_id
LEFT JOIN _region r ON r.id = d.region_id
WHERE s.id )";

constexpr const char* kMasks = R"(
SELECT k.sample_id, c.name, coalesce(w.name, ''), k.instance, k.area, k.x0, k.y0, k.x1, k.y1
FROM _mask k
JOIN _class c ON c.id = k.class_id
LEFT JOIN _raw_class w ON w.dataset_id = k.dataset_id AND w.number = k.raw_class
WHERE k.sample_id )";

constexpr const char* kMaskOrder = " ORDER BY k.sample_id, k.number";
constexpr const char* kListed = "IN (SELECT value FROM json_each(?1))";

template <typename Info>
std::string name_of(const Info* info) {
  return info == nullptr ? std::string() : info->name;
}

// The row as record and catalog have it: a handful of look-ups, where the index has a page for
// each mask. Nothing where they cannot tell.
std::optional<SampleRow> row_of_record(const Bank& bank, SampleId id) try {
  SampleInfo info = bank.reader().info(id);
  const auto volume = bank.volume(info.volume_id);
  if (!volume) return std::nullopt;
  const auto dataset = bank.shared_dataset(volume->dataset_id);
  const auto subject = bank.subject(volume->subject_id);
  if (!dataset || !subject) return std::nullopt;
  const auto taxonomy = bank.taxonomy();
  SampleRow row;
  row.id = id;
  row.dataset = dataset->name;
  row.modality = name_of(taxonomy->modality(volume->modality));
  row.sequence = name_of(taxonomy->sequence(volume->sequence));
  row.region = name_of(taxonomy->region(dataset->region));
  row.patient = subject->patient_id;
  row.volume = volume->key;
  row.axis = axis_name(info.axis);
  row.slice = info.slice_index;
  row.name = std::move(info.name);
  row.shape = info.shape;
  row.official_split = volume->official_split;
  for (const AnnotationInfo& each : info.annotations) {
    if (each.kind != AnnotationKind::mask) break;  // masks come first
    const ClassInfo* class_info = taxonomy->class_info(each.class_id);
    if (class_info == nullptr || each.raw_class > dataset->classes.size()) return std::nullopt;
    row.masks.push_back({class_info->name,
                         each.raw_class == 0 ? "" : dataset->classes[each.raw_class - 1].name,
                         each.instance, each.area, each.box});
  }
  return row;
} catch (const Error&) {
  return std::nullopt;  // not there, or damaged: what the index says stands
}

}  // namespace

void for_each_sample_row(const Bank& bank, std::span<const SampleId> ids,
                         const std::function<bool(const SampleRow&)>& visit) {
  for (std::size_t start = 0; start < ids.size(); start += kChunk) {
    const auto chunk = ids.subspan(start, std::min(kChunk, ids.size() - start));
    const std::string list = id_list(chunk);
    std::unordered_map<std::uint64_t, SampleRow> found;
    for (Rows rows = select(bank, std::string(kSamples) + kListed, {list}); rows.next();) {
      SampleRow row = sample_row(rows);
      found.emplace(raw(row.id), std::move(row));
    }
    for (Rows rows = select(bank, std::string(kMasks) + kListed + kMaskOrder, {list});
         rows.next();) {
      const auto row = found.find(static_cast<std::uint64_t>(rows.integer(0)));
      if (row != found.end()) row->second.masks.push_back(mask_row(rows));
    }
    for (const SampleId id : chunk) {
      const auto row = found.find(raw(id));
      if (row != found.end() && !visit(row->second)) return;
    }
  }
}

std::optional<SampleRow> find_sample_row(const Bank& bank, SampleId id) {
  if (auto row = row_of_record(bank, id)) return row;
  std::optional<SampleRow> found;
  for_each_sample_row(bank, {&id, 1}, [&](const SampleRow& row) {
    found = row;
    return false;
  });
  return found;
}

}  // namespace slicebank
