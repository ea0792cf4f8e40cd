// zstd frames, for the codecs. The only file pair that includes <zstd.h>.
//
// Contexts are kept per thread, so every function is safe from many threads and costs no
// set-up. Errors of ours are asserted; a damaged frame is Error(corrupt).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "schema/sample.h"

namespace slicebank::zstd {

// Both halves of a dictionary, digested once. Immutable; safe from many threads.
class DigestedDictionary {
 public:
  // Error(corrupt) when the bytes are no dictionary.
  explicit DigestedDictionary(Bytes dictionary);
  ~DigestedDictionary();
  DigestedDictionary(const DigestedDictionary&) = delete;
  DigestedDictionary& operator=(const DigestedDictionary&) = delete;

  struct Handles;
  const Handles& handles() const { return *handles_; }

 private:
  std::unique_ptr<Handles> handles_;
};

struct FrameOptions {
  int level = 3;
  // Shortest match that is looked for; 0 leaves it to the level. Longer ones decode faster.
  int least_match = 0;
  // Entropy-codes every byte and looks for no repeats: codec.md 3.8. `level` is ignored.
  bool huffman_only = false;
  // Leaves out magic, content size, checksum and dictionary id; the reader knows them.
  bool magicless = false;
  // Magicless frames only; `level` is then 1 or 19, anything below 19 counting as 1.
  const DigestedDictionary* dictionary = nullptr;
};

// Appends one frame that holds `source`; returns its size in bytes.
std::size_t append_frame(Bytes source, const FrameOptions& options, std::vector<std::byte>& out);

// Decompresses frames that lie back to back (each with magic and content size) in one
// call. Error(corrupt) unless they give exactly out.size() bytes and end exactly.
void decompress_frames(Bytes frames, MutableBytes out);

// One magicless frame that gives exactly out.size() bytes.
void decompress_magicless(Bytes frame, const DigestedDictionary* dictionary, MutableBytes out);

// The same into the front of a larger room, whose rest zstd may use as it works: faster
// than an exact fit when 256 KB or more are left over. Anything behind `size` is garbage.
void decompress_magicless_front(Bytes frame, std::size_t size, MutableBytes room);

// Size in bytes of the frame that begins at `bytes`, and of its content. Nothing when it
// is no plain frame with magic and content size and without dictionary id, or is cut off.
struct FrameSize {
  std::size_t compressed = 0;
  std::uint64_t content = 0;
};
std::optional<FrameSize> frame_size(Bytes bytes);

// Trains a dictionary of at most `capacity` bytes on samples that lie back to back, each
// `sample_size` long. Empty when zstd finds nothing to learn.
std::vector<std::byte> train_dictionary(Bytes samples, std::size_t sample_size,
                                        std::size_t capacity);

// Version of the library that is linked: 10504 is 1.5.4.
unsigned library_version();

}  // namespace slicebank::zstd
