// npy, numpy's file of one array, both directions, from and to memory. Any thread.
//
// Format versions 1 to 3. Whatever numpy wrote comes out in C order and little-endian.
// Only numbers and booleans are read: object arrays (pickle), structured ones, text, dates
// and complex numbers are refused by name, and nothing is ever unpickled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "formats/array.h"
#include "schema/sample.h"

namespace slicebank::npy {

// What the file says before its numbers begin.
struct Header {
  ElementType type = ElementType::u8;
  bool big_endian = false;
  bool fortran_order = false;        // the first axis is the fastest in the file
  std::vector<std::uint64_t> shape;  // of the array; empty for a 0-d one
  std::size_t header_bytes = 0;      // the numbers begin here
  std::uint64_t data_bytes = 0;      // what they need
};

// No header is longer than this.
inline constexpr std::size_t kHeaderBytesMax = 65'536;

bool is_npy(Bytes file);

// `begin` is the beginning of the file: kHeaderBytesMax bytes, or all of a shorter one. Says
// nothing on whether the numbers follow, nor whether there is room for them. Throws
// Error(bad_format), beginning with `name`, for a type that is not read too.
Header read_header(Bytes begin, const std::string& name);

// Numbers as they lie in the file, turned to C order and little-endian; a boolean that is
// neither 0 nor 1 becomes 1. data.size() == header.data_bytes.
Array to_array(const Header& header, std::vector<std::byte> data);

// Throws Error(bad_format) or Error(limit), beginning with `name`; a truncated file is an
// error. Bytes behind the array are left alone, as numpy does it.
Array decode(Bytes file, const std::string& name);

// Format 1.0, padded as numpy pads. Throws Error(bad_argument) when data and shape disagree.
std::vector<std::byte> encode(const Array& array);

// Everything before the numbers. `descr` is numpy's: "<u2".
std::string encode_header(const std::string& descr, const std::vector<std::uint64_t>& shape);

}  // namespace slicebank::npy
