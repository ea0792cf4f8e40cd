// The image codecs that record_bench compares, each behind the same two calls.
//
// Every function may throw std::exception. `image` of decode() has its shape set and its
// bytes sized; they are overwritten.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::bench {

struct Codec {
  std::string name;
  std::function<bool(const ImageShape&)> takes;
  std::function<std::vector<std::byte>(const Image&)> encode;
  std::function<void(const std::vector<std::byte>&, Image&)> decode;
  // Bytes of what encode() gives that are not the image's own, and are not counted.
  std::function<std::size_t(const Image&)> around{};
};

Codec png_codec();             // libpng, level 6, all filters
Codec zstd_codec();            // zstd level 3 of the raw bytes
Codec wave_codec(int effort);  // the image section alone: 1 fast, 2 balanced, 3 small
// What a record's image section holds, whichever codec won; efforts as above.
Codec image_codec(int effort);
std::string wave_kernels();

// A whole record at default effort, hashes checked when it is read: all of its bytes. Tiny
// images get a dictionary trained on `images`, as an import trains it on its first ones;
// for them there is a second row that leaves out header and meta section.
std::vector<Codec> record_codecs(const std::vector<Image>& images);

// Binary masks and label maps as a record keeps them, one mask a value: what a record with
// them has more than one without.
Codec mask_codec();

// JPEG-LS by CharLS; nothing when the build has it not.
std::vector<Codec> jpegls_codec();
// The prototype that the wave codec was designed from; nothing when it is not there.
std::vector<Codec> prototype_codec();

}  // namespace slicebank::bench
