#include "formats/internal/dicom_dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "formats/internal/dicom_inflate.h"
#include "formats/internal/dicom_numbers.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::dicom::internal {
namespace {

constexpr std::uint32_t kUndefinedLength = 0xffffffff;
constexpr int kDepthMax = 16;               // of nested sequences
constexpr std::size_t kItemsMax = 1 << 22;  // of all sequences of a file
constexpr std::size_t kPreambleBytes = 128;

// Of a deflated file: all of it, and what stands before its pixels.
constexpr std::size_t kInflatedBytesMax = limits::kImageBytesMax;
constexpr std::size_t kInflatedFrontMax = 128u << 20;
constexpr std::size_t kInflatedFrontMin = 1u << 20;
constexpr std::size_t kPaddingBytesMax = 1u << 20;  // behind the pixels
constexpr std::uint64_t kDeflateRatioMax = 1032;

constexpr Vr kSq = vr_of('S', 'Q');
constexpr Vr kUn = vr_of('U', 'N');

constexpr Vr kLongVrs[] = {vr_of('O', 'B'),
                           vr_of('O', 'D'),
                           vr_of('O', 'F'),
                           vr_of('O', 'L'),
                           vr_of('O', 'V'),
                           vr_of('O', 'W'),
                           kSq,
                           vr_of('S', 'V'),
                           vr_of('U', 'C'),
                           kUn,
                           vr_of('U', 'R'),
                           vr_of('U', 'T'),
                           vr_of('U', 'V')};
constexpr Vr kShortVrs[] = {vr_of('A', 'E'), vr_of('A', 'S'), vr_of('A', 'T'), vr_of('C', 'S'),
                            vr_of('D', 'A'), vr_of('D', 'S'), vr_of('D', 'T'), vr_of('F', 'D'),
                            vr_of('F', 'L'), vr_of('I', 'S'), vr_of('L', 'O'), vr_of('L', 'T'),
                            vr_of('P', 'N'), vr_of('S', 'H'), vr_of('S', 'L'), vr_of('S', 'S'),
                            vr_of('S', 'T'), vr_of('T', 'M'), vr_of('U', 'I'), vr_of('U', 'L'),
                            vr_of('U', 'S')};

bool contains(const auto& list, Vr vr) {
  return std::find(std::begin(list), std::end(list), vr) != std::end(list);
}

Vr vr_at(Bytes bytes, std::size_t at) { return static_cast<Vr>(unsigned_at(bytes, at, 2, true)); }

bool is_known_vr(Vr vr) { return contains(kLongVrs, vr) || contains(kShortVrs, vr); }

struct Encoding {
  bool explicit_vr = true;
  bool big_endian = false;
};

struct Head {
  Tag tag = 0;
  Vr vr = 0;  // 0 in implicit encoding and for delimiters
  std::uint32_t length = 0;
  std::size_t value_at = 0;
};

class Parser {
 public:
  Parser(Bytes bytes, Extent extent, const std::string& name)
      : bytes_(bytes), extent_(extent), name_(name) {}

  // Elements of group 0002 from `at`; returns where they end.
  std::size_t parse_meta(std::size_t at, std::string& transfer_syntax) {
    const Encoding encoding;
    while (bytes_.size() - at >= 8 && unsigned_at(bytes_, at, 2, false) == 2) {
      const Head head = head_at(at, bytes_.size(), encoding);
      const std::size_t end = value_end(head, bytes_.size());
      if (head.tag == tag::kTransferSyntaxUid) {
        Item item;
        item.elements.push_back(
            {head.tag, head.vr, false, bytes_.subspan(head.value_at, head.length), {}});
        transfer_syntax = text_of(item, head.tag);
      }
      at = end;
    }
    return at;
  }

  void parse_root(std::size_t at, Encoding encoding, DataSet& data) {
    while (at < bytes_.size()) {
      const Head head = head_at(at, bytes_.size(), encoding);
      if (head.tag == tag::kPixelData || head.tag == tag::kFloatPixelData ||
          head.tag == tag::kDoubleFloatPixelData) {
        parse_pixels(head, data);
        return;
      }
      at = parse_element(head, bytes_.size(), encoding, 0, &data.root);
    }
  }

  // Where the pixels end, whether or not they are there; absent where there are none, or in
  // fragments.
  std::optional<std::uint64_t> pixels_end() const { return pixels_end_; }

 private:
  [[noreturn]] void fail(std::size_t at, const std::string& what) const {
    throw Error(ErrorCode::bad_format, fmt::format("{}: {} at byte {}", name_, what, at));
  }

  Head head_at(std::size_t at, std::size_t end, Encoding encoding) const {
    if (end - at < 8) fail(at, "the file is truncated");
    Head head;
    const std::uint64_t group = unsigned_at(bytes_, at, 2, encoding.big_endian);
    head.tag = static_cast<Tag>(group << 16 | unsigned_at(bytes_, at + 2, 2, encoding.big_endian));
    const bool delimiter = group == 0xfffe;
    if (encoding.explicit_vr && !delimiter) {
      const Vr vr = vr_at(bytes_, at + 4);
      if (contains(kShortVrs, vr)) {
        head.vr = vr;
        head.length =
            static_cast<std::uint32_t>(unsigned_at(bytes_, at + 6, 2, encoding.big_endian));
        head.value_at = at + 8;
        return head;
      }
      const auto is_letter = [](unsigned value) { return value >= 'A' && value <= 'Z'; };
      // Kinds that are invented later have the long form, says the standard.
      if (contains(kLongVrs, vr) || (is_letter(vr >> 8) && is_letter(vr & 0xff))) {
        if (end - at < 12) fail(at, "the file is truncated");
        head.vr = contains(kLongVrs, vr) ? vr : kUn;
        head.length =
            static_cast<std::uint32_t>(unsigned_at(bytes_, at + 8, 4, encoding.big_endian));
        head.value_at = at + 12;
        return head;
      }
      // Neither: writers exist that forget the kind of some elements.
    }
    head.length = static_cast<std::uint32_t>(unsigned_at(bytes_, at + 4, 4, encoding.big_endian));
    head.value_at = at + 8;
    return head;
  }

  std::size_t value_end(const Head& head, std::size_t end) const {
    if (head.length == kUndefinedLength) {
      fail(head.value_at,
           fmt::format("element ({:04x},{:04x}) has no length", head.tag >> 16, head.tag & 0xffff));
    }
    if (head.length > end - head.value_at) {
      fail(head.value_at,
           fmt::format("element ({:04x},{:04x}) claims {} bytes where {} are left: truncated or "
                       "damaged",
                       head.tag >> 16, head.tag & 0xffff, head.length, end - head.value_at));
    }
    return head.value_at + head.length;
  }

  // `out` is null where nothing is kept. Returns where the next element begins.
  std::size_t parse_element(const Head& head, std::size_t end, Encoding encoding, int depth,
                            Item* out) {
    const Vr known = out == nullptr ? Vr{0} : known_vr(head.tag);
    Vr vr = head.vr;
    if (vr == 0 || vr == kUn) vr = known == 0 ? kUn : known;
    const bool undefined = head.length == kUndefinedLength;
    const bool sequence = vr == kSq && (known == 0 || known == kSq);
    if (sequence || undefined) {
      if (!undefined && known == 0) return value_end(head, end);
      // Of unknown kind and without a length: implicit, whatever the file is (CP-246).
      if (head.vr == kUn) encoding = {false, false};
      if (vr != kSq && head.vr != 0 && head.vr != kUn) return skip_fragments(head, end, encoding);
      Element element{head.tag, kSq, encoding.big_endian, {}, {}};
      const std::size_t next =
          parse_items(head, end, encoding, depth, known == 0 ? nullptr : &element);
      if (known != 0) out->elements.push_back(std::move(element));
      return next;
    }
    const std::size_t next = value_end(head, end);
    if (known != 0 && known != kSq) {
      out->elements.push_back(
          {head.tag, vr, encoding.big_endian, bytes_.subspan(head.value_at, head.length), {}});
    }
    return next;
  }

  std::size_t parse_items(const Head& sequence, std::size_t end, Encoding encoding, int depth,
                          Element* out) {
    if (depth >= kDepthMax) fail(sequence.value_at, "sequences are nested too deep");
    const bool undefined = sequence.length == kUndefinedLength;
    const std::size_t sequence_end = undefined ? end : value_end(sequence, end);
    std::size_t at = sequence.value_at;
    while (undefined || at < sequence_end) {
      const Head head = head_at(at, sequence_end, encoding);
      if (head.tag == tag::kSequenceEnd) {
        if (undefined) return head.value_at;
        at = head.value_at;
        continue;
      }
      if (head.tag != tag::kItem) fail(at, "a sequence holds something that is no item");
      if (++items_ > kItemsMax) {
        throw Error(ErrorCode::limit, fmt::format("{}: more than {} items", name_, kItemsMax));
      }
      Item* item = nullptr;
      if (out != nullptr) item = &out->items.emplace_back();
      at = parse_item(head, sequence_end, encoding, depth, item);
    }
    return sequence_end;
  }

  std::size_t parse_item(const Head& item, std::size_t end, Encoding encoding, int depth,
                         Item* out) {
    const bool undefined = item.length == kUndefinedLength;
    const std::size_t item_end = undefined ? end : value_end(item, end);
    if (!undefined && out == nullptr) return item_end;
    std::size_t at = item.value_at;
    while (undefined || at < item_end) {
      const Head head = head_at(at, item_end, encoding);
      if (head.tag == tag::kItemEnd) return undefined ? head.value_at : item_end;
      at = parse_element(head, item_end, encoding, depth + 1, out);
    }
    return item_end;
  }

  std::size_t skip_fragments(const Head& head, std::size_t end, Encoding encoding) const {
    std::size_t at = head.value_at;
    while (true) {
      const Head item = head_at(at, end, encoding);
      if (item.tag == tag::kSequenceEnd) return item.value_at;
      if (item.tag != tag::kItem) fail(at, "encapsulated data hold something that is no fragment");
      at = value_end(item, end);
    }
  }

  void parse_pixels(const Head& head, DataSet& data) {
    PixelElement pixels;
    pixels.tag = head.tag;
    pixels.vr = head.vr;
    pixels.encapsulated = head.length == kUndefinedLength;
    if (!pixels.encapsulated) pixels_end_ = std::uint64_t{head.value_at} + head.length;
    if (extent_ == Extent::header_only) {
      data.pixels = std::move(pixels);
      return;
    }
    if (!pixels.encapsulated) {
      value_end(head, bytes_.size());
      pixels.value = bytes_.subspan(head.value_at, head.length);
      data.pixels = std::move(pixels);
      return;
    }
    const Encoding encoding{true, data.big_endian};
    std::size_t at = head.value_at;
    bool first = true;
    while (true) {
      const Head item = head_at(at, bytes_.size(), encoding);
      if (item.tag == tag::kSequenceEnd) break;
      if (item.tag != tag::kItem) fail(at, "the pixel data hold something that is no fragment");
      at = value_end(item, bytes_.size());
      const Bytes fragment = bytes_.subspan(item.value_at, item.length);
      if (first) {
        pixels.offset_table = fragment;
      } else {
        pixels.fragments.push_back(fragment);
      }
      first = false;
    }
    data.pixels = std::move(pixels);
  }

  Bytes bytes_;
  Extent extent_;
  const std::string& name_;
  std::size_t items_ = 0;
  std::optional<std::uint64_t> pixels_end_;
};

bool has_preamble(Bytes file) {
  return file.size() >= kPreambleBytes + 4 &&
         std::memcmp(file.data() + kPreambleBytes, "DICM", 4) == 0;
}

// How the elements from `at` look, whatever the file says of them.
std::optional<Encoding> encoding_seen(Bytes bytes, std::size_t at) {
  if (bytes.size() < at || bytes.size() - at < 8) return std::nullopt;
  Encoding encoding;
  encoding.big_endian = unsigned_at(bytes, at, 2, false) > 0xff && bytes[at] == std::byte{0};
  encoding.explicit_vr = is_known_vr(vr_at(bytes, at + 4));
  return encoding;
}

// What the elements of a deflated file need, and little more: a stream that goes on and on
// behind them, or announces what it cannot hold, is refused before it is inflated.
std::vector<std::byte> inflate_elements(Bytes stream, Extent extent, const std::string& name) {
  const auto refuse = [&](ErrorCode code, const std::string& what) {
    throw Error(code, fmt::format("{}: {}", name, what));
  };
  std::optional<std::uint64_t> end;
  Inflated front;
  for (std::size_t bytes = kInflatedFrontMin; !end; bytes *= 2) {
    front = inflate_front(stream, bytes, name);
    if (front.end != InflateEnd::full) break;
    DataSet seen;
    Parser parser(front.bytes, Extent::header_only, name);
    try {
      parser.parse_root(0, Encoding{}, seen);
    } catch (const Error&) {
      // An element is cut, or damaged: with more bytes the last parser will tell which.
    }
    if (seen.pixels && seen.pixels->encapsulated) break;
    end = parser.pixels_end();
    if (!end && bytes >= kInflatedFrontMax) {
      refuse(ErrorCode::limit,
             fmt::format("deflated data grow beyond {} bytes without pixels", kInflatedFrontMax));
    }
  }
  if (end && extent == Extent::whole) {
    if (*end > kInflatedBytesMax) {
      refuse(ErrorCode::limit,
             fmt::format("deflated data of {} bytes; the limit is {}", *end, kInflatedBytesMax));
    }
    if (*end / kDeflateRatioMax > stream.size()) {
      refuse(ErrorCode::bad_format, fmt::format("{} bytes are announced; {} deflated bytes cannot "
                                                "hold them",
                                                *end, stream.size()));
    }
    front = inflate_front(stream, static_cast<std::size_t>(*end) + kPaddingBytesMax, name);
    if (front.end == InflateEnd::full) {
      refuse(ErrorCode::bad_format, "inflates far beyond its last element");
    }
  }
  if (front.end == InflateEnd::cut && extent == Extent::whole) {
    refuse(ErrorCode::bad_format, "the deflated data are truncated");
  }
  return std::move(front.bytes);
}

}  // namespace

const Element* Item::find(Tag tag) const noexcept {
  for (const Element& element : elements) {
    if (element.tag == tag) return &element;
  }
  return nullptr;
}

bool looks_like_dicom(Bytes file) noexcept {
  if (has_preamble(file)) return true;
  if (file.size() < 16) return false;
  // Files without a preamble begin with group 0002 or 0008, in ascending order.
  const std::optional<Encoding> encoding = encoding_seen(file, 0);
  const std::uint64_t group = unsigned_at(file, 0, 2, encoding->big_endian);
  const std::uint64_t element = unsigned_at(file, 2, 2, encoding->big_endian);
  if ((group != 2 && group != 8) || element > 0x18) return false;
  if (encoding->explicit_vr) return true;
  return group == 8 && unsigned_at(file, 4, 4, encoding->big_endian) <= 256;
}

DataSet parse(Bytes file, Extent extent, const std::string& name) {
  if (file.size() > limits::kSourceFileBytesMax) {
    throw Error(ErrorCode::limit, fmt::format("{}: the file is too large", name));
  }
  if (!looks_like_dicom(file)) {
    throw Error(ErrorCode::bad_format, fmt::format("{}: no DICOM file", name));
  }
  DataSet data;
  std::size_t at = has_preamble(file) ? kPreambleBytes + 4 : 0;
  at = Parser(file, extent, name).parse_meta(at, data.transfer_syntax);
  constexpr const char* kImplicit = "1.2.840.10008.1.2";
  constexpr const char* kDeflated = "1.2.840.10008.1.2.1.99";
  constexpr const char* kBigEndian = "1.2.840.10008.1.2.2";
  Bytes bytes = file;
  if (data.transfer_syntax == kDeflated) {
    data.inflated = inflate_elements(file.subspan(at), extent, name);
    bytes = data.inflated;
    at = 0;
  }
  const std::optional<Encoding> seen = encoding_seen(bytes, at);
  if (!seen) {
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: the file is truncated at byte {}", name, at));
  }
  Encoding encoding = *seen;
  if (data.transfer_syntax.empty()) {
    data.transfer_syntax = encoding.big_endian    ? kBigEndian
                           : encoding.explicit_vr ? "1.2.840.10008.1.2.1"
                                                  : kImplicit;
  } else {
    encoding.big_endian = data.transfer_syntax == kBigEndian;
  }
  data.big_endian = encoding.big_endian;
  Parser(bytes, extent, name).parse_root(at, encoding, data);
  return data;
}

}  // namespace slicebank::dicom::internal
