// The decoder's inner loops for x86: unpack a tile, 16 steps, finish rows. Included inside
// a namespace of each kernel file, after x86_lanes.h.

template <class PixelType>
struct Ops {
  using Pixel = PixelType;
  using L = Lanes<Pixel>;

  struct State {
    __m128i west;
    __m128i north;
  };

  // --- Plain tiles as residuals.

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
      std::uint32_t escapes[8];
      std::uint32_t any = 0;
      for (int i = 0; i < 8; ++i) {
        const __m128i symbols = load(coded + 16 * i);
        escapes[i] = Lanes<std::uint8_t>::mask(_mm_cmpeq_epi8(symbols, escape));
        any |= escapes[i];
        store(scratch + 16 * i, unfold(_mm_cvtepu8_epi16(symbols)));
        store(scratch + 16 * i + 8, unfold(_mm_unpackhi_epi8(symbols, _mm_setzero_si128())));
      }
      if (any == 0) return scratch;
      for (int i = 0; i < 8; ++i) {
        for (std::uint32_t left = escapes[i]; left != 0; left &= left - 1) {
          const std::uint32_t folded =
              *job.escapes_low++ | static_cast<std::uint32_t>(*job.escapes_high++) << 8;
          scratch[16 * i + __builtin_ctz(left)] =
              static_cast<Pixel>((folded >> 1) ^ (0u - (folded & 1)));
        }
      }
      return scratch;
    }
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
        const __m128i nibble = _mm_and_si128(
            j % 2 == 0 ? _mm_slli_epi16(packed, 2) : _mm_srli_epi16(packed, 2), high);
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
      const __m128i even = _mm_or_si128(_mm_slli_epi16(_mm_and_si128(packed, low), 4),
                                        _mm_and_si128(extra, low));
      const __m128i odd = _mm_or_si128(_mm_andnot_si128(low, packed),
                                       _mm_and_si128(_mm_srli_epi16(extra, 4), low));
      put_two(scratch, i, _mm_xor_si128(even, flip), _mm_xor_si128(odd, flip));
    }
  }

  // --- Steps.

  // Residuals of the pixels of one step that are not flat, spread to their lanes.
  static __m128i spread(const Pixel*& symbols, std::uint32_t flat) {
    const __m128i next = load(symbols);
    const int sent = L::kCount - __builtin_popcount(flat);
    symbols += sent;
    if constexpr (sizeof(Pixel) == 1) {
      const __m128i index = _mm_add_epi8(load(kMaskTables.spread_low[flat & 255]),
                                         load(kMaskTables.spread_high[flat >> 8]));
      return _mm_shuffle_epi8(next, index);
    } else {
      return _mm_shuffle_epi8(next, load(kMaskTables.spread_pairs[flat]));
    }
  }

  // `residuals` of a flat-coded tile are its exceptions.
  template <int kPredictor, bool kFlat, bool kEdge>
  static inline __attribute__((always_inline)) void steps(State& state, const Pixel* residuals,
                                                          const Pixel*& symbols,
                                                          const TileSite<Pixel>& site,
                                                          __m128i* pixels) {
    __m128i west = state.west;
    __m128i north = state.north;
    const Pixel* next = symbols;
    for (int i = 0; i < 16; ++i) {
      __m128i north_west = north;
      north = L::shift_in(west, load(site.above + i - (L::kCount - 1)));
      __m128i first = _mm_setzero_si128();
      if constexpr (kEdge) {
        long x = site.x0 + i;
        if (x >= site.width) x -= site.width;
        if (x < L::kCount) {
          first = first_column<Pixel>(x);
          west = _mm_blendv_epi8(west, north, first);
          north_west = _mm_blendv_epi8(north_west, north, first);
        }
      }
      __m128i residual = load(residuals + i * L::kCount);
      if constexpr (kFlat) {
        __m128i flat = _mm_and_si128(L::equal(west, north), L::equal(north, north_west));
        if constexpr (kEdge) flat = _mm_andnot_si128(first, flat);
        const __m128i base =
            L::add(predict_lanes<L, kPredictor>(west, north, north_west), residual);
        west = L::add(base, spread(next, L::mask(flat)));
      } else {
        west = L::add(predict_lanes<L, kPredictor>(west, north, north_west), residual);
      }
      pixels[i] = west;
    }
    symbols = next;
    state.west = west;
    state.north = north;
  }

  template <bool kFlat, bool kEdge>
  static inline __attribute__((always_inline)) void tile(State& state, std::uint32_t predictor,
                                                         const Pixel* residuals,
                                                         const Pixel*& symbols,
                                                         const TileSite<Pixel>& site) {
    __m128i pixels[16];
    switch (predictor) {
      case 0:
        steps<0, kFlat, kEdge>(state, residuals, symbols, site, pixels);
        break;
      case 1:
        steps<1, kFlat, kEdge>(state, residuals, symbols, site, pixels);
        break;
      case 2:
        steps<2, kFlat, kEdge>(state, residuals, symbols, site, pixels);
        break;
      case 3:
        steps<3, kFlat, kEdge>(state, residuals, symbols, site, pixels);
        break;
      default:
        steps<4, kFlat, kEdge>(state, residuals, symbols, site, pixels);
        break;
    }
    __m128i rows[16];
    transpose(Pixel{}, pixels, rows);
    Pixel* target = site.current + site.x0;
    const long diagonal = site.stride - 1;
    for (long lane = 0; lane < L::kCount; ++lane) put_row(target + lane * diagonal, rows, lane);
    if constexpr (kEdge) {
      if (site.x0 < L::kCount) {  // some lanes are still in the band before
        Pixel* before = site.other + site.width + site.x0;
        for (long lane = site.x0 + 1; lane < L::kCount; ++lane) {
          put_row(before + lane * diagonal, rows, lane);
        }
      }
      if (site.x0 + 16 > site.width) {  // some lanes have begun the next band
        Pixel* after = site.other + site.x0 - site.width;
        for (long lane = 0; lane < L::kCount && lane < site.x0 + 16 - site.width; ++lane) {
          put_row(after + lane * diagonal, rows, lane);
        }
      }
    }
  }

  static void put_row(Pixel* target, const __m128i* rows, long lane) {
    if constexpr (sizeof(Pixel) == 1) {
      store(target, rows[lane]);
    } else {
      store(target, rows[2 * lane]);
      store(target + 8, rows[2 * lane + 1]);
    }
  }

  static void plain_tile(State& state, std::uint32_t predictor, const Pixel* residuals,
                         const TileSite<Pixel>& site) {
    const Pixel* none = nullptr;
    if (site.edge) {
      tile<false, true>(state, predictor, residuals, none, site);
    } else {
      tile<false, false>(state, predictor, residuals, none, site);
    }
  }

  static void flat_tile(State& state, std::uint32_t predictor, const Pixel*& symbols,
                        const Pixel* exceptions, const TileSite<Pixel>& site) {
    if (site.edge) {
      tile<true, true>(state, predictor, exceptions, symbols, site);
    } else {
      tile<true, false>(state, predictor, exceptions, symbols, site);
    }
  }

  // --- Rows to the caller; a row is at least 48 pixels. Source rows may be read past their
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

  static inline __attribute__((always_inline)) void add_and_store(std::byte* to,
                                                                  const Pixel* from, Pixel bias) {
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

  // Ranks are below 128. After adding 0x70, a rank of table t or below has the top bit of
  // its shuffle index clear in step t, and takes part in the steps from its own table on:
  // the changes of those steps add up to its value.
  static void row_of_ranks(const Output<Pixel>& out, const Pixel* row, std::uint32_t width,
                           std::uint8_t* target) {
    constexpr std::uint32_t kStep = 16 * kRankVectors;
    for (std::uint32_t x = 0; x + kStep < width; x += kStep) {
      values_of_ranks(out, row + x, target + x);
    }
    values_of_ranks(out, row + width - kStep, target + width - kStep);
  }

#ifdef __AVX2__
  static constexpr std::uint32_t kRankVectors = 2;

  static void values_of_ranks(const Output<Pixel>& out, const Pixel* from, std::uint8_t* to) {
    const __m256i ranks = load_wide(from);
    if (_mm256_testz_si256(ranks, ranks)) {
      store_wide(to, _mm256_set1_epi8(static_cast<char>(out.value_of_rank[0])));
      return;
    }
    __m256i index = _mm256_add_epi8(ranks, _mm256_set1_epi8(0x70));
    __m256i values = _mm256_setzero_si256();
    for (std::uint32_t table = 0; table < out.rank_tables; ++table) {
      const __m256i changes =
          _mm256_broadcastsi128_si256(load(out.rank_table_changes + 16 * table));
      values = _mm256_xor_si256(values, _mm256_shuffle_epi8(changes, index));
      index = _mm256_sub_epi8(index, _mm256_set1_epi8(16));
    }
    store_wide(to, values);
  }
#else
  static constexpr std::uint32_t kRankVectors = 1;

  static void values_of_ranks(const Output<Pixel>& out, const Pixel* from, std::uint8_t* to) {
    const __m128i ranks = load(from);
    if (_mm_testz_si128(ranks, ranks)) {
      store(to, _mm_set1_epi8(static_cast<char>(out.value_of_rank[0])));
      return;
    }
    __m128i index = _mm_add_epi8(ranks, _mm_set1_epi8(0x70));
    __m128i values = _mm_setzero_si128();
    for (std::uint32_t table = 0; table < out.rank_tables; ++table) {
      const __m128i changes = load(out.rank_table_changes + 16 * table);
      values = _mm_xor_si128(values, _mm_shuffle_epi8(changes, index));
      index = _mm_sub_epi8(index, _mm_set1_epi8(16));
    }
    store(to, values);
  }
#endif

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
          store(target + 3 * x + 48 * half + 16 * third,
                _mm_shuffle_epi8(values, thirds[third]));
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
    const __m128i blue_places =
        _mm_setr_epi8(10, 5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15);
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
