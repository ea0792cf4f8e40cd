#include "importers/internal/volume_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "formats/metaimage.h"
#include "formats/nifti.h"
#include "formats/npy.h"
#include "formats/nrrd.h"
#include "importers/internal/array_volume.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

constexpr std::array<std::string_view, 8> kEndings = {".nii.gz", ".nii", ".hdr.gz", ".hdr",
                                                      ".mha",    ".mhd", ".nrrd",   ".nhdr"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool ends_with(std::string_view text, std::string_view ending) {
  return text.size() > ending.size() &&
         std::equal(ending.begin(), ending.end(), text.end() - static_cast<long>(ending.size()),
                    [](char a, char b) { return a == lower(b); });
}

std::string_view name_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// The folder of `path` with its slash, or nothing for a file in the root.
std::string folder_of(const std::string& path) {
  return path.substr(0, path.size() - name_of(path).size());
}

VolumeFile taken(nifti::Decoded&& decoded) {
  VolumeFile file;
  file.label_names = nifti::label_names(decoded.header);
  file.volume = std::move(decoded.volume);
  file.dims = std::move(decoded.header.dims);
  file.notes = notes_of(decoded.header);
  return file;
}

template <typename Decoded>
VolumeFile plain(Decoded&& decoded) {
  VolumeFile file;
  file.volume = std::move(decoded.volume);
  file.dims = std::move(decoded.header.dims);
  return file;
}

nifti::Decoded read_pair(const SourceTree& source, const std::string& path, Bytes header,
                         const std::string& name) {
  for (const std::string& image : images_of_header(path)) {
    if (source.stamp(image)) return nifti::decode_pair(header, source.read(image), name);
  }
  throw Error(ErrorCode::not_found, name + ": its .img file is not beside it");
}

VolumeFile load(const SourceTree& source, const std::string& path, bool voxels, VolumeUse use) {
  const std::string name = printable(path);
  const std::vector<std::byte> bytes = source.read(path);
  const auto open = [&](const std::string& relative) {
    return source.read(folder_of(path) + clean_relative_path(relative));
  };
  if (metaimage::is_metaimage(bytes)) {
    return plain(voxels ? metaimage::decode(bytes, name, open) : metaimage::scan(bytes, name));
  }
  if (nrrd::is_nrrd(bytes)) {
    nrrd::Decoded decoded = voxels ? nrrd::decode(bytes, name, open) : nrrd::scan(bytes, name);
    const auto extent_offset = decoded.header.extent_offset;
    VolumeFile file = plain(std::move(decoded));
    file.extent_offset = extent_offset;
    return file;
  }
  if (npy::is_npy(bytes)) {
    VolumeFile file;
    file.volume = scan_of(npy::decode(bytes, name), name);
    file.dims.assign(file.volume.size_ijk.begin(), file.volume.size_ijk.end());
    if (!voxels) file.volume.voxels.clear();
    return file;
  }
  if (auto picture = picture_volume(bytes, name, use)) {
    VolumeFile file;
    file.volume = *std::move(picture);
    if (!voxels) file.volume.voxels.clear();
    return file;
  }
  if (!voxels) return taken(nifti::scan(bytes, name));
  if (!images_of_header(path).empty()) return taken(read_pair(source, path, bytes, name));
  return taken(nifti::decode(bytes, name));
}

}  // namespace

std::string volume_ending(std::string_view path) {
  for (const std::string_view ending : kEndings) {
    if (ends_with(path, ending)) return std::string(path.substr(path.size() - ending.size()));
  }
  return {};
}

std::vector<std::string> images_of_header(std::string_view path) {
  const std::string ending = volume_ending(path);
  if (!ends_with("x" + ending, ".hdr") && !ends_with("x" + ending, ".hdr.gz")) return {};
  const std::string stem(path.substr(0, path.size() - ending.size()));
  return {stem + ".img", stem + ".img.gz", stem + ".IMG"};
}

std::string volume_stem(std::string_view path) {
  const std::string_view name = name_of(path);
  const std::size_t ending = volume_ending(name).size();
  if (ending != 0) return std::string(name.substr(0, name.size() - ending));
  return std::string(name.substr(0, name.rfind('.')));
}

std::vector<std::string> notes_of(const nifti::Header& header) {
  std::vector<std::string> notes = header.notes;
  if (header.affine_source == nifti::AffineSource::base) {
    notes.emplace_back("neither sform nor qform: left and right are a guess");
  }
  return notes;
}

VolumeFile read_volume(const SourceTree& source, const std::string& path, VolumeUse use) {
  return load(source, path, true, use);
}

VolumeFile scan_volume(const SourceTree& source, const std::string& path) {
  return load(source, path, false, VolumeUse::image);
}

Volume with_channels_first(Volume volume) {
  const std::array<std::uint32_t, 3> size = volume.size_ijk;
  volume.channels = size[0];
  volume.size_ijk = {size[1], size[2], volume.frames};
  volume.frames = 1;
  return volume;
}

}  // namespace slicebank::internal
