// A NIfTI or Analyze file from somebody who means harm: alone, as a pair whose image is
// its own tail, and gzipped here so that a checksum stops nothing.
#include <algorithm>
#include <cstdlib>
#include <span>
#include <vector>

#include "formats/byte_source.h"
#include "formats/gzip.h"
#include "formats/nifti.h"
#include "schema/error.h"
#include "tests/fuzz/fuzz.h"

namespace slicebank {
namespace {

void check(const nifti::Decoded& decoded) {
  const Volume& volume = decoded.volume;
  if (volume.voxels.size() != voxel_bytes(volume)) std::abort();
  if (volume.affine && !invertible(*volume.affine)) std::abort();
  if (!volume.spacing_ijk_mm) std::abort();
  for (const double side : *volume.spacing_ijk_mm) {
    if (!(side > 0)) std::abort();
  }
  nifti::label_names(decoded.header);
  const std::vector<std::byte> again = nifti::encode(volume, {.compressed = false, .version = 2});
  if (nifti::decode(again, "again").volume.voxels != volume.voxels) std::abort();
}

// Front to back, in pieces, with the voxels that decode() has.
void check_along(Bytes file) {
  const MemorySource source(file);
  nifti::Reader reader(source, "along.nii");
  const std::size_t element = element_bytes(reader.volume().type);
  const std::uint64_t all = voxel_bytes(reader.volume());
  std::vector<std::byte> voxels;
  while (voxels.size() < all) {
    const std::size_t before = voxels.size();
    voxels.resize(before +
                  static_cast<std::size_t>(std::min<std::uint64_t>(all - before, 7 * element)));
    reader.read(MutableBytes(voxels).subspan(before));
  }
  reader.finish();
  if (reader.in_order() && nifti::decode(file, "whole").volume.voxels != voxels) std::abort();
}

template <typename Decode>
void attempt(Decode&& decode) {
  try {
    check(decode());
  } catch (const Error&) {
    // The only way out that is allowed.
  }
}

}  // namespace
}  // namespace slicebank

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  namespace nifti = slicebank::nifti;
  const auto file = std::as_bytes(std::span(data, size));
  slicebank::attempt([&] { return nifti::decode(file, "fuzz.nii"); });
  try {
    slicebank::check_along(file);
  } catch (const slicebank::Error&) {
    // The only way out that is allowed.
  }
  const auto head = file.subspan(0, std::min<std::size_t>(size, 348));
  slicebank::attempt([&] { return nifti::decode_pair(head, file, "fuzz.hdr"); });
  if (size > 4096) return;
  const std::vector<std::byte> packed = slicebank::gzip::compress(file, 1);
  slicebank::attempt([&] { return nifti::decode(packed, "fuzz.nii.gz"); });
}
