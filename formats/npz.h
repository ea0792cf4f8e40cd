// npy and npz (numpy's array files), both directions, from and to memory. Any thread.
//
// Object arrays are refused, never unpickled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::npz {

// A C-order, little-endian array. `descr` is numpy's: "|u1", "<i2", "<f8", "|b1".
struct Array {
  std::string descr;
  std::vector<std::uint64_t> shape;  // empty for a 0-d array
  std::vector<std::byte> data;

  std::uint64_t elements() const noexcept;
};

// npy format 1.0 for headers below 64 KiB. Throws Error(bad_argument) when data and shape
// disagree.
std::vector<std::byte> encode_npy(const Array& array);

struct Member {
  std::string key;  // without ".npy"
  Array array;
};

// One zip with deflated members, as numpy.savez_compressed writes it; the time stamp is
// fixed, so the same arrays give the same bytes.
std::vector<std::byte> encode_npz(const std::vector<Member>& members);

}  // namespace slicebank::npz
