// zstd dictionaries for tiny images (docs/format-record.md, "Dictionaries").
//
// A dictionary serves one (dataset, width, height, channels). It is stored in the
// catalog before the first record that names it and never changes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "schema/sample.h"
#include "store/record.h"

namespace slicebank {

class Dictionary {
 public:
  // Takes the trained bytes; digests them once for decoding and for encoding.
  // Throws Error(corrupt) when they are no zstd dictionary.
  static std::shared_ptr<const Dictionary> load(std::uint32_t id, std::vector<std::byte> bytes);

  // Trains on images of one shape, as codec.md "tiny" says: on the transformed bytes.
  // Nothing when there are fewer than 200, or when training finds nothing to learn.
  static std::shared_ptr<const Dictionary> train(std::uint32_t id,
                                                 const std::vector<Image>& images);

  // Whether images of this shape are coded as tiny ones, so that training may help.
  static bool suits(const ImageShape& shape) noexcept;

  std::uint32_t id() const noexcept;  // > 0
  Bytes bytes() const noexcept;

  struct Digested;
  const Digested& digested() const noexcept;  // for store/internal

  Dictionary(std::uint32_t id, std::vector<std::byte> bytes, std::unique_ptr<Digested> digested);
  ~Dictionary();
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;

 private:
  std::uint32_t id_;
  std::vector<std::byte> bytes_;
  std::unique_ptr<Digested> digested_;
};

}  // namespace slicebank
