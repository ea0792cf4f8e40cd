// Sixteen steps of a tile, for x86: what run_inverse() calls. Included inside a namespace of
// each kernel file, after x86_unpack.h and x86_rows.h.

template <class PixelType>
struct Ops : TileUnpacker<PixelType>, RowWriter<PixelType> {
  using Pixel = PixelType;
  using L = Lanes<Pixel>;

  struct State {
    __m128i west;
    __m128i north;
  };

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
    put_rows<kEdge>(rows, site);
  }

  // Stores a tile whose rows are given, each lane a column further left than the one above.
  template <bool kEdge>
  static inline __attribute__((always_inline)) void put_rows(const __m128i* rows,
                                                             const TileSite<Pixel>& site) {
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

  // All residuals are zero. Where everything around has one value, so has the tile; elsewhere
  // this does nothing and says so.
  static bool zero_tile(const State& state, const TileSite<Pixel>& site) {
    const __m128i value = L::first_everywhere(state.west);
    __m128i same = _mm_and_si128(L::equal(state.west, value), L::equal(state.north, value));
    same = _mm_and_si128(same, L::equal(load(site.above), value));
    if constexpr (sizeof(Pixel) == 2) {
      same = _mm_and_si128(same, L::equal(load(site.above + 8), value));
    }
    if (_mm_movemask_epi8(same) != 0xffff) return false;
    __m128i rows[16];
    for (__m128i& row : rows) row = value;
    if (site.edge) {
      put_rows<true>(rows, site);
    } else {
      put_rows<false>(rows, site);
    }
    return true;
  }

  static void flat_tile(State& state, std::uint32_t predictor, const Pixel*& symbols,
                        const Pixel* exceptions, const TileSite<Pixel>& site) {
    if (site.edge) {
      tile<true, true>(state, predictor, exceptions, symbols, site);
    } else {
      tile<true, false>(state, predictor, exceptions, symbols, site);
    }
  }
};
