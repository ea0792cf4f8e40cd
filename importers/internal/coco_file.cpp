#include "importers/internal/coco_file.h"

#include <algorithm>
#include <fstream>
#include <span>
#include <string_view>
#include <tuple>

#include "importers/internal/hash_set.h"
#include "importers/internal/json_elements.h"
#include "importers/internal/picture_words.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPeekBytes = 1u << 16;
constexpr std::size_t kFilesLookedAt = 100;
constexpr std::size_t kEntriesLookedAt = 1'000'000;
constexpr std::size_t kCategoriesMax = 100'000;
constexpr std::size_t kAnnotationBytesMax = 64u << 20;

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// The beginning of a file says whether it may be COCO: its first keys stand there, and the
// last ones at its end.
bool looks_like_coco(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kPeekBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  const std::size_t first = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == std::string::npos || text[first] != '{') return false;
  std::error_code ignored;
  const std::uint64_t size = fs::file_size(path, ignored);
  if (!ignored && size > text.size()) {
    std::string tail(kPeekBytes, '\0');
    file.clear();
    file.seekg(-static_cast<std::streamoff>(std::min<std::uint64_t>(size, kPeekBytes)),
               std::ios::end);
    file.read(tail.data(), static_cast<std::streamsize>(tail.size()));
    tail.resize(static_cast<std::size_t>(file.gcount()));
    text += tail;
  }
  const auto has = [&](std::string_view word) { return text.find(word) != std::string::npos; };
  // The second half is for a file that was cut off: it is to be told, not passed over.
  return (has("\"images\"") && has("\"file_name\"") &&
          (has("\"annotations\"") || has("\"categories\""))) ||
         (has("\"image_id\"") && has("\"category_id\""));
}

class Search {
 public:
  explicit Search(const fs::path& root) : root_(root) {}

  std::vector<std::string> run() {
    std::vector<std::string> folders;
    look_into({}, &folders);
    std::sort(folders.begin(), folders.end());
    for (const std::string& folder : folders) look_into(folder, nullptr);
    std::sort(found_.begin(), found_.end());
    return std::move(found_);
  }

 private:
  void look_into(const std::string& folder, std::vector<std::string>* folders) {
    std::error_code error;
    for (fs::directory_iterator entry(folder.empty() ? root_ : root_ / folder, error), end;
         !error && entry != end && ++entries_ <= kEntriesLookedAt; entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (name.front() == '.') continue;
      std::string path = folder.empty() ? name : folder + "/" + name;
      std::error_code ignored;
      if (entry->is_symlink(ignored)) continue;
      if (entry->is_directory(ignored)) {
        if (folders != nullptr) folders->push_back(std::move(path));
      } else if (ascii_lower(name).ends_with(".json") && entry->is_regular_file(ignored) &&
                 ++looked_at_ <= kFilesLookedAt && looks_like_coco(entry->path())) {
        found_.push_back(std::move(path));
      }
    }
  }

  const fs::path& root_;
  std::size_t entries_ = 0;
  std::size_t looked_at_ = 0;
  std::vector<std::string> found_;
};

std::string id_of(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  const auto word = value == nullptr ? std::nullopt : value->word();
  return word.value_or(std::string());
}

}  // namespace

std::vector<std::string> find_coco_files(const fs::path& root) { return Search(root).run(); }

CocoFile::CocoFile(const SourceTree& source, const std::string& path)
    : path_(path), file_(source.open(path)) {
  const std::string name = printable(path);
  bool images = false;
  std::vector<std::string> licences;
  for_each_json_element(
      *file_, name,
      [&](std::string_view member) {
        images = images || member == "images";
        return member == "categories" || member == "annotations" || member == "info" ||
               member == "licenses";
      },
      [&](const JsonElement& element) {
        const Json value =
            parse_json(bytes_of(element.text), name + ": " + std::string(element.member));
        if (element.member == "annotations") {
          const std::string image = id_of(value, "image_id");
          if (!image.empty()) {
            annotations_.push_back({hash_of(image), {element.offset, element.text.size()}});
          }
        } else if (element.member == "categories") {
          CocoCategory category{id_of(value, "id"), json_word(value, "name")};
          if (category.id.empty() || category.name.empty() ||
              category.name.size() > limits::kNameBytesMax ||
              category.id.size() > limits::kNameBytesMax || categories_.size() >= kCategoriesMax ||
              !category_places_.emplace(category.id, categories_.size()).second) {
            throw Error(ErrorCode::bad_format,
                        name + ": a category without an id of its own, or without a name");
          }
          categories_.push_back(std::move(category));
        } else if (element.member == "licenses") {
          licences.push_back(json_word(value, "name"));
        } else {
          description_ = json_word(value, "description");
          url_ = json_word(value, "url");
        }
        return true;
      });
  if (!images) {
    throw Error(ErrorCode::bad_format, name + ": has no list of images, so it is no COCO file");
  }
  if (licences.size() == 1) licence_ = licences.front();
  std::sort(annotations_.begin(), annotations_.end(), [](const Annotation& a, const Annotation& b) {
    return std::tie(a.image, a.place.offset) < std::tie(b.image, b.place.offset);
  });
}

void CocoFile::for_each_image(
    const std::function<bool(const CocoImage& image, const std::string& refused)>& image) const {
  const std::string name = printable(path_);
  for_each_json_element(
      *file_, name, [](std::string_view member) { return member == "images"; },
      [&](const JsonElement& element) {
        CocoImage read;
        try {
          const Json value = parse_json(bytes_of(element.text), name + ": images");
          read.id = id_of(value, "id");
          read.file_name = json_word(value, "file_name");
          if (const Json* height = value.find("height")) read.height = height->whole().value_or(0);
          if (const Json* width = value.find("width")) read.width = width->whole().value_or(0);
          if (const Json* negative = value.find("neg_category_ids")) {
            read.lists_negative = true;
            for (const Json& id : negative->items) {
              read.negative.push_back(id.word().value_or(std::string()));
            }
          }
        } catch (const Error& error) {
          return image({}, error.what());
        }
        if (read.id.empty() || read.file_name.empty()) {
          read.file_name.clear();
          return image(read, name + ": an image without id or file_name");
        }
        const std::uint64_t hash = hash_of(read.id);
        auto at = std::lower_bound(
            annotations_.begin(), annotations_.end(), hash,
            [](const Annotation& one, std::uint64_t wanted) { return one.image < wanted; });
        for (; at != annotations_.end() && at->image == hash; ++at) {
          read.annotations.push_back(at->place);
        }
        return image(read, {});
      });
}

const CocoCategory* CocoFile::category(const std::string& id) const {
  const auto found = category_places_.find(id);
  return found == category_places_.end() ? nullptr : &categories_[found->second];
}

Json CocoFile::annotation(const CocoPlace& place) const {
  return read_coco_annotation(*file_, place, printable(path_));
}

Json read_coco_annotation(const ByteSource& file, const CocoPlace& place, const std::string& name) {
  if (place.size > kAnnotationBytesMax) {
    throw Error(ErrorCode::limit,
                name + ": an annotation of " + std::to_string(place.size) + " bytes");
  }
  std::vector<std::byte> text(place.size);
  file.read_at(place.offset, text, name);
  return parse_json(text, name + ": the annotation at byte " + std::to_string(place.offset));
}

}  // namespace slicebank::internal
