#include "formats/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "formats/internal/literal.h"
#include "formats/source_tree.h"
#include "schema/error.h"

namespace slicebank::npy {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kAxesMax = 64;  // numpy 2's own bound

[[noreturn]] void fail(const std::string& name, const std::string& why) {
  throw Error(ErrorCode::bad_format, name + ": not a readable npy array: " + why);
}

struct Kind {
  char letter;
  std::size_t bytes;
  ElementType type;
};

constexpr std::array<Kind, 12> kKinds = {{{'b', 1, ElementType::boolean},
                                          {'u', 1, ElementType::u8},
                                          {'i', 1, ElementType::i8},
                                          {'u', 2, ElementType::u16},
                                          {'i', 2, ElementType::i16},
                                          {'u', 4, ElementType::u32},
                                          {'i', 4, ElementType::i32},
                                          {'u', 8, ElementType::u64},
                                          {'i', 8, ElementType::i64},
                                          {'f', 2, ElementType::f16},
                                          {'f', 4, ElementType::f32},
                                          {'f', 8, ElementType::f64}}};

// What numpy's letter stands for where it is nothing that we read.
const char* refused_kind(char letter) {
  switch (letter) {
    case 'O':
      return "Python objects (a pickle, which could run code; it is never loaded)";
    case 'S':
    case 'a':
    case 'U':
      return "text";
    case 'V':
      return "structured or void elements";
    case 'M':
      return "dates";
    case 'm':
      return "time spans";
    case 'c':
      return "complex numbers";
    default:
      return nullptr;
  }
}

void set_type(Header& header, const std::string& descr, const std::string& name) {
  const bool prefixed =
      !descr.empty() && std::string_view("<>|=").find(descr[0]) != std::string::npos;
  const char order = prefixed ? descr[0] : '=';
  const std::string kind = prefixed ? descr.substr(1) : descr;
  for (const Kind& known : kKinds) {
    if (kind != fmt::format("{}{}", known.letter, known.bytes)) continue;
    if (order == '|' && known.bytes > 1) break;
    header.type = known.type;
    header.big_endian = order == '>' && known.bytes > 1;
    return;
  }
  const char* what = kind.empty() ? nullptr : refused_kind(kind[0]);
  if (what == nullptr && kind.starts_with('f')) what = "floats of an unusual width";
  const std::string shown = printable(descr.substr(0, 40));
  if (what == nullptr) fail(name, fmt::format("unknown element type '{}'", shown));
  fail(name, fmt::format("it holds {} (type '{}')", what, shown));
}

// The dictionary between the magic and the numbers.
void parse_dictionary(Header& header, std::string_view text, const std::string& name) {
  internal::LiteralReader in(text, [&](const std::string& why) { fail(name, why); });
  bool has_descr = false;
  bool has_order = false;
  bool has_shape = false;
  const auto once = [&](bool& seen, const std::string& key) {
    if (seen) fail(name, "the header names '" + key + "' twice");
    seen = true;
  };
  in.expect('{');
  while (!in.accept('}')) {
    const std::string key = in.string();
    in.expect(':');
    if (key == "descr") {
      once(has_descr, key);
      if (in.next_is('[')) fail(name, "it holds structured elements (records of named fields)");
      set_type(header, in.string(), name);
    } else if (key == "fortran_order") {
      once(has_order, key);
      header.fortran_order = in.boolean();
    } else if (key == "shape") {
      once(has_shape, key);
      header.shape = in.tuple(kAxesMax);
    } else {
      fail(name,
           "the header names '" + printable(key.substr(0, 40)) + "', which npy does not know");
    }
    if (in.accept(',')) continue;
    in.expect('}');
    break;
  }
  in.expect_end();
  if (!has_descr || !has_order || !has_shape) {
    fail(name, "the header lacks one of descr, fortran_order and shape");
  }
}

// Copies elements of T from Fortran to C order, block by block over the first and the
// last axis, so that neither side walks through memory in long strides only.
template <typename T>
void transpose(const std::byte* in, std::byte* out, const std::vector<std::uint64_t>& shape) {
  constexpr std::uint64_t kBlock = 32;
  const std::size_t axes = shape.size();
  std::vector<std::uint64_t> in_stride(axes, 1);
  std::vector<std::uint64_t> out_stride(axes, 1);
  for (std::size_t i = 1; i < axes; ++i) in_stride[i] = in_stride[i - 1] * shape[i - 1];
  for (std::size_t i = axes - 1; i > 0; --i) out_stride[i - 1] = out_stride[i] * shape[i];
  const std::uint64_t rows = shape.front();
  const std::uint64_t columns = shape.back();
  const std::uint64_t far = in_stride.back();
  const std::uint64_t wide = out_stride.front();

  std::vector<std::uint64_t> middle(axes, 0);  // place along the axes between
  while (true) {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    for (std::size_t i = 1; i + 1 < axes; ++i) {
      from += middle[i] * in_stride[i];
      to += middle[i] * out_stride[i];
    }
    for (std::uint64_t row0 = 0; row0 < rows; row0 += kBlock) {
      const std::uint64_t row1 = std::min(row0 + kBlock, rows);
      for (std::uint64_t column0 = 0; column0 < columns; column0 += kBlock) {
        const std::uint64_t column1 = std::min(column0 + kBlock, columns);
        for (std::uint64_t row = row0; row < row1; ++row) {
          for (std::uint64_t column = column0; column < column1; ++column) {
            std::memcpy(out + (to + row * wide + column) * sizeof(T),
                        in + (from + row + column * far) * sizeof(T), sizeof(T));
          }
        }
      }
    }
    std::size_t axis = axes - 2;
    while (axis > 0 && ++middle[axis] == shape[axis]) middle[axis--] = 0;
    if (axis == 0) return;
  }
}

std::vector<std::byte> to_c_order(const std::vector<std::byte>& data, std::size_t size,
                                  const std::vector<std::uint64_t>& shape) {
  std::vector<std::byte> out(data.size());
  switch (size) {
    case 1:
      transpose<std::uint8_t>(data.data(), out.data(), shape);
      break;
    case 2:
      transpose<std::uint16_t>(data.data(), out.data(), shape);
      break;
    case 4:
      transpose<std::uint32_t>(data.data(), out.data(), shape);
      break;
    default:
      transpose<std::uint64_t>(data.data(), out.data(), shape);
      break;
  }
  return out;
}

const char* descr_of(ElementType type) {
  switch (type) {
    case ElementType::boolean:
      return "|b1";
    case ElementType::u8:
      return "|u1";
    case ElementType::i8:
      return "|i1";
    case ElementType::u16:
      return "<u2";
    case ElementType::i16:
      return "<i2";
    case ElementType::u32:
      return "<u4";
    case ElementType::i32:
      return "<i4";
    case ElementType::u64:
      return "<u8";
    case ElementType::i64:
      return "<i8";
    case ElementType::f16:
      return "<f2";
    case ElementType::f32:
      return "<f4";
    case ElementType::f64:
      break;
  }
  return "<f8";
}

}  // namespace

bool is_npy(Bytes file) {
  return file.size() >= kMagic.size() &&
         std::memcmp(file.data(), kMagic.data(), kMagic.size()) == 0;
}

Header read_header(Bytes begin, const std::string& name) {
  if (!is_npy(begin)) fail(name, "the signature is missing");
  const auto byte = [&](std::size_t at) { return std::to_integer<std::size_t>(begin[at]); };
  if (begin.size() < kMagic.size() + 4) fail(name, "the file is truncated");
  const std::size_t version = byte(6);
  if (version < 1 || version > 3) {
    fail(name, fmt::format("version {}.{} of the format is unknown", version, byte(7)));
  }
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  const std::size_t start = kMagic.size() + 2 + length_bytes;
  if (begin.size() < start) fail(name, "the file is truncated");
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) length |= byte(kMagic.size() + 2 + i) << (8 * i);
  if (length > kHeaderBytesMax - start) {
    fail(name, fmt::format("a header of {} bytes; no array of numbers has one", length));
  }
  if (length > begin.size() - start) fail(name, "the file is truncated inside its header");

  Header header;
  header.header_bytes = start + length;
  parse_dictionary(header, {reinterpret_cast<const char*>(begin.data()) + start, length}, name);
  header.data_bytes = element_bytes(header.type);
  bool empty = false;
  for (const std::uint64_t side : header.shape) {
    empty = empty || side == 0;
    if (side != 0 && __builtin_mul_overflow(header.data_bytes, side, &header.data_bytes)) {
      fail(name, "the shape has more bytes than 64 bits can count");
    }
  }
  if (empty) header.data_bytes = 0;
  return header;
}

Array to_array(const Header& header, std::vector<std::byte> data) {
  const std::size_t size = element_bytes(header.type);
  if (header.big_endian) swap_bytes(data, size);
  if (header.type == ElementType::boolean) {
    for (std::byte& value : data) value = value == std::byte{0} ? std::byte{0} : std::byte{1};
  }
  if (header.fortran_order && header.shape.size() > 1 && !data.empty()) {
    data = to_c_order(data, size, header.shape);
  }
  return {header.type, header.shape, std::move(data)};
}

Array decode(Bytes file, const std::string& name) {
  const Header header = read_header(file.first(std::min(file.size(), kHeaderBytesMax)), name);
  checked_elements(header.shape, name);
  if (header.data_bytes > file.size() - header.header_bytes) {
    fail(name, fmt::format("the file is truncated: its array needs {} bytes, and {} are there",
                           header.data_bytes, file.size() - header.header_bytes));
  }
  const Bytes data = file.subspan(header.header_bytes, header.data_bytes);
  return to_array(header, {data.begin(), data.end()});
}

std::string encode_header(const std::string& descr, const std::vector<std::uint64_t>& shape) {
  std::string text = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", shape[i]);
  }
  text += shape.size() == 1 ? ",), }" : "), }";
  const std::size_t before = kMagic.size() + 4;
  text.append((kAlignment - (before + text.size() + 1) % kAlignment) % kAlignment, ' ');
  text += '\n';
  std::string header(kMagic);
  header += '\x01';
  header += '\x00';
  header += static_cast<char>(text.size() & 0xff);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

std::vector<std::byte> encode(const Array& array) {
  std::uint64_t bytes = element_bytes(array.type);
  bool overflow = array.shape.size() > kAxesMax;
  for (const std::uint64_t side : array.shape) {
    overflow = overflow || __builtin_mul_overflow(bytes, side, &bytes);
  }
  if (overflow || bytes != array.data.size()) {
    throw Error(ErrorCode::bad_argument,
                fmt::format("npy: {} and {} bytes disagree", describe(array), array.data.size()));
  }
  const std::string header = encode_header(descr_of(array.type), array.shape);
  std::vector<std::byte> file(header.size() + array.data.size());
  std::memcpy(file.data(), header.data(), header.size());
  if (!array.data.empty()) {
    std::memcpy(file.data() + header.size(), array.data.data(), array.data.size());
  }
  return file;
}

}  // namespace slicebank::npy
