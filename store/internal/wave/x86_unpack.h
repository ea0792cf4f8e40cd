// Packed tiles to residuals, for x86. Included inside a namespace of each kernel file, after
// x86_lanes.h.

template <class PixelType>
struct TileUnpacker {
  using Pixel = PixelType;
  using L = Lanes<Pixel>;

  static void put(Pixel* scratch, int index, __m128i bytes) {
    // Sixteen residuals of 8 bits: one step of 8-bit pixels, two of 16-bit ones.
    if constexpr (sizeof(Pixel) == 1) {
      store(scratch + 16 * index, bytes);
    } else {
      store(scratch + 16 * index, _mm_cvtepi8_epi16(bytes));
      store(scratch + 16 * index + 8, _mm_cvtepi8_epi16(_mm_srli_si128(bytes, 8)));
    }
  }

  static const Pixel* unpack_plain(Kind kind, const std::uint8_t* coded, InverseJob<Pixel>& job,
                                   PlaneCursor<Pixel>& cursor, Pixel* scratch) {
    switch (kind) {
      case Kind::full:
        return unpack_full(coded, job, scratch);
      case Kind::nibble:
        unpack_nibbles(coded, scratch);
        return scratch;
      case Kind::crumb:
        unpack_crumbs(coded, scratch);
        return scratch;
      case Kind::nibble_raw2:
        unpack_raw2(coded, cursor.raw2, scratch);
        cursor.raw2 += 4 * L::kCount;
        return scratch;
      case Kind::nibble_raw4:
        unpack_raw4(coded, cursor.raw4, scratch);
        cursor.raw4 += 8 * L::kCount;
        return scratch;
    }
    return scratch;
  }

  static __m128i unfold(__m128i folded) {
    const __m128i odd = _mm_and_si128(folded, _mm_set1_epi16(1));
    return _mm_xor_si128(_mm_srli_epi16(folded, 1), _mm_sub_epi16(_mm_setzero_si128(), odd));
  }

  static const Pixel* unpack_full(const std::uint8_t* coded, InverseJob<Pixel>& job,
                                  Pixel* scratch) {
    if constexpr (sizeof(Pixel) == 1) {
      return coded;
    } else {
      const __m128i escape = _mm_set1_epi8(-1);
      for (int i = 0; i < 8; ++i) {
        const __m128i symbols = load(coded + 16 * i);
        const __m128i is_escape = _mm_cmpeq_epi8(symbols, escape);
        __m128i low = _mm_cvtepu8_epi16(symbols);
        __m128i high = _mm_unpackhi_epi8(symbols, _mm_setzero_si128());
        const std::uint32_t escapes = Lanes<std::uint8_t>::mask(is_escape);
        if (escapes != 0) {
          low = put_escapes(low, _mm_unpacklo_epi8(is_escape, is_escape), escapes & 255, job);
          high = put_escapes(high, _mm_unpackhi_epi8(is_escape, is_escape), escapes >> 8, job);
        }
        store(scratch + 16 * i, unfold(low));
        store(scratch + 16 * i + 8, unfold(high));
      }
      return scratch;
    }
  }

  // The next escapes in the lanes that are marked. Reads eight of them, which the slack
  // behind the stream allows.
  static __m128i put_escapes(__m128i folded, __m128i lanes, std::uint32_t mask,
                             InverseJob<Pixel>& job) {
    const __m128i next =
        _mm_unpacklo_epi8(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(job.escapes_low)),
                          _mm_loadl_epi64(reinterpret_cast<const __m128i*>(job.escapes_high)));
    const int count = __builtin_popcount(mask);
    job.escapes_low += count;
    job.escapes_high += count;
    const __m128i spread = _mm_shuffle_epi8(next, load(kMaskTables.spread_pairs[~mask & 255]));
    return _mm_blendv_epi8(folded, spread, lanes);
  }

  // The residual of a nibble or crumb symbol.
  static __m128i narrow_residual(__m128i symbols, int bias) {
    if constexpr (sizeof(Pixel) == 1) {
      return _mm_sub_epi8(symbols, _mm_set1_epi8(static_cast<char>(bias)));
    } else {
      const __m128i unfolded =
          _mm_setr_epi8(0, -1, 1, -2, 2, -3, 3, -4, 4, -5, 5, -6, 6, -7, 7, -8);
      return _mm_shuffle_epi8(unfolded, symbols);
    }
  }

  // Puts the four vectors that one packed vector of crumbs gives. With 16-bit pixels such a
  // vector holds two groups of four steps, eight lanes each.
  static void put_four(Pixel* scratch, int index, const __m128i* bytes) {
    if constexpr (sizeof(Pixel) == 1) {
      for (int j = 0; j < 4; ++j) put(scratch, 4 * index + j, bytes[j]);
    } else {
      put(scratch, 4 * index, _mm_unpacklo_epi64(bytes[0], bytes[1]));
      put(scratch, 4 * index + 1, _mm_unpacklo_epi64(bytes[2], bytes[3]));
      put(scratch, 4 * index + 2, _mm_unpackhi_epi64(bytes[0], bytes[1]));
      put(scratch, 4 * index + 3, _mm_unpackhi_epi64(bytes[2], bytes[3]));
    }
  }

  // The same for the two vectors of packed nibbles.
  static void put_two(Pixel* scratch, int index, __m128i even, __m128i odd) {
    if constexpr (sizeof(Pixel) == 1) {
      put(scratch, 2 * index, even);
      put(scratch, 2 * index + 1, odd);
    } else {
      put(scratch, 2 * index, _mm_unpacklo_epi64(even, odd));
      put(scratch, 2 * index + 1, _mm_unpackhi_epi64(even, odd));
    }
  }

  static void unpack_nibbles(const std::uint8_t* coded, Pixel* scratch) {
    const __m128i low = _mm_set1_epi8(15);
    for (int i = 0; i < L::kCount / 2; ++i) {
      const __m128i packed = load(coded + 16 * i);
      put_two(scratch, i, narrow_residual(_mm_and_si128(packed, low), 8),
              narrow_residual(_mm_and_si128(_mm_srli_epi16(packed, 4), low), 8));
    }
  }

  static void unpack_crumbs(const std::uint8_t* coded, Pixel* scratch) {
    const __m128i low = _mm_set1_epi8(3);
    for (int i = 0; i < L::kCount / 4; ++i) {
      __m128i packed = load(coded + 16 * i);
      __m128i steps[4];
      for (__m128i& step : steps) {
        step = narrow_residual(_mm_and_si128(packed, low), 2);
        packed = _mm_srli_epi16(packed, 2);
      }
      put_four(scratch, i, steps);
    }
  }

  static void unpack_raw2(const std::uint8_t* coded, const std::uint8_t* raw, Pixel* scratch) {
    const __m128i low = _mm_set1_epi8(3);
    const __m128i high = _mm_set1_epi8(0x3c);
    const __m128i bias = _mm_set1_epi8(32);
    for (int i = 0; i < L::kCount / 4; ++i) {
      __m128i extra = load(raw + 16 * i);
      __m128i first = load(coded + 32 * i);
      __m128i second = load(coded + 32 * i + 16);
      if constexpr (sizeof(Pixel) == 2) {
        // Four steps of eight lanes lie side by side: bring equal steps together.
        const __m128i even_groups = _mm_unpacklo_epi64(first, second);
        second = _mm_unpackhi_epi64(first, second);
        first = even_groups;
      }
      __m128i steps[4];
      for (int j = 0; j < 4; ++j) {
        const __m128i packed = j < 2 ? first : second;
        const __m128i nibble =
            _mm_and_si128(j % 2 == 0 ? _mm_slli_epi16(packed, 2) : _mm_srli_epi16(packed, 2), high);
        steps[j] = _mm_sub_epi8(_mm_or_si128(nibble, _mm_and_si128(extra, low)), bias);
        extra = _mm_srli_epi16(extra, 2);
      }
      put_four(scratch, i, steps);
    }
  }

  static void unpack_raw4(const std::uint8_t* coded, const std::uint8_t* raw, Pixel* scratch) {
    const __m128i low = _mm_set1_epi8(15);
    const __m128i flip = _mm_set1_epi8(-128);
    for (int i = 0; i < L::kCount / 2; ++i) {
      const __m128i packed = load(coded + 16 * i);
      const __m128i extra = load(raw + 16 * i);
      const __m128i even =
          _mm_or_si128(_mm_slli_epi16(_mm_and_si128(packed, low), 4), _mm_and_si128(extra, low));
      const __m128i odd =
          _mm_or_si128(_mm_andnot_si128(low, packed), _mm_and_si128(_mm_srli_epi16(extra, 4), low));
      put_two(scratch, i, _mm_xor_si128(even, flip), _mm_xor_si128(odd, flip));
    }
  }
};
