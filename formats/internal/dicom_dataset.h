// The elements of one DICOM file as a tree that points into the file's bytes.
//
// Only elements on the list of dicom_tags.h are kept. Memory follows what is in the file:
// an element takes at least 8 bytes there and less than 100 here. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/internal/dicom_tags.h"
#include "schema/sample.h"

namespace slicebank::dicom::internal {

struct Element;

// An item of a sequence, or the data set itself.
struct Item {
  std::vector<Element> elements;

  const Element* find(Tag tag) const noexcept;  // null when it is not there
};

struct Element {
  Tag tag = 0;
  Vr vr = 0;
  bool big_endian = false;
  Bytes value;              // empty for a sequence
  std::vector<Item> items;  // of a sequence
};

// Where the pixels are: one value, or the fragments of an encapsulated one.
struct PixelElement {
  Tag tag = 0;  // kPixelData, kFloatPixelData or kDoubleFloatPixelData
  Vr vr = 0;
  bool encapsulated = false;
  Bytes value;
  Bytes offset_table;  // the first item of an encapsulated value
  std::vector<Bytes> fragments;
};

struct DataSet {
  std::string transfer_syntax;  // as the file says, or as its first bytes look
  bool big_endian = false;
  Item root;
  std::optional<PixelElement> pixels;
  std::vector<std::byte> inflated;  // what the elements point into in a deflated file
};

enum class Extent { whole, header_only };  // header_only stops where pixel data begins

bool looks_like_dicom(Bytes file) noexcept;

// The elements point into `file` (or into DataSet::inflated, which moves with the
// DataSet). Throws Error(bad_format) or Error(limit), beginning with `name`.
DataSet parse(Bytes file, Extent extent, const std::string& name);

// --- values ---------------------------------------------------------------------------
// An element that is missing, empty or unreadable is absent: most of DICOM is optional.

// Raw, trimmed of spaces and NULs at both ends; for UIDs and codes in plain ASCII.
std::string text_of(const Item& item, Tag tag);
std::vector<std::string> texts_of(const Item& item, Tag tag);  // split at "\"

// Any numeric kind: text, integers, floats. Values that are not finite are left out.
std::optional<double> number_of(const Item& item, Tag tag);
std::vector<double> numbers_of(const Item& item, Tag tag);
std::optional<std::int64_t> integer_of(const Item& item, Tag tag);

// The items of a sequence; an empty list when there is none.
const std::vector<Item>& items_of(const Item& item, Tag tag) noexcept;

// The first item of a sequence, or null.
const Item* first_item(const Item* item, Tag tag) noexcept;

}  // namespace slicebank::dicom::internal
