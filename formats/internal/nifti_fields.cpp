#include "formats/internal/nifti_fields.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace slicebank::internal {
namespace {

constexpr std::size_t kDescripBytes = 80;
constexpr std::size_t kIntentNameBytes = 16;
constexpr std::size_t kMagicAt1 = 344;
constexpr std::size_t kMagicAt2 = 4;

// Reads numbers of the machine's own from a header of either byte order.
class Source {
 public:
  Source(Bytes file, bool big_endian) : file_(file), big_endian_(big_endian) {}

  template <typename Number>
  Number get(std::size_t at) const {
    std::array<std::byte, sizeof(Number)> bytes;
    std::memcpy(bytes.data(), file_.data() + at, bytes.size());
    if (big_endian_) std::reverse(bytes.begin(), bytes.end());
    return std::bit_cast<Number>(bytes);
  }

  template <typename Number, typename To, std::size_t kCount>
  void get_all(std::size_t at, std::array<To, kCount>& out) const {
    for (std::size_t i = 0; i < kCount; ++i) {
      out[i] = static_cast<To>(get<Number>(at + i * sizeof(Number)));
    }
  }

  std::string text(std::size_t at, std::size_t size) const {
    const std::string all(reinterpret_cast<const char*>(file_.data()) + at, size);
    return all.substr(0, all.find('\0'));
  }

 private:
  Bytes file_;
  bool big_endian_;
};

class Sink {
 public:
  explicit Sink(std::size_t size) : bytes_(size) {}

  template <typename Number>
  void put(std::size_t at, Number value) {
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }

  template <typename Number, typename From, std::size_t kCount>
  void put_all(std::size_t at, const std::array<From, kCount>& values) {
    for (std::size_t i = 0; i < kCount; ++i) {
      put(at + i * sizeof(Number), static_cast<Number>(values[i]));
    }
  }

  void text(std::size_t at, std::size_t size, const std::string& text) {
    std::memcpy(bytes_.data() + at, text.data(), std::min(size, text.size()));
  }

  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

// "n+1\0": one file; "ni1\0": a pair. 0 for neither.
char form_of(Bytes file, std::size_t at, char version) {
  if (file.size() < at + 4) return 0;
  const auto c = [&](std::size_t i) { return std::to_integer<char>(file[at + i]); };
  if (c(0) != 'n' || c(2) != version || c(3) != 0) return 0;
  return c(1) == '+' || c(1) == 'i' ? c(1) : '\0';
}

template <typename Dim>
bool counts_dimensions(Bytes file, std::size_t at, bool big_endian) {
  const auto count = Source(file, big_endian).get<Dim>(at);
  return count >= 1 && count <= 7;
}

NiftiFields read_nifti1(Bytes file, bool big_endian) {
  const Source source(file, big_endian);
  NiftiFields fields;
  fields.big_endian = big_endian;
  source.get_all<std::int16_t>(40, fields.dim);
  fields.intent_code = source.get<std::int16_t>(68);
  fields.datatype = source.get<std::int16_t>(70);
  fields.bitpix = source.get<std::int16_t>(72);
  source.get_all<float>(76, fields.pixdim);
  fields.vox_offset = source.get<float>(108);
  fields.scl_slope = source.get<float>(112);
  fields.scl_inter = source.get<float>(116);
  fields.xyzt_units = source.get<std::uint8_t>(123);
  fields.descrip = source.text(148, kDescripBytes);
  fields.qform_code = source.get<std::int16_t>(252);
  fields.sform_code = source.get<std::int16_t>(254);
  source.get_all<float>(256, fields.quatern);
  source.get_all<float>(268, fields.qoffset);
  source.get_all<float>(280, fields.srow);
  fields.intent_name = source.text(328, kIntentNameBytes);
  return fields;
}

NiftiFields read_nifti2(Bytes file, bool big_endian) {
  const Source source(file, big_endian);
  NiftiFields fields;
  fields.kind = nifti::Kind::nifti2;
  fields.big_endian = big_endian;
  fields.datatype = source.get<std::int16_t>(12);
  fields.bitpix = source.get<std::int16_t>(14);
  source.get_all<std::int64_t>(16, fields.dim);
  source.get_all<double>(104, fields.pixdim);
  fields.vox_offset = static_cast<double>(source.get<std::int64_t>(168));
  fields.scl_slope = source.get<double>(176);
  fields.scl_inter = source.get<double>(184);
  fields.descrip = source.text(240, kDescripBytes);
  fields.qform_code = source.get<std::int32_t>(344);
  fields.sform_code = source.get<std::int32_t>(348);
  source.get_all<double>(352, fields.quatern);
  source.get_all<double>(376, fields.qoffset);
  source.get_all<double>(400, fields.srow);
  fields.xyzt_units = source.get<std::int32_t>(500);
  fields.intent_code = source.get<std::int32_t>(504);
  fields.intent_name = source.text(508, kIntentNameBytes);
  return fields;
}

// What NIfTI put into fields that Analyze had used otherwise is not Analyze's.
NiftiFields read_analyze(Bytes file, bool big_endian) {
  NiftiFields fields = read_nifti1(file, big_endian);
  fields.kind = nifti::Kind::analyze;
  fields.pair = true;
  fields.intent_code = fields.xyzt_units = fields.qform_code = fields.sform_code = 0;
  fields.intent_name.clear();
  return fields;
}

}  // namespace

std::optional<NiftiFields> parse_nifti_fields(Bytes file) {
  if (file.size() < kNifti1Bytes) return std::nullopt;
  if (const char form = form_of(file, kMagicAt1, '1')) {
    NiftiFields fields = read_nifti1(file, !counts_dimensions<std::int16_t>(file, 40, false));
    fields.pair = form == 'i';
    return fields;
  }
  if (const char form = form_of(file, kMagicAt2, '2')) {
    if (file.size() < kNifti2Bytes) return std::nullopt;
    NiftiFields fields = read_nifti2(file, !counts_dimensions<std::int64_t>(file, 16, false));
    fields.pair = form == 'i';
    return fields;
  }
  for (const bool big_endian : {false, true}) {
    if (Source(file, big_endian).get<std::int32_t>(0) == static_cast<int>(kNifti1Bytes) &&
        counts_dimensions<std::int16_t>(file, 40, big_endian)) {
      return read_analyze(file, big_endian);
    }
  }
  return std::nullopt;
}

std::vector<std::byte> write_nifti_fields(const NiftiFields& fields) {
  Sink sink(fields.header_bytes());
  sink.put(0, static_cast<std::int32_t>(fields.header_bytes()));
  if (fields.kind == nifti::Kind::nifti2) {
    sink.text(kMagicAt2, 8, std::string("n+2\0\r\n\x1a\n", 8));
    sink.put(12, static_cast<std::int16_t>(fields.datatype));
    sink.put(14, static_cast<std::int16_t>(fields.bitpix));
    sink.put_all<std::int64_t>(16, fields.dim);
    sink.put_all<double>(104, fields.pixdim);
    sink.put(168, static_cast<std::int64_t>(fields.vox_offset));
    sink.put(176, fields.scl_slope);
    sink.put(184, fields.scl_inter);
    sink.text(240, kDescripBytes - 1, fields.descrip);
    sink.put(344, static_cast<std::int32_t>(fields.qform_code));
    sink.put(348, static_cast<std::int32_t>(fields.sform_code));
    sink.put_all<double>(352, fields.quatern);
    sink.put_all<double>(376, fields.qoffset);
    sink.put_all<double>(400, fields.srow);
    sink.put(500, static_cast<std::int32_t>(fields.xyzt_units));
    sink.put(504, static_cast<std::int32_t>(fields.intent_code));
    return sink.take();
  }
  sink.put(38, 'r');  // `regular`, which old readers ask for
  sink.put_all<std::int16_t>(40, fields.dim);
  sink.put(68, static_cast<std::int16_t>(fields.intent_code));
  sink.put(70, static_cast<std::int16_t>(fields.datatype));
  sink.put(72, static_cast<std::int16_t>(fields.bitpix));
  sink.put_all<float>(76, fields.pixdim);
  sink.put(108, static_cast<float>(fields.vox_offset));
  sink.put(112, static_cast<float>(fields.scl_slope));
  sink.put(116, static_cast<float>(fields.scl_inter));
  sink.put(123, static_cast<std::uint8_t>(fields.xyzt_units));
  sink.text(148, kDescripBytes - 1, fields.descrip);
  sink.put(252, static_cast<std::int16_t>(fields.qform_code));
  sink.put(254, static_cast<std::int16_t>(fields.sform_code));
  sink.put_all<float>(256, fields.quatern);
  sink.put_all<float>(268, fields.qoffset);
  sink.put_all<float>(280, fields.srow);
  sink.text(kMagicAt1, 4, std::string("n+1\0", 4));
  return sink.take();
}

}  // namespace slicebank::internal
