#include "importers/internal/medsam_cases.h"

#include <charconv>
#include <optional>
#include <utility>

#include "importers/internal/item_problem.h"
#include "importers/internal/small_json.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::medsam {
namespace {

using internal::Json;

constexpr const char* kCasesFile = "cases.json";
constexpr const char* kClassesFile = "classes.json";

std::optional<Axis> axis_of(const std::string& name) {
  for (const Axis axis : {Axis::none, Axis::x, Axis::y, Axis::z}) {
    if (name == axis_name(axis)) return axis;
  }
  return std::nullopt;
}

std::optional<ListedCase> listed_case(const Json& entry) {
  ListedCase listed;
  listed.dataset = internal::json_word(entry, "dataset");
  listed.volume = internal::json_word(entry, "volume");
  listed.patient = internal::json_word(entry, "patient");
  const auto axis = axis_of(internal::json_word(entry, "axis"));
  const Json* slices = entry.find("slices");
  if (!axis || slices == nullptr || listed.dataset.empty() || listed.volume.empty() ||
      listed.dataset.size() > limits::kNameBytesMax ||
      listed.volume.size() > limits::kNameBytesMax ||
      listed.patient.size() > limits::kNameBytesMax) {
    return std::nullopt;
  }
  listed.axis = *axis;
  for (const Json& slice : slices->items) {
    const auto number = slice.whole();
    if (!number) return std::nullopt;
    listed.slices.push_back(*number);
  }
  return listed;
}

void read_cases(const SourceTree& source, CaseLists& lists) {
  const Json json = internal::read_json(source, kCasesFile);
  for (const auto& [file, entry] : json.members) {
    auto listed = listed_case(entry);
    if (listed) {
      lists.cases.emplace(file, *std::move(listed));
    } else {
      lists.problems.push_back(
          internal::note("bad-list", kCasesFile,
                         "what it says of " + internal::shown_path(file) + " is not understood"));
    }
  }
}

void read_classes(const SourceTree& source, CaseLists& lists) {
  const Json json = internal::read_json(source, kClassesFile);
  for (const auto& [number, name] : json.members) {
    std::uint32_t label = 0;
    const char* const end = number.data() + number.size();
    const auto [after, error] = std::from_chars(number.data(), end, label);
    if (error != std::errc() || after != end || label == 0 || !name.is_text() ||
        name.text.empty() || name.text.size() > limits::kNameBytesMax) {
      lists.problems.push_back(internal::note(
          "bad-list", kClassesFile, "the entry " + internal::shown_path(number) + " is no class"));
      continue;
    }
    lists.classes.emplace(label, name.text);
  }
}

CaseLists read_lists(const SourceTree& source) {
  CaseLists lists;
  for (const auto& [file, read] :
       {std::pair{kCasesFile, &read_cases}, std::pair{kClassesFile, &read_classes}}) {
    try {
      if (source.stamp(file)) read(source, lists);
    } catch (const Error& error) {
      lists.problems.push_back(internal::note("bad-list", file, error.what()));
    }
  }
  return lists;
}

}  // namespace

std::shared_ptr<const CaseLists> case_lists(const SourceTree& source) {
  return std::static_pointer_cast<const CaseLists>(source.shared(
      "medsam-lists", [&] { return std::make_shared<CaseLists>(read_lists(source)); }));
}

}  // namespace slicebank::medsam
