#include "importers/internal/data_files.h"

#include <algorithm>

#include "formats/metaimage.h"
#include "formats/nrrd.h"
#include "importers/internal/picture_words.h"
#include "importers/internal/volume_file.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kHeaderBytes = std::size_t{1} << 20;

std::vector<std::string> named_in(const SourceTree& source, const std::string& path,
                                  const std::string& ending) {
  const std::string name = printable(path);
  const auto file = source.open(path);
  std::vector<std::byte> front(
      static_cast<std::size_t>(std::min<std::uint64_t>(file->size(), kHeaderBytes)));
  file->read_at(0, front, name);
  std::vector<std::string> files = ending == ".mhd" ? metaimage::scan(front, name).header.data_files
                                                    : nrrd::scan(front, name).header.data_files;
  const std::string folder = path.substr(0, path.rfind('/') + 1);  // npos + 1 is 0
  for (std::string& each : files) each = folder + clean_relative_path(each);
  return files;
}

}  // namespace

std::vector<std::string> data_files_of(const SourceTree& source, const std::string& path) {
  const std::string ending = ascii_lower(volume_ending(path));
  std::vector<std::string> images = images_of_header(path);
  if (!images.empty()) return images;
  if (ending != ".mhd" && ending != ".nhdr") return {};
  try {
    return named_in(source, path, ending);
  } catch (const Error&) {
    return {};
  }
}

}  // namespace slicebank::internal
