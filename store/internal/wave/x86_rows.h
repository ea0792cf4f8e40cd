// Finished rows to the caller's pixels, for x86. Included inside a namespace of each kernel
// file, after x86_lanes.h.

template <class PixelType>
struct RowWriter {
  using Pixel = PixelType;
  using L = Lanes<Pixel>;

  // A row is at least 48 pixels. Source rows may be read past their
  // end, targets may not be written past theirs: the last vector overlaps the one before.

  static void row_single(const Output<Pixel>& out, const Pixel* row, std::uint32_t width,
                         std::byte* target) {
    if constexpr (sizeof(Pixel) == 1) {
      if (out.value_of_rank != nullptr) {
        row_of_ranks(out, row, width, reinterpret_cast<std::uint8_t*>(target));
        return;
      }
    }
    const Pixel bias = out.bias_of_plane[0];
    constexpr std::uint32_t kStep = 32 / sizeof(Pixel);
    for (std::uint32_t x = 0; x + kStep < width; x += kStep) {
      add_and_store(target + x * sizeof(Pixel), row + x, bias);
    }
    add_and_store(target + (width - kStep) * sizeof(Pixel), row + (width - kStep), bias);
  }

  static inline __attribute__((always_inline)) void add_and_store(std::byte* to, const Pixel* from,
                                                                  Pixel bias) {
#ifdef __AVX2__
    if constexpr (sizeof(Pixel) == 1) {
      store_wide(to, _mm256_add_epi8(load_wide(from), _mm256_set1_epi8(static_cast<char>(bias))));
    } else {
      store_wide(to,
                 _mm256_add_epi16(load_wide(from), _mm256_set1_epi16(static_cast<short>(bias))));
    }
#else
    const __m128i biases = sizeof(Pixel) == 1 ? _mm_set1_epi8(static_cast<char>(bias))
                                              : _mm_set1_epi16(static_cast<short>(bias));
    store(to, L::add(load(from), biases));
    store(to + 16, L::add(load(from + L::kCount), biases));
#endif
  }

  // Ranks are below 128. In step t the shuffle index, rank - 16 t, has its top bit clear for
  // ranks of table t and above: a value is all the changes up to its own table.
  static void row_of_ranks(const Output<Pixel>& out, const Pixel* row, std::uint32_t width,
                           std::uint8_t* target) {
    std::uint32_t x = 0;
    for (; x + 64 <= width; x += 64) values_of_ranks<64>(out, row + x, target + x);
    for (; x + 32 < width; x += 32) values_of_ranks<32>(out, row + x, target + x);
    values_of_ranks<32>(out, row + width - 32, target + width - 32);
  }

  template <std::uint32_t kCount>
  static inline void values_of_ranks(const Output<Pixel>& out, const Pixel* from,
                                     std::uint8_t* to) {
#ifdef __AVX2__
    constexpr std::uint32_t kVectors = kCount / 32;
    __m256i index[kVectors];
    __m256i values[kVectors];
    __m256i any = _mm256_setzero_si256();
    for (std::uint32_t i = 0; i < kVectors; ++i) {
      index[i] = load_wide(from + 32 * i);
      any = _mm256_or_si256(any, index[i]);
      values[i] = _mm256_setzero_si256();
    }
    if (_mm256_testz_si256(any, any)) {
      const __m256i first = _mm256_set1_epi8(static_cast<char>(out.value_of_rank[0]));
      for (std::uint32_t i = 0; i < kVectors; ++i) store_wide(to + 32 * i, first);
      return;
    }
    for (std::uint32_t table = 0; table < out.rank_tables; ++table) {
      const __m256i changes =
          _mm256_broadcastsi128_si256(load(out.rank_table_changes + 16 * table));
      for (std::uint32_t i = 0; i < kVectors; ++i) {
        values[i] = _mm256_xor_si256(values[i], _mm256_shuffle_epi8(changes, index[i]));
        index[i] = _mm256_sub_epi8(index[i], _mm256_set1_epi8(16));
      }
    }
    for (std::uint32_t i = 0; i < kVectors; ++i) store_wide(to + 32 * i, values[i]);
#else
    for (std::uint32_t i = 0; i < kCount; i += 16) {
      __m128i index = load(from + i);
      __m128i values = _mm_setzero_si128();
      for (std::uint32_t table = 0; table < out.rank_tables; ++table) {
        const __m128i changes = load(out.rank_table_changes + 16 * table);
        values = _mm_xor_si128(values, _mm_shuffle_epi8(changes, index));
        index = _mm_sub_epi8(index, _mm_set1_epi8(16));
      }
      store(to + i, values);
    }
#endif
  }

  static void row_equal(const Output<Pixel>& out, const Pixel* row, std::uint32_t width,
                        std::byte* target) {
    if constexpr (sizeof(Pixel) == 1) {
      if (out.channels == 3) {
        row_thrice(out, row, width, reinterpret_cast<std::uint8_t*>(target));
        return;
      }
    }
    constexpr std::uint32_t kStep = 32;
    Pixel finished[kStep];
    const std::size_t pixel_size = out.channels * sizeof(Pixel);
    for (std::uint32_t x = 0;; x += kStep) {
      if (x + kStep > width) x = width - kStep;
      row_single(out, row + x, kStep, reinterpret_cast<std::byte*>(finished));
      std::byte* to = target + x * pixel_size;
      for (const Pixel value : finished) {
        for (std::uint32_t channel = 0; channel < out.channels; ++channel) {
          std::memcpy(to, &value, sizeof(Pixel));
          to += sizeof(Pixel);
        }
      }
      if (x + kStep == width) break;
    }
  }

  // Gray as three equal channels.
  static void row_thrice(const Output<Pixel>& out, const Pixel* row, std::uint32_t width,
                         std::uint8_t* target) {
    alignas(32) std::uint8_t finished[32];
    const __m128i thirds[3] = {
        _mm_setr_epi8(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5),
        _mm_setr_epi8(5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10),
        _mm_setr_epi8(10, 11, 11, 11, 12, 12, 12, 13, 13, 13, 14, 14, 14, 15, 15, 15)};
    for (std::uint32_t x = 0;; x += 32) {
      if (x + 32 > width) x = width - 32;
      row_single(out, row + x, 32, reinterpret_cast<std::byte*>(finished));
      for (int half = 0; half < 2; ++half) {
        const __m128i values = load(finished + 16 * half);
        for (int third = 0; third < 3; ++third) {
          store(target + 3 * x + 48 * half + 16 * third, _mm_shuffle_epi8(values, thirds[third]));
        }
      }
      if (x + 32 == width) break;
    }
  }

  // Byte 3k + c mod 16 of an output vector belongs to channel c: one shuffle a channel puts
  // every pixel where it goes, and the three outputs pick by position.
  static void row_triple(const Output<Pixel>& out, const Pixel* first, const Pixel* second,
                         const Pixel* third, std::uint32_t width, std::byte* target) {
    if constexpr (sizeof(Pixel) == 1) {
      const std::uint8_t bias = out.bias_of_plane[0];
      for (std::uint32_t x = 0;; x += kTripleStep) {
        if (x + kTripleStep > width) x = width - kTripleStep;
        merge_triple(out.subtract_green, bias, first + x, second + x, third + x,
                     reinterpret_cast<std::uint8_t*>(target) + 3 * x);
        if (x + kTripleStep == width) break;
      }
    }
  }

#ifdef __AVX2__
  static constexpr std::uint32_t kTripleStep = 32;

  static void merge_triple(bool subtract_green, std::uint8_t bias, const std::uint8_t* first,
                           const std::uint8_t* second, const std::uint8_t* third,
                           std::uint8_t* target) {
    const __m256i flip = _mm256_set1_epi8(static_cast<char>(bias));
    __m256i red = load_wide(first);
    __m256i green = load_wide(second);
    __m256i blue = load_wide(third);
    if (subtract_green) {
      const __m256i base = red;
      red = _mm256_add_epi8(green, base);
      blue = _mm256_add_epi8(blue, base);
      green = base;
    }
    const __m256i red_places = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10, 5));
    const __m256i green_places = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10));
    const __m256i blue_places = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(10, 5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15));
    red = _mm256_shuffle_epi8(_mm256_add_epi8(red, flip), red_places);
    green = _mm256_shuffle_epi8(_mm256_add_epi8(green, flip), green_places);
    blue = _mm256_shuffle_epi8(_mm256_add_epi8(blue, flip), blue_places);
    const __m256i at1 = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0));
    const __m256i at2 = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0));
    const auto pick = [&](__m256i a, __m256i b, __m256i c) {
      return _mm256_blendv_epi8(_mm256_blendv_epi8(a, b, at1), c, at2);
    };
    const __m256i one = pick(red, green, blue);
    const __m256i two = pick(green, blue, red);
    const __m256i three = pick(blue, red, green);
    store(target, _mm256_castsi256_si128(one));
    store(target + 16, _mm256_castsi256_si128(two));
    store(target + 32, _mm256_castsi256_si128(three));
    store(target + 48, upper(one));
    store(target + 64, upper(two));
    store(target + 80, upper(three));
  }
#else
  static constexpr std::uint32_t kTripleStep = 16;

  static void merge_triple(bool subtract_green, std::uint8_t bias, const std::uint8_t* first,
                           const std::uint8_t* second, const std::uint8_t* third,
                           std::uint8_t* target) {
    const __m128i flip = _mm_set1_epi8(static_cast<char>(bias));
    __m128i red = load(first);
    __m128i green = load(second);
    __m128i blue = load(third);
    if (subtract_green) {
      const __m128i base = red;
      red = _mm_add_epi8(green, base);
      blue = _mm_add_epi8(blue, base);
      green = base;
    }
    const __m128i red_places = _mm_setr_epi8(0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10, 5);
    const __m128i green_places =
        _mm_setr_epi8(5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10);
    const __m128i blue_places = _mm_setr_epi8(10, 5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15);
    red = _mm_shuffle_epi8(_mm_add_epi8(red, flip), red_places);
    green = _mm_shuffle_epi8(_mm_add_epi8(green, flip), green_places);
    blue = _mm_shuffle_epi8(_mm_add_epi8(blue, flip), blue_places);
    const __m128i at1 = _mm_setr_epi8(0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0);
    const __m128i at2 = _mm_setr_epi8(0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0);
    const auto pick = [&](__m128i a, __m128i b, __m128i c) {
      return _mm_blendv_epi8(_mm_blendv_epi8(a, b, at1), c, at2);
    };
    store(target, pick(red, green, blue));
    store(target + 16, pick(green, blue, red));
    store(target + 32, pick(blue, red, green));
  }
#endif
};
