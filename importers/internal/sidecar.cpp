#include "importers/internal/sidecar.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <set>
#include <utility>

#include "importers/internal/small_json.h"
#include "schema/error.h"
#include "schema/licence.h"
#include "schema/limits.h"
#include "schema/taxonomy.h"

namespace slicebank::internal {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::bad_format, std::string(kSidecarFile) + ": " + what,
              "docs/importers/images.md says what may stand in the file.");
}

std::string in_quotes(const std::string& text) {
  return "'" + printable(text.substr(0, 100)) + "'";
}

const Json& object_of(const Json& value, const std::string& where,
                      std::initializer_list<std::string_view> known) {
  if (!value.is_object()) refuse(where + " is no object");
  for (const auto& [key, member] : value.members) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const auto nearest = nearest_name(key, {known.begin(), known.end()});
    refuse("nothing in " + where + " is called " + in_quotes(key) +
           (nearest ? "; did you mean '" + *nearest + "'?" : ""));
  }
  return value;
}

std::string text_of(const Json& object, std::string_view key, std::size_t bytes_max) {
  const Json* value = object.find(key);
  if (value == nullptr) return {};
  if (!value->is_text()) refuse("'" + std::string(key) + "' is no text");
  if (value->text.size() > bytes_max) refuse("'" + std::string(key) + "' is too long");
  return value->text;
}

std::string folder_of(const Json& object, std::string_view key) {
  const std::string written = text_of(object, key, limits::kPathBytesMax);
  if (written.empty()) return {};
  try {
    return clean_relative_path(written);
  } catch (const Error& error) {
    refuse(error.what());
  }
}

std::uint32_t colour_of(const std::string& text) {
  std::uint32_t colour = 0;
  bool fine = text.size() == 7 && text[0] == '#';
  for (std::size_t i = 1; fine && i < text.size(); ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    fine = digit >= 0;
    colour = colour << 4 | static_cast<std::uint32_t>(std::max(digit, 0));
  }
  if (!fine) refuse(in_quotes(text) + " is no colour; #RRGGBB is one");
  return colour;
}

std::uint32_t whole_of(const Json& value, const char* where) {
  const auto number = value.whole();
  if (!number) refuse(std::string(where) + " holds something that is no whole number");
  return *number;
}

void read_dataset(const Json& value, DatasetInfo& info) {
  const Json& object = object_of(value, "dataset",
                                 {"name", "version", "url", "citation", "licence", "license",
                                  "licence_source", "label_licence", "region"});
  info.name = text_of(object, "name", limits::kNameBytesMax);
  info.version = text_of(object, "version", limits::kNameBytesMax);
  info.source_url = text_of(object, "url", limits::kTextBytesMax);
  info.citation = text_of(object, "citation", limits::kTextBytesMax);
  std::string text = text_of(object, "licence", limits::kTextBytesMax);
  if (text.empty()) text = text_of(object, "license", limits::kTextBytesMax);
  if (!text.empty()) {
    std::string from = text_of(object, "licence_source", limits::kTextBytesMax);
    if (from.empty()) from = kSidecarFile;
    info.image_licence = {text, licence_tag(text), from};
    const std::string labels = text_of(object, "label_licence", limits::kTextBytesMax);
    info.label_licence =
        labels.empty() ? info.image_licence : Licence{labels, licence_tag(labels), from};
  }
  const std::string region = text_of(object, "region", limits::kNameBytesMax);
  if (!region.empty()) {
    const auto found = Taxonomy::builtin().find_region(region);
    if (!found) refuse(in_quotes(region) + " is no region");
    info.region = *found;
  }
}

void read_class(const Json& value, Sidecar& sidecar) {
  const Json& object = object_of(value, "a class", {"name", "value", "values", "colour", "folder"});
  SidecarClass read;
  read.name = text_of(object, "name", limits::kNameBytesMax);
  if (read.name.empty()) refuse("a class has no name");
  read.folder = folder_of(object, "folder");
  if (const Json* number = object.find("value")) {
    read.values.push_back(whole_of(*number, "'value'"));
    read.code = std::to_string(read.values.front());
  }
  if (const Json* several = object.find("values")) {
    if (!several->is_list()) refuse("'values' is no list");
    for (const Json& number : several->items) {
      read.values.push_back(whole_of(number, "'values'"));
      read.code += (read.code.empty() ? "" : ",") + std::to_string(read.values.back());
    }
  }
  if (object.find("colour") != nullptr) {
    if (!read.values.empty()) refuse("the class " + in_quotes(read.name) + " has value and colour");
    read.code = text_of(object, "colour", 16);
    read.values.push_back(colour_of(read.code));
    if (sidecar.meaning == MaskMeaning::unstated) sidecar.meaning = MaskMeaning::colours;
  }
  sidecar.classes.push_back(std::move(read));
}

// A list of objects, or an object of name -> value.
void read_classes(const Json& value, Sidecar& sidecar) {
  if (value.is_list()) {
    for (const Json& one : value.items) read_class(one, sidecar);
  } else if (value.is_object()) {
    for (const auto& [name, number] : value.members) {
      const std::uint32_t whole = whole_of(number, "'classes'");
      if (name.empty() || name.size() > limits::kNameBytesMax) refuse("a class has no name");
      sidecar.classes.push_back({name, std::to_string(whole), {whole}, {}});
    }
  } else {
    refuse("'classes' is neither list nor object");
  }
  std::set<std::string> names;
  for (const SidecarClass& one : sidecar.classes) {
    if (!names.insert(one.name).second) refuse("the class " + in_quotes(one.name) + " twice");
  }
  // Background is no class, however it is listed.
  std::erase_if(sidecar.classes, [](const SidecarClass& one) {
    return one.values == std::vector<std::uint32_t>{0};
  });
}

void read_masks(const Json& value, Sidecar& sidecar) {
  const Json& object =
      object_of(value, "masks", {"folder", "suffixes", "meaning", "class", "threshold", "ignore"});
  sidecar.mask_folder = folder_of(object, "folder");
  sidecar.mask_class = text_of(object, "class", limits::kNameBytesMax);
  const std::string meaning = text_of(object, "meaning", 16);
  if (meaning == "binary") {
    sidecar.meaning = MaskMeaning::binary;
  } else if (meaning == "labels") {
    sidecar.meaning = MaskMeaning::labels;
  } else if (meaning == "colours") {
    sidecar.meaning = MaskMeaning::colours;
  } else if (meaning == "instances") {
    sidecar.meaning = MaskMeaning::instances;
  } else if (!meaning.empty()) {
    refuse(in_quotes(meaning) + " is no meaning of masks; binary, labels, colours, instances are");
  }
  if (const Json* number = object.find("threshold")) {
    if (number->kind != JsonKind::number || !std::isfinite(number->number)) {
      refuse("'threshold' is no number");
    }
    sidecar.threshold = number->number;
  }
  if (const Json* list = object.find("ignore")) {
    if (!list->is_list()) refuse("'ignore' is no list");
    for (const Json& number : list->items) sidecar.ignored.push_back(whole_of(number, "'ignore'"));
  }
  if (const Json* list = object.find("suffixes")) {
    if (!list->is_list()) refuse("'suffixes' is no list");
    for (const Json& suffix : list->items) {
      if (!suffix.is_text() || suffix.text.empty()) refuse("a suffix is no text");
      sidecar.mask_suffixes.push_back(suffix.text);
    }
  }
}

void read_images(const Json& value, Sidecar& sidecar) {
  const Json& object = object_of(value, "images", {"folder", "orientation"});
  sidecar.image_folder = folder_of(object, "folder");
  const std::string orientation = text_of(object, "orientation", 16);
  if (orientation == "stored") {
    sidecar.orientation = Orientation::stored;
  } else if (orientation == "exif") {
    sidecar.orientation = Orientation::upright;
  } else if (!orientation.empty()) {
    refuse(in_quotes(orientation) + " is no orientation; stored and exif are");
  }
}

NamePattern pattern_of(const Json& object, std::string_view key) {
  const std::string text = text_of(object, key, limits::kPathBytesMax);
  if (text.empty()) return {};
  return {text, std::string(kSidecarFile) + ": patterns." + std::string(key)};
}

void check(const Sidecar& sidecar) {
  const bool numbers =
      sidecar.meaning == MaskMeaning::labels || sidecar.meaning == MaskMeaning::colours;
  const bool none = std::none_of(sidecar.classes.begin(), sidecar.classes.end(),
                                 [](const SidecarClass& one) { return !one.values.empty(); });
  if (numbers && none) {
    refuse("masks hold labels or colours, but no class has a value or a colour");
  }
  if (sidecar.meaning == MaskMeaning::colours && sidecar.threshold) {
    refuse("a threshold and colours exclude each other");
  }
}

}  // namespace

Sidecar read_sidecar(const SourceTree& source) {
  Sidecar sidecar;
  if (!source.stamp(kSidecarFile)) return sidecar;
  const Json json = read_json(source, kSidecarFile);
  sidecar.there = true;
  const Json& object = object_of(json, "the file",
                                 {"slicebank", "dataset", "modality", "classes", "complete",
                                  "masks", "images", "patterns", "metadata"});
  const Json* version = object.find("slicebank");
  if (version == nullptr || version->whole() != 1u) refuse("\"slicebank\": 1 is missing");
  sidecar.modality = text_of(object, "modality", limits::kNameBytesMax);
  if (const Json* value = object.find("dataset")) read_dataset(*value, sidecar.dataset);
  if (const Json* value = object.find("classes")) read_classes(*value, sidecar);
  if (const Json* value = object.find("complete")) {
    if (value->kind != JsonKind::boolean) refuse("'complete' is neither true nor false");
    sidecar.classes_complete = value->number != 0;
  }
  if (const Json* value = object.find("masks")) read_masks(*value, sidecar);
  if (const Json* value = object.find("images")) read_images(*value, sidecar);
  if (const Json* value = object.find("patterns")) {
    const Json& patterns = object_of(*value, "patterns", {"patient", "volume", "slice", "split"});
    sidecar.patient = pattern_of(patterns, "patient");
    sidecar.volume = pattern_of(patterns, "volume");
    sidecar.slice = pattern_of(patterns, "slice");
    sidecar.split = pattern_of(patterns, "split");
  }
  sidecar.metadata = folder_of(object, "metadata");
  check(sidecar);
  return sidecar;
}

}  // namespace slicebank::internal
