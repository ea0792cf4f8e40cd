// Symbols to bytes and back for x86: packed tiles, packed runs, flat pixels left out.
// Included inside a namespace of each kernel file, after x86_unpack.h.

// Residuals as symbols of one byte: what is entropy-coded, with the raw bits below it.
template <class Pixel>
static inline __m128i symbols_of(Kind kind, const Pixel* residuals) {
  if constexpr (sizeof(Pixel) == 1) {
    const __m128i values = load(residuals);
    switch (kind) {
      case Kind::full:
        return values;
      case Kind::nibble:
        return _mm_add_epi8(values, _mm_set1_epi8(8));
      case Kind::crumb:
        return _mm_add_epi8(values, _mm_set1_epi8(2));
      case Kind::nibble_raw2:
        return _mm_add_epi8(values, _mm_set1_epi8(32));
      case Kind::nibble_raw4:
        return _mm_xor_si128(values, _mm_set1_epi8(-128));
    }
    return values;
  } else {
    __m128i low = load(residuals);
    __m128i high = load(residuals + 8);
    if (raw_bits(kind) != 0) {
      const __m128i bias = _mm_set1_epi16(kind == Kind::nibble_raw2 ? 32 : 128);
      return _mm_packus_epi16(_mm_add_epi16(low, bias), _mm_add_epi16(high, bias));
    }
    const __m128i most = _mm_set1_epi16(kEscapeSymbol);
    low = _mm_xor_si128(_mm_slli_epi16(low, 1), _mm_srai_epi16(low, 15));
    high = _mm_xor_si128(_mm_slli_epi16(high, 1), _mm_srai_epi16(high, 15));
    return _mm_packus_epi16(_mm_min_epu16(low, most), _mm_min_epu16(high, most));
  }
}

// Two or four steps of symbols below 16 or 4 share a byte, lane by lane. With 16-bit pixels
// a vector holds two steps, so that equal steps of two groups come side by side first.
template <class Pixel>
static inline void pack_steps(const __m128i* symbols, std::uint32_t bits, std::uint8_t* packed) {
  constexpr int kVectors = static_cast<int>(16 / sizeof(Pixel));
  const int per_byte = static_cast<int>(8 / bits);
  for (int i = 0; i < kVectors; i += per_byte) {
    __m128i steps[4];
    if constexpr (sizeof(Pixel) == 1) {
      for (int j = 0; j < per_byte; ++j) steps[j] = symbols[i + j];
    } else if (per_byte == 2) {
      steps[0] = _mm_unpacklo_epi64(symbols[i], symbols[i + 1]);
      steps[1] = _mm_unpackhi_epi64(symbols[i], symbols[i + 1]);
    } else {
      steps[0] = _mm_unpacklo_epi64(symbols[i], symbols[i + 2]);
      steps[1] = _mm_unpackhi_epi64(symbols[i], symbols[i + 2]);
      steps[2] = _mm_unpacklo_epi64(symbols[i + 1], symbols[i + 3]);
      steps[3] = _mm_unpackhi_epi64(symbols[i + 1], symbols[i + 3]);
    }
    if (per_byte == 2) {
      store(packed, _mm_or_si128(steps[0], _mm_slli_epi16(steps[1], 4)));
    } else {
      const __m128i low = _mm_or_si128(steps[0], _mm_slli_epi16(steps[1], 2));
      const __m128i high = _mm_or_si128(steps[2], _mm_slli_epi16(steps[3], 2));
      store(packed, _mm_or_si128(low, _mm_slli_epi16(high, 4)));
    }
    packed += 16;
  }
}

// Splits symbols with raw bits below them in place; the raw bits go to `low`.
static inline void split_symbols(std::uint32_t raw_width, __m128i* symbols, __m128i* low,
                                 int count) {
  const __m128i raw_mask = _mm_set1_epi8(raw_width == 2 ? 3 : 15);
  const __m128i nibble = _mm_set1_epi8(15);
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(raw_width));
  for (int i = 0; i < count; ++i) {
    low[i] = _mm_and_si128(symbols[i], raw_mask);
    symbols[i] = _mm_and_si128(_mm_srl_epi16(symbols[i], shift), nibble);
  }
}

template <class Pixel>
static void pack_tile(Kind kind, const Pixel* residuals, std::uint8_t* coded, std::uint8_t* raw) {
  constexpr int kVectors = static_cast<int>(16 / sizeof(Pixel));
  __m128i symbols[16];
  for (int i = 0; i < kVectors; ++i) symbols[i] = symbols_of(kind, residuals + 16 * i);
  if (kind == Kind::full) {
    for (int i = 0; i < kVectors; ++i) store(coded + 16 * i, symbols[i]);
    return;
  }
  if (raw_bits(kind) != 0) {
    __m128i low[16];
    split_symbols(raw_bits(kind), symbols, low, kVectors);
    if (raw != nullptr) pack_steps<Pixel>(low, raw_bits(kind), raw);
  }
  pack_steps<Pixel>(symbols, coded_bits(kind), coded);
}

// 64 symbols below 16 or 4 to 32 or 16 bytes, neighbours sharing a byte.
static inline void pack_neighbours(const __m128i* symbols, std::uint32_t bits,
                                   std::uint8_t* packed) {
  const __m128i pairs = _mm_set1_epi16(bits == 4 ? 0x1001 : 0x0401);
  __m128i words[4];
  for (int i = 0; i < 4; ++i) words[i] = _mm_maddubs_epi16(symbols[i], pairs);
  const __m128i low = _mm_packus_epi16(words[0], words[1]);
  const __m128i high = _mm_packus_epi16(words[2], words[3]);
  if (bits == 4) {
    store(packed, low);
    store(packed + 16, high);
  } else {
    const __m128i quads = _mm_set1_epi16(0x1001);
    store(packed, _mm_packus_epi16(_mm_maddubs_epi16(low, quads), _mm_maddubs_epi16(high, quads)));
  }
}

template <class Pixel>
static void pack_run(Kind kind, const Pixel* residuals, std::uint64_t count, std::uint8_t* coded,
                     std::uint8_t* raw) {
  const std::uint32_t bits = coded_bits(kind);
  const std::uint32_t raw_width = raw_bits(kind);
  for (std::uint64_t i = 0; i < count; i += 64) {
    __m128i symbols[4], low[4];
    const Pixel* from = residuals + i;
    for (int j = 0; j < 4; ++j) symbols[j] = symbols_of(kind, from + 16 * j);
    if (count - i < 64) {  // what follows the last symbol is filled with zero bits
      const __m128i places = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
      const int left = static_cast<int>(count - i);
      for (int j = 0; j < 4; ++j) {
        const __m128i kept =
            _mm_cmpgt_epi8(_mm_set1_epi8(static_cast<char>(left - 16 * j)), places);
        symbols[j] = _mm_and_si128(symbols[j], kept);
      }
    }
    if (bits == 8) {
      std::uint8_t* to = coded + i;
      for (int j = 0; j < 4; ++j) store(to + 16 * j, symbols[j]);
      continue;
    }
    if (raw_width != 0) {
      split_symbols(raw_width, symbols, low, 4);
      if (raw != nullptr) pack_neighbours(low, raw_width, raw + i * raw_width / 8);
    }
    pack_neighbours(symbols, bits, coded + i * bits / 8);
  }
}

template <class Pixel>
static std::uint32_t compact(const Pixel* residuals, const std::uint16_t* flat_masks,
                             Pixel* coded) {
  Pixel* next = coded;
  for (int step = 0; step < 16; ++step) {
    const std::uint32_t flat = flat_masks[step];
    if constexpr (sizeof(Pixel) == 1) {
      for (int half = 0; half < 2; ++half) {
        const std::uint32_t mask = flat >> (8 * half) & 255;
        const __m128i values =
            _mm_loadl_epi64(reinterpret_cast<const __m128i*>(residuals + 16 * step + 8 * half));
        const __m128i order =
            _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kMaskTables.gather[mask]));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(next), _mm_shuffle_epi8(values, order));
        next += 8 - __builtin_popcount(mask);
      }
    } else {
      const __m128i values = load(residuals + 8 * step);
      store(next, _mm_shuffle_epi8(values, load(kMaskTables.gather_pairs[flat])));
      next += 8 - __builtin_popcount(flat);
    }
  }
  return static_cast<std::uint32_t>(next - coded);
}

// 16 packed bytes as 32 or 64 symbols.
static inline void unpack_neighbours(const std::uint8_t* packed, std::uint32_t bits,
                                     __m128i* symbols) {
  const __m128i bytes = load(packed);
  const __m128i nibbles = _mm_set1_epi8(15);
  const __m128i low = _mm_and_si128(bytes, nibbles);
  const __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), nibbles);
  const __m128i first = _mm_unpacklo_epi8(low, high);
  const __m128i second = _mm_unpackhi_epi8(low, high);
  if (bits == 4) {
    symbols[0] = first;
    symbols[1] = second;
    return;
  }
  const __m128i crumbs = _mm_set1_epi8(3);
  const __m128i* halves[2] = {&first, &second};
  for (int i = 0; i < 2; ++i) {
    const __m128i even = _mm_and_si128(*halves[i], crumbs);
    const __m128i odd = _mm_and_si128(_mm_srli_epi16(*halves[i], 2), crumbs);
    symbols[2 * i] = _mm_unpacklo_epi8(even, odd);
    symbols[2 * i + 1] = _mm_unpackhi_epi8(even, odd);
  }
}

template <class Pixel>
static inline void put_residuals(Pixel* to, __m128i residuals) {
  store(to, sizeof(Pixel) == 1 ? residuals : _mm_cvtepi8_epi16(residuals));
  if constexpr (sizeof(Pixel) == 2) store(to + 8, _mm_cvtepi8_epi16(_mm_srli_si128(residuals, 8)));
}

template <class Pixel>
static void unpack_run(Kind kind, const std::uint8_t* coded, const std::uint8_t* raw,
                       std::uint64_t symbols, Pixel* residuals) {
  const std::uint32_t bits = coded_bits(kind);
  const std::uint32_t raw_width = raw_bits(kind);
  if (kind == Kind::full) {
    for (std::uint64_t i = 0; i < symbols; i += 16) {
      const __m128i values = load(coded + i);
      if constexpr (sizeof(Pixel) == 1) {
        store(residuals + i, values);
      } else {
        store(residuals + i, TileUnpacker<Pixel>::unfold(_mm_cvtepu8_epi16(values)));
        store(residuals + i + 8,
              TileUnpacker<Pixel>::unfold(_mm_unpackhi_epi8(values, _mm_setzero_si128())));
      }
    }
    return;
  }
  for (std::uint64_t i = 0; i < symbols; i += 64) {
    __m128i values[4], low[4];
    unpack_neighbours(coded + i * bits / 8, bits, values);
    if (bits == 4) unpack_neighbours(coded + i * bits / 8 + 16, bits, values + 2);
    if (raw_width != 0) {
      unpack_neighbours(raw + i * raw_width / 8, raw_width, low);
      if (raw_width == 4) unpack_neighbours(raw + i * raw_width / 8 + 16, raw_width, low + 2);
    }
    Pixel* to = residuals + i;
    for (int j = 0; j < 4; ++j) {
      __m128i residual;
      if (raw_width == 0) {
        residual = TileUnpacker<Pixel>::narrow_residual(values[j], kind == Kind::nibble ? 8 : 2);
      } else if (raw_width == 2) {
        residual =
            _mm_sub_epi8(_mm_or_si128(_mm_slli_epi16(values[j], 2), low[j]), _mm_set1_epi8(32));
      } else {
        residual =
            _mm_xor_si128(_mm_or_si128(_mm_slli_epi16(values[j], 4), low[j]), _mm_set1_epi8(-128));
      }
      put_residuals(to + 16 * j, residual);
    }
  }
}

// Three channels apart, 16 pixels at a time: the inverse of merge_triple().
static void split_triple(const std::byte* pixels_hwc, std::size_t count, std::uint8_t* planes[3]) {
  const __m128i at1 = _mm_setr_epi8(0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0);
  const __m128i at2 = _mm_setr_epi8(0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0);
  const __m128i orders[3] = {_mm_setr_epi8(0, 3, 6, 9, 12, 15, 2, 5, 8, 11, 14, 1, 4, 7, 10, 13),
                             _mm_setr_epi8(1, 4, 7, 10, 13, 0, 3, 6, 9, 12, 15, 2, 5, 8, 11, 14),
                             _mm_setr_epi8(2, 5, 8, 11, 14, 1, 4, 7, 10, 13, 0, 3, 6, 9, 12, 15)};
  const auto pick = [&](__m128i a, __m128i b, __m128i c) {
    return _mm_blendv_epi8(_mm_blendv_epi8(a, b, at1), c, at2);
  };
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m128i one = load(pixels_hwc + 3 * i);
    const __m128i two = load(pixels_hwc + 3 * i + 16);
    const __m128i three = load(pixels_hwc + 3 * i + 32);
    store(planes[0] + i, _mm_shuffle_epi8(pick(one, three, two), orders[0]));
    store(planes[1] + i, _mm_shuffle_epi8(pick(two, one, three), orders[1]));
    store(planes[2] + i, _mm_shuffle_epi8(pick(three, two, one), orders[2]));
  }
  for (; i < count; ++i) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      planes[channel][i] = static_cast<std::uint8_t>(pixels_hwc[3 * i + channel]);
    }
  }
}
