// One 128-bit vector of pixels: 16 of 8 bit or 8 of 16 bit. Everything is static, and this
// is included inside a namespace of each kernel file: see kernels.h.

template <class Pixel>
struct Lanes;

template <>
struct Lanes<std::uint8_t> {
  static constexpr int kCount = 16;
  static __m128i low(__m128i a, __m128i b) { return _mm_min_epu8(a, b); }
  static __m128i high(__m128i a, __m128i b) { return _mm_max_epu8(a, b); }
  static __m128i excess(__m128i a, __m128i b) { return _mm_subs_epu8(a, b); }
  static __m128i add(__m128i a, __m128i b) { return _mm_add_epi8(a, b); }
  static __m128i subtract(__m128i a, __m128i b) { return _mm_sub_epi8(a, b); }
  static __m128i average(__m128i a, __m128i b) { return _mm_avg_epu8(a, b); }
  static __m128i equal(__m128i a, __m128i b) { return _mm_cmpeq_epi8(a, b); }
  // Each lane gets its lower neighbour's value, lane 0 the last lane of `above`.
  static __m128i shift_in(__m128i a, __m128i above) { return _mm_alignr_epi8(a, above, 15); }
  // The first lane's value in every lane.
  static __m128i first_everywhere(__m128i a) { return _mm_shuffle_epi8(a, _mm_setzero_si128()); }
  // One bit a lane.
  static std::uint32_t mask(__m128i a) { return static_cast<std::uint32_t>(_mm_movemask_epi8(a)); }
};

template <>
struct Lanes<std::uint16_t> {
  static constexpr int kCount = 8;
  static __m128i low(__m128i a, __m128i b) { return _mm_min_epu16(a, b); }
  static __m128i high(__m128i a, __m128i b) { return _mm_max_epu16(a, b); }
  static __m128i excess(__m128i a, __m128i b) { return _mm_subs_epu16(a, b); }
  static __m128i add(__m128i a, __m128i b) { return _mm_add_epi16(a, b); }
  static __m128i subtract(__m128i a, __m128i b) { return _mm_sub_epi16(a, b); }
  static __m128i average(__m128i a, __m128i b) { return _mm_avg_epu16(a, b); }
  static __m128i equal(__m128i a, __m128i b) { return _mm_cmpeq_epi16(a, b); }
  static __m128i shift_in(__m128i a, __m128i above) { return _mm_alignr_epi8(a, above, 14); }
  static __m128i first_everywhere(__m128i a) { return _mm_shuffle_epi8(a, _mm_set1_epi16(0x0100)); }
  static std::uint32_t mask(__m128i a) {
    return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(a, _mm_setzero_si128())));
  }
};

static inline __m128i load(const void* from) {
  return _mm_loadu_si128(static_cast<const __m128i*>(from));
}
static inline void store(void* to, __m128i value) {
  _mm_storeu_si128(static_cast<__m128i*>(to), value);
}
#ifdef __AVX2__
static inline __m256i load_wide(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}
static inline void store_wide(void* to, __m256i value) {
  _mm256_storeu_si256(static_cast<__m256i*>(to), value);
}
static inline __m256i join(__m128i low, __m128i high) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}
static inline __m128i upper(__m256i value) { return _mm256_extracti128_si256(value, 1); }
#endif

template <class L>
static inline __m128i median_of(__m128i west, __m128i north, __m128i north_west) {
  const __m128i low = L::low(north, west);
  const __m128i high = L::high(north, west);
  return L::high(low, L::excess(high, L::excess(north_west, low)));
}

// Predictor ids as in predict.h.
template <class L, int kPredictor>
static inline __m128i predict_lanes(__m128i west, __m128i north, __m128i north_west) {
  if constexpr (kPredictor == 3) {
    return north;
  } else if constexpr (kPredictor == 4) {
    return west;
  } else if constexpr (kPredictor == 2) {
    return L::average(west, north);
  } else {
    const __m128i median = median_of<L>(west, north, north_west);
    return kPredictor == 0 ? median : L::average(L::average(west, north), median);
  }
}

// All ones in the one lane whose column is 0, when the first lane's column is x.
template <class Pixel>
static inline __m128i first_column(long x) {
  alignas(16) static const std::uint8_t kWindow[48] = {
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, sizeof(Pixel) == 2 ? 0xff : 0};
  // The lane whose column is 0 is lane x.
  return load(kWindow + 16 - x * static_cast<long>(sizeof(Pixel)));
}

// Rows of 16 steps from 16 steps of lanes. 8 bit: out[l] is lane l. 16 bit: lane l is
// out[2 * l] (steps 0 to 7) and out[2 * l + 1].
#ifdef __AVX2__
static inline void transpose(std::uint8_t, const __m128i* in, __m128i* out) {
  // Each 128-bit half transposes eight steps; the last exchange brings the halves together.
  __m256i a[8], b[8];
  for (int i = 0; i < 8; ++i) a[i] = join(in[i], in[i + 8]);
  for (int i = 0; i < 4; ++i) {
    b[2 * i] = _mm256_unpacklo_epi8(a[i], a[i + 4]);
    b[2 * i + 1] = _mm256_unpackhi_epi8(a[i], a[i + 4]);
  }
  for (int i = 0; i < 4; ++i) {
    a[2 * i] = _mm256_unpacklo_epi8(b[i], b[i + 4]);
    a[2 * i + 1] = _mm256_unpackhi_epi8(b[i], b[i + 4]);
  }
  for (int i = 0; i < 4; ++i) {
    b[2 * i] = _mm256_unpacklo_epi8(a[i], a[i + 4]);
    b[2 * i + 1] = _mm256_unpackhi_epi8(a[i], a[i + 4]);
  }
  for (int i = 0; i < 8; ++i) {
    const __m256i pair = _mm256_permute4x64_epi64(b[i], 0xd8);
    out[2 * i] = _mm256_castsi256_si128(pair);
    out[2 * i + 1] = upper(pair);
  }
}

static inline void transpose(std::uint16_t, const __m128i* in, __m128i* out) {
  __m256i a[8], b[8];
  for (int i = 0; i < 8; ++i) a[i] = join(in[i], in[i + 8]);
  for (int i = 0; i < 4; ++i) {
    b[2 * i] = _mm256_unpacklo_epi16(a[i], a[i + 4]);
    b[2 * i + 1] = _mm256_unpackhi_epi16(a[i], a[i + 4]);
  }
  for (int i = 0; i < 4; ++i) {
    a[2 * i] = _mm256_unpacklo_epi16(b[i], b[i + 4]);
    a[2 * i + 1] = _mm256_unpackhi_epi16(b[i], b[i + 4]);
  }
  for (int i = 0; i < 4; ++i) {
    b[2 * i] = _mm256_unpacklo_epi16(a[i], a[i + 4]);
    b[2 * i + 1] = _mm256_unpackhi_epi16(a[i], a[i + 4]);
  }
  for (int i = 0; i < 8; ++i) {
    out[2 * i] = _mm256_castsi256_si128(b[i]);
    out[2 * i + 1] = upper(b[i]);
  }
}
#else
static inline void transpose(std::uint8_t, const __m128i* in, __m128i* out) {
  __m128i a[16], b[16];
  for (int i = 0; i < 8; ++i) {
    a[2 * i] = _mm_unpacklo_epi8(in[i], in[i + 8]);
    a[2 * i + 1] = _mm_unpackhi_epi8(in[i], in[i + 8]);
  }
  for (int i = 0; i < 8; ++i) {
    b[2 * i] = _mm_unpacklo_epi8(a[i], a[i + 8]);
    b[2 * i + 1] = _mm_unpackhi_epi8(a[i], a[i + 8]);
  }
  for (int i = 0; i < 8; ++i) {
    a[2 * i] = _mm_unpacklo_epi8(b[i], b[i + 8]);
    a[2 * i + 1] = _mm_unpackhi_epi8(b[i], b[i + 8]);
  }
  for (int i = 0; i < 8; ++i) {
    out[2 * i] = _mm_unpacklo_epi8(a[i], a[i + 8]);
    out[2 * i + 1] = _mm_unpackhi_epi8(a[i], a[i + 8]);
  }
}

static inline void transpose(std::uint16_t, const __m128i* in, __m128i* out) {
  for (int half = 0; half < 2; ++half) {
    const __m128i* steps = in + 8 * half;
    __m128i a[8], b[8];
    for (int i = 0; i < 4; ++i) {
      a[2 * i] = _mm_unpacklo_epi16(steps[i], steps[i + 4]);
      a[2 * i + 1] = _mm_unpackhi_epi16(steps[i], steps[i + 4]);
    }
    for (int i = 0; i < 4; ++i) {
      b[2 * i] = _mm_unpacklo_epi16(a[i], a[i + 4]);
      b[2 * i + 1] = _mm_unpackhi_epi16(a[i], a[i + 4]);
    }
    for (int i = 0; i < 4; ++i) {
      out[4 * i + half] = _mm_unpacklo_epi16(b[i], b[i + 4]);
      out[4 * i + 2 + half] = _mm_unpackhi_epi16(b[i], b[i + 4]);
    }
  }
}
#endif

// Eight lanes of mask bits as shuffles. A set bit is a lane without a symbol.
struct MaskTables {
  // Spread: lane i takes the next symbol, 0x80 (zero) where its bit is set. Eight bytes for
  // the low lanes; the high half repeats the number of symbols, and spread_high counts on.
  alignas(64) std::uint8_t spread_low[256][16];
  std::uint8_t spread_high[256][16];
  std::uint8_t spread_pairs[256][16];  // the same for 16-bit symbols
  // Gather: the lanes without a set bit, in order.
  std::uint8_t gather[256][8];
  std::uint8_t gather_pairs[256][16];
};

static constexpr MaskTables make_mask_tables() {
  MaskTables tables{};
  for (int mask = 0; mask < 256; ++mask) {
    int count = 0;
    for (int lane = 0; lane < 8; ++lane) {
      const bool skip = (mask >> lane & 1) != 0;
      const auto rank = static_cast<std::uint8_t>(skip ? 0x80 : count);
      tables.spread_low[mask][lane] = rank;
      tables.spread_high[mask][8 + lane] = rank;
      tables.spread_pairs[mask][2 * lane] = static_cast<std::uint8_t>(skip ? 0x80 : 2 * count);
      tables.spread_pairs[mask][2 * lane + 1] =
          static_cast<std::uint8_t>(skip ? 0x80 : 2 * count + 1);
      if (skip) continue;
      tables.gather[mask][count] = static_cast<std::uint8_t>(lane);
      tables.gather_pairs[mask][2 * count] = static_cast<std::uint8_t>(2 * lane);
      tables.gather_pairs[mask][2 * count + 1] = static_cast<std::uint8_t>(2 * lane + 1);
      ++count;
    }
    for (int lane = 0; lane < 8; ++lane) {
      tables.spread_low[mask][8 + lane] = static_cast<std::uint8_t>(count);
    }
  }
  return tables;
}

static constexpr MaskTables kMaskTables = make_mask_tables();
