#include "formats/nifti.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <string_view>
#include <utility>

#include "formats/gzip.h"
#include "formats/internal/label_table.h"
#include "formats/internal/nifti_fields.h"
#include "formats/internal/nifti_header.h"
#include "formats/internal/volume_data.h"
#include "schema/error.h"

namespace slicebank::nifti {
namespace {

using internal::NiftiFields;

[[noreturn]] void refuse(const std::string& name, const std::string& why, std::string hint = {}) {
  throw Error(ErrorCode::bad_format, name + ": " + why, std::move(hint));
}

// Channels of a vector lie one behind the other in the file, each over all voxels.
bool is_planar(const NiftiFields& fields, const Volume& volume) {
  return volume.channels > 1 && fields.datatype != 128 && fields.datatype != 2304;
}

// Turns what the file holds into a Volume's bytes: order of bytes, order of channels.
void put_voxels(std::vector<std::byte> voxels, const NiftiFields& fields, Volume& volume) {
  if (fields.big_endian) swap_bytes(voxels, element_bytes(volume.type));
  if (is_planar(fields, volume)) {
    const std::size_t i = volume.size_ijk[0];
    const std::size_t j = volume.size_ijk[1];
    const std::size_t k = volume.size_ijk[2];
    const std::array<std::size_t, 5> sizes = {volume.frames, k, j, i, volume.channels};
    voxels = internal::gathered(voxels, sizes, {i * j * k, i * j, i, 1, i * j * k * volume.frames},
                                element_bytes(volume.type));
  }
  volume.voxels = std::move(voxels);
}

// A file that is not compressed has room for its voxels.
void check_size(std::uint64_t file_bytes, std::uint64_t at, std::uint64_t bytes,
                const std::string& name) {
  if (file_bytes >= at && file_bytes - at >= bytes) return;
  refuse(name,
         "its voxels need " + std::to_string(bytes) + " bytes from byte " + std::to_string(at) +
             " on, but the file has " + std::to_string(file_bytes),
         "The file was cut off; copy or download it again.");
}

// The voxels of a file that is gzipped or not, beginning at `at`.
std::vector<std::byte> voxels_of(Bytes file, std::uint64_t at, std::uint64_t bytes,
                                 const std::string& name) {
  if (gzip::is_gzip(file)) return gzip::inflate_exactly(file, bytes, name, at);
  check_size(file.size(), at, bytes, name);
  const Bytes voxels = file.subspan(at, bytes);
  return {voxels.begin(), voxels.end()};
}

// The first bytes of `file`; `storage` holds them where they are inflated.
internal::NiftiFront front_of(Bytes file, std::vector<std::byte>& storage,
                              const std::string& name) {
  return [file, &storage, &name](std::size_t bytes) -> Bytes {
    if (!gzip::is_gzip(file)) return file.subspan(0, std::min(bytes, file.size()));
    storage = gzip::inflate_prefix(file, bytes, name);
    return storage;
  };
}

Decoded read_header(Bytes file, const std::string& name, NiftiFields& fields) {
  std::vector<std::byte> storage;
  return internal::read_nifti_header(front_of(file, storage, name), name, fields);
}

}  // namespace

bool is_nifti(Bytes file) {
  std::vector<std::byte> storage;
  const std::string name;
  return internal::is_nifti_front(front_of(file, storage, name));
}

Decoded decode(Bytes file, const std::string& name) {
  NiftiFields fields;
  Decoded decoded = read_header(file, name, fields);
  if (fields.pair) {
    refuse(name, "a header whose voxels lie in a file of their own",
           "Give the .img that lies beside the .hdr as well.");
  }
  put_voxels(voxels_of(file, decoded.header.voxels_at, voxel_bytes(decoded.volume), name), fields,
             decoded.volume);
  return decoded;
}

Decoded decode_pair(Bytes header, Bytes image, const std::string& name) {
  NiftiFields fields;
  Decoded decoded = read_header(header, name, fields);
  if (!fields.pair) refuse(name, "its header says that the voxels follow in the same file");
  put_voxels(voxels_of(image, decoded.header.voxels_at, voxel_bytes(decoded.volume), name), fields,
             decoded.volume);
  return decoded;
}

Decoded scan(Bytes file, const std::string& name) {
  NiftiFields fields;
  return read_header(file, name, fields);
}

// --- Reader ----------------------------------------------------------------------------

Reader::Reader(const ByteSource& file, std::string name) : file_(file), name_(std::move(name)) {
  gzip_.emplace(file_, name_);
  if (!gzip_->has_gzip()) gzip_.reset();
  NiftiFields fields;
  decoded_ = internal::read_nifti_header([this](std::size_t bytes) { return front(bytes); }, name_,
                                         fields);
  if (fields.pair) {
    refuse(name_, "a header whose voxels lie in a file of their own",
           "Give the .img that lies beside the .hdr as well.");
  }
  swapped_ = fields.big_endian;
  in_order_ = !is_planar(fields, decoded_.volume);
  const std::uint64_t at = decoded_.header.voxels_at;
  left_ = voxel_bytes(decoded_.volume);
  if (gzip_) {
    gzip::check_can_hold(file_.size(), at + left_, name_);
  } else {
    check_size(file_.size(), at, left_, name_);
  }
  front_read_ = static_cast<std::size_t>(std::min<std::uint64_t>(at, front_.size()));
  skip_raw(at - front_read_);
}

Reader::~Reader() = default;

// Everything up to `bytes`, which stays in front_.
Bytes Reader::front(std::size_t bytes) {
  while (front_.size() < bytes) {
    const std::size_t before = front_.size();
    constexpr std::size_t kStepBytes = std::size_t{1} << 16;
    front_.resize(before + std::min(kStepBytes, bytes - before));
    const std::size_t got = read_raw(MutableBytes(front_).subspan(before));
    if (before + got == front_.size()) continue;
    front_.resize(before + got);
    break;
  }
  return Bytes(front_).first(std::min(bytes, front_.size()));
}

std::size_t Reader::read_raw(MutableBytes out) {
  std::size_t got = 0;
  if (gzip_) {
    got = gzip_->read(out);
  } else {
    got = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), file_.size() - at_));
    file_.read_at(at_, out.first(got), name_);
  }
  at_ += got;
  return got;
}

void Reader::skip_raw(std::uint64_t bytes) {
  const std::uint64_t skipped =
      gzip_ ? gzip_->skip(bytes) : std::min<std::uint64_t>(bytes, file_.size() - at_);
  at_ += skipped;
  if (skipped < bytes) refuse_short();
}

void Reader::refuse_short() const {
  refuse(name_, std::to_string(decoded_.header.voxels_at + voxel_bytes(decoded_.volume)) +
                    " bytes are announced, but only " + std::to_string(at_) + " come out");
}

void Reader::read(MutableBytes voxels) {
  assert(voxels.size() <= left_ && voxels.size() % element_bytes(decoded_.volume.type) == 0);
  const std::size_t kept = std::min(voxels.size(), front_.size() - front_read_);
  std::copy_n(front_.begin() + static_cast<std::ptrdiff_t>(front_read_), kept, voxels.begin());
  front_read_ += kept;
  if (read_raw(voxels.subspan(kept)) < voxels.size() - kept) refuse_short();
  left_ -= voxels.size();
  if (swapped_) swap_bytes(voxels, element_bytes(decoded_.volume.type));
}

void Reader::skip(std::uint64_t bytes) {
  assert(bytes <= left_);
  const std::uint64_t kept = std::min<std::uint64_t>(bytes, front_.size() - front_read_);
  front_read_ += static_cast<std::size_t>(kept);
  skip_raw(bytes - kept);
  left_ -= bytes;
}

void Reader::finish() {
  skip(left_);
  if (gzip_) {
    gzip::check_end(*gzip_, decoded_.header.voxels_at + voxel_bytes(decoded_.volume), name_);
  }
}

std::map<std::uint32_t, std::string> label_names(const Header& header) {
  for (const Extension& extension : header.extensions) {
    const std::string_view text(reinterpret_cast<const char*>(extension.bytes.data()),
                                extension.bytes.size());
    auto names = internal::parse_label_table(text);
    if (!names.empty()) return names;
  }
  return {};
}

}  // namespace slicebank::nifti
