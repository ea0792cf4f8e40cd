// npz (numpy's zip of arrays), read member by member; npz.h writes them. One thread a reader.
//
// The directory is read first, so that any member can be had without the others, and a
// member's type and shape without inflating it. Members that no array of numbers can come
// from (object arrays, text, files that are no npy) are listed with the reason, and refused
// only when they are asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "formats/array.h"
#include "formats/byte_source.h"
#include "schema/sample.h"

namespace slicebank {

struct NpzMember {
  std::string key;  // as numpy gives it: the file's name without one ".npy"; may hold "/"
  ElementType type = ElementType::u8;
  std::vector<std::uint64_t> shape;
  bool fortran_order = false;
  std::string refused;  // why it cannot be read; empty for a good one
};

// A walk along the leading axis of one member.
class NpzRows {
 public:
  ~NpzRows();
  NpzRows(NpzRows&&) noexcept;
  NpzRows& operator=(NpzRows&&) noexcept;

  std::uint64_t row() const noexcept;   // the one that comes next
  std::uint64_t rows() const noexcept;  // in all
  std::size_t row_bytes() const noexcept;

  // The next row as an array of its own (shape without the leading axis), C order and
  // little-endian. row() < rows(). Throws Error(bad_format) for a damaged member. The
  // checksum is over the whole member: where it is wrong, the last row is what throws.
  Array next();

  // Steps over `count` rows, which must be there. A deflated member is inflated on the way.
  void skip(std::uint64_t count);

 private:
  friend class NpzReader;
  struct State;
  explicit NpzRows(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

class NpzReader {
 public:
  // Borrows `file`. `name` begins every message. Throws Error(bad_format) or Error(limit)
  // when it is no zip, and for two members of one key.
  NpzReader(Bytes file, std::string name);

  // The same from disk, with bounded memory: see SourceTree::open().
  NpzReader(std::unique_ptr<const ByteSource> file, std::string name);

  ~NpzReader();
  NpzReader(NpzReader&&) noexcept;
  NpzReader& operator=(NpzReader&&) noexcept;

  const std::vector<NpzMember>& members() const noexcept;  // in the order of the file
  const NpzMember* find(const std::string& key) const noexcept;

  // A whole member. Throws Error(not_found) for a key that is not there, Error(bad_format)
  // for one that is refused or damaged, Error(limit) beyond limits::kVolumeElementsMax.
  Array read(const std::string& key) const;

  // For members that are too large to hold. One row must stay within kVolumeElementsMax;
  // the rows together need not. Error(bad_format) too for a 0-d array, rows of nothing, and
  // Fortran order, whose rows are scattered over the whole member. The reader outlives the walk.
  NpzRows rows(const std::string& key) const;

  // Calls `row` for rows [first, first + count) of a member, in order.
  void for_each_row(const std::string& key, std::uint64_t first, std::uint64_t count,
                    const std::function<void(std::uint64_t index, const Array& row)>& row) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slicebank
