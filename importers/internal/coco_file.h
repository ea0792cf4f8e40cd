// A COCO file: images, annotations, categories (docs/importers/images.md). Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "formats/byte_source.h"
#include "formats/source_tree.h"
#include "importers/importer.h"
#include "importers/internal/small_json.h"

namespace slicebank::internal {

struct CocoCategory {
  std::string id;  // as written
  std::string name;
};

// Where one annotation stands in the file.
struct CocoPlace {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

struct CocoImage {
  std::string id;
  std::string file_name;  // as written
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::vector<CocoPlace> annotations;  // in the order of the file
  std::vector<std::string> negative;   // categories that were looked for and are not there
  bool lists_negative = false;         // as LVIS does; without it all categories were looked for
};

// JSON files that look like COCO, in the root and in its folders, relative to the root,
// ascending. Looks at the first and last 64 KB of a hundred, and at a million names at most.
std::vector<std::string> find_coco_files(const std::filesystem::path& root);

class CocoFile {
 public:
  // Reads the file once: its categories, and where its annotations stand (32 bytes each).
  // Throws Error as for_each_json_element() does, and for one without images or categories.
  CocoFile(const SourceTree& source, const std::string& path);

  const std::string& path() const noexcept { return path_; }
  const std::vector<CocoCategory>& categories() const noexcept { return categories_; }
  std::uint64_t annotations() const noexcept { return annotations_.size(); }
  std::string licence() const { return licence_; }  // where it names just one
  const std::string& description() const noexcept { return description_; }
  const std::string& url() const noexcept { return url_; }

  // Every image in the order of the file, until `image` returns false. One that cannot be
  // understood is given with an empty file name and the reason.
  void for_each_image(
      const std::function<bool(const CocoImage& image, const std::string& refused)>& image) const;

  const CocoCategory* category(const std::string& id) const;

  // Throws Error for one that is no JSON.
  Json annotation(const CocoPlace& place) const;

 private:
  struct Annotation {
    std::uint64_t image = 0;  // hash of the image's id
    CocoPlace place;
  };

  std::string path_;
  std::unique_ptr<const ByteSource> file_;
  std::vector<CocoCategory> categories_;
  std::unordered_map<std::string, std::size_t> category_places_;  // by id
  std::vector<Annotation> annotations_;  // ascending by image, then by place
  std::string licence_;
  std::string description_;
  std::string url_;
};

// The annotation at `place` of an open file. Throws Error, beginning with `name`.
Json read_coco_annotation(const ByteSource& file, const CocoPlace& place, const std::string& name);

// What its "segmentation" covers, height x width of 0 and 1: polygons, run lengths as
// numbers, run lengths as text. Nothing where it has none. Throws Error, beginning with
// `name`.
std::optional<std::vector<std::uint8_t>> coco_mask(const Json& annotation, std::uint32_t height,
                                                   std::uint32_t width, const std::string& name);

// Whether coco_mask() will try: there is a segmentation that is not empty.
bool has_coco_mask(const Json& annotation);

}  // namespace slicebank::internal
