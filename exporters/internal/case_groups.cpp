#include "exporters/internal/case_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::exporting {
namespace {

constexpr std::size_t kClassesMax = 255;

struct Entry {
  std::uint64_t group = 0;
  std::uint32_t slice = 0;
  std::uint64_t position = 0;  // in the selection
  SampleId id{};
};

// All samples of one (volume, axis), before it is known whether they are a stack.
struct Gathered {
  VolumeId volume_id{};
  Axis axis = Axis::none;
  ImageShape shape;  // of the first
  bool same_shape = true;
  std::vector<SampleId> samples;
  bool slices_differ = true;
};

void add_groups(Gathered&& gathered, std::vector<CaseGroup>& groups) {
  const bool many = gathered.samples.size() > 1;
  const bool is_stack =
      many && gathered.axis != Axis::none && gathered.same_shape && gathered.slices_differ &&
      gathered.shape.pixels() * gathered.samples.size() <= limits::kVolumeElementsMax;
  if (is_stack) {
    groups.push_back({gathered.volume_id, gathered.axis, std::move(gathered.samples), false});
    return;
  }
  const bool one_of_many = many && (gathered.axis == Axis::none || !gathered.slices_differ);
  for (const SampleId id : gathered.samples) {
    groups.push_back({gathered.volume_id, gathered.axis, {id}, one_of_many});
  }
}

}  // namespace

void ClassNumbers::settle() {
  if (numbers_.size() > kClassesMax) {
    throw Error(ErrorCode::limit,
                fmt::format("the selection has {} classes; an 8-bit label map holds {}",
                            numbers_.size(), kClassesMax),
                "select fewer classes, or export dataset by dataset");
  }
  std::uint32_t next = 0;
  for (auto& [key, number] : numbers_) number = ++next;
}

std::uint8_t ClassNumbers::number(ClassId id, const std::string& name) const {
  return static_cast<std::uint8_t>(numbers_.at({id, name}));
}

std::map<std::uint32_t, std::string> ClassNumbers::names() const {
  std::map<std::uint32_t, std::string> names;
  for (const auto& [key, number] : numbers_) names.emplace(number, key.second);
  return names;
}

std::string canonical_class_name(const ExportSource& source, const Origin& origin,
                                 std::uint32_t raw_class, ClassId class_id) {
  if (const ClassInfo* info = source.taxonomy().class_info(class_id)) return info->name;
  return class_words(*origin.dataset, source.taxonomy(), raw_class, class_id).name;
}

Cases group_cases(const Selection& selection, const ExportSource& source, bool keep_all,
                  const std::stop_token& stop, ExportSink& sink) {
  Cases cases;
  std::map<std::pair<VolumeId, Axis>, std::uint64_t> known;
  std::vector<Gathered> gathered;
  std::vector<Entry> entries;
  for (std::uint64_t i = 0; i < selection.size(); ++i) {
    if (stop.stop_requested()) throw Error(ErrorCode::interrupted, "the export was interrupted");
    const SampleId id = selection.ids()[i];
    const auto info = source.info(id);
    if (!info) {
      sink.loss(id, "left out: was deleted after the selection was made");
      continue;
    }
    bool labelled = false;
    for (const auto& annotation : info->annotations) {
      if (annotation.kind != AnnotationKind::mask || annotation.area == 0) continue;
      labelled = true;
      const auto origin = source.origin(info->volume_id);
      cases.numbers.add(
          annotation.class_id,
          canonical_class_name(source, *origin, annotation.raw_class, annotation.class_id));
    }
    if (!labelled && !keep_all) {
      sink.loss(id, "left out: has no labelled pixel (the setting slices=all keeps such)");
      continue;
    }
    const auto [at, is_new] =
        known.emplace(std::pair(info->volume_id, info->axis), gathered.size());
    if (is_new) gathered.push_back({info->volume_id, info->axis, info->shape, true, {}, true});
    Gathered& group = gathered[at->second];
    group.same_shape = group.same_shape && group.shape == info->shape;
    entries.push_back({at->second, info->slice_index, i, id});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.group, a.slice, a.position) < std::tie(b.group, b.slice, b.position);
  });
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Gathered& group = gathered[entries[i].group];
    if (!group.samples.empty() && entries[i - 1].slice == entries[i].slice) {
      group.slices_differ = false;
    }
    group.samples.push_back(entries[i].id);
  }
  for (auto& group : gathered) add_groups(std::move(group), cases.groups);
  cases.samples = entries.size();
  cases.numbers.settle();
  return cases;
}

}  // namespace slicebank::exporting
