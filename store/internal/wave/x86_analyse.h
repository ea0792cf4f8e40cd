// The encoder's prediction for x86: a plane's pixels in skewed order, five predictions a
// step, the best one kept. Included inside a namespace of each kernel file.

template <class Pixel>
struct Analysis {
  using L = Lanes<Pixel>;
  static constexpr long kLaneCount = L::kCount;
  static constexpr std::uint32_t kSlots = 16 * L::kCount;

  // Sum of magnitudes, in 64-bit or 32-bit parts.
  static __m128i magnitude(__m128i residual) {
    return sizeof(Pixel) == 1 ? _mm_abs_epi8(residual) : _mm_abs_epi16(residual);
  }
  static __m128i add_up(__m128i sum, __m128i magnitudes) {
    if constexpr (sizeof(Pixel) == 1) {
      return _mm_add_epi32(sum, _mm_sad_epu8(magnitudes, _mm_setzero_si128()));
    } else {
      const __m128i even = _mm_and_si128(magnitudes, _mm_set1_epi32(0xffff));
      return _mm_add_epi32(_mm_add_epi32(sum, even), _mm_srli_epi32(magnitudes, 16));
    }
  }
  static std::uint32_t total(__m128i sum) {
    sum = _mm_add_epi32(sum, _mm_srli_si128(sum, 8));
    sum = _mm_add_epi32(sum, _mm_srli_si128(sum, 4));
    return static_cast<std::uint32_t>(_mm_cvtsi128_si32(sum));
  }
  // r >= 0 ? r : -r - 1
  static __m128i fold(__m128i residual) {
    const __m128i sign = sizeof(Pixel) == 1 ? _mm_cmpgt_epi8(_mm_setzero_si128(), residual)
                                            : _mm_srai_epi16(residual, 15);
    return _mm_xor_si128(residual, sign);
  }
  static std::uint32_t largest(__m128i values) {
    if constexpr (sizeof(Pixel) == 1) {
      values = _mm_max_epu16(_mm_and_si128(values, _mm_set1_epi16(255)), _mm_srli_epi16(values, 8));
    }
    // The smallest of the complements.
    const __m128i least = _mm_minpos_epu16(_mm_xor_si128(values, _mm_set1_epi16(-1)));
    return static_cast<std::uint32_t>(~_mm_cvtsi128_si32(least)) & 0xffff;
  }

  // The pixels of one tile, step by step, and what lies above lane 0.
  struct Pixels {
    __m128i steps[16];
    const Pixel* above;
    alignas(16) Pixel edge_above[48];
  };

  // Lane 0's column and band at the start of the tile.
  struct Walk {
    long x0;
    std::uint64_t band;
  };

  // Row of a lane in a band, or null where there is none.
  static const Pixel* row(const AnalysisJob<Pixel>& job, std::uint64_t band, long lane) {
    const std::uint64_t y = band * kLaneCount + static_cast<std::uint64_t>(lane);
    return y < job.height ? job.plane + y * job.width : nullptr;
  }

  // False when the pixels, and all around them, have one value: then there is nothing to do.
  static bool fetch_inside(const AnalysisJob<Pixel>& job, const Walk& walk, __m128i west,
                           __m128i north, Pixels& pixels) {
    const Pixel* first = row(job, walk.band, 0) + walk.x0;
    const long diagonal = static_cast<long>(job.width) - 1;
    const std::uint64_t y0 = walk.band * kLaneCount;
    const std::uint64_t rows = job.height - y0;
    __m128i lanes[16];
    for (long lane = 0; lane < kLaneCount; ++lane) {
      // Lanes below the image read its last row: their residuals are cleared later.
      const long from = lane < static_cast<long>(rows) ? lane : static_cast<long>(rows) - 1;
      const Pixel* source = first + from * diagonal;
      if constexpr (sizeof(Pixel) == 1) {
        lanes[lane] = load(source);
      } else {
        lanes[lane] = load(source);
        lanes[lane + 8] = load(source + 8);
      }
    }
    alignas(16) static const Pixel kZeros[32] = {};
    pixels.above = y0 > 0 ? first - job.width : kZeros + 16;
    const __m128i value = L::first_everywhere(west);
    __m128i other = _mm_or_si128(_mm_xor_si128(west, value), _mm_xor_si128(north, value));
    if (_mm_testz_si128(other, other)) {
      for (const __m128i& lane : lanes) other = _mm_or_si128(other, _mm_xor_si128(lane, value));
      other = _mm_or_si128(other, _mm_xor_si128(load(pixels.above), value));
      if constexpr (sizeof(Pixel) == 2) {
        other = _mm_or_si128(other, _mm_xor_si128(load(pixels.above + 8), value));
      }
      if (_mm_testz_si128(other, other)) return false;
    }
    to_steps(lanes, pixels);
    return true;
  }

  // All ones in the first `count` bytes of a vector, which may be none or more than all.
  static __m128i first_bytes(long count) {
    alignas(16) static const std::uint8_t kWindow[64] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    return load(kWindow + 32 - count);
  }

  // A tile in which some lane begins or ends a row. Reads the pixels before and behind a row
  // too, which belong to other rows or to the slack of the plane.
  static void fetch_edge(const AnalysisJob<Pixel>& job, const Walk& walk, Pixels& pixels) {
    static const Pixel kNoRow[16] = {};
    const long width = job.width;
    __m128i lanes[16];
    for (long lane = 0; lane < kLaneCount; ++lane) {
      const long x = walk.x0 - lane;
      const Pixel* front = row(job, walk.band, lane);
      const Pixel* back = front;
      long in_front = 16;  // steps taken from `front`, the others from `back`
      if (x < 0) {
        front = walk.band > 0 ? row(job, walk.band - 1, lane) : nullptr;
        in_front = -x;
      } else if (x + 16 > width) {
        back = row(job, walk.band + 1, lane);
        in_front = width - x;
      }
      front = front == nullptr ? kNoRow : front + (x < 0 ? width + x : x);
      back = back == nullptr ? kNoRow : back + (x + 16 > width ? x - width : x);
      if constexpr (sizeof(Pixel) == 1) {
        lanes[lane] = _mm_blendv_epi8(load(back), load(front), first_bytes(in_front));
      } else {
        lanes[lane] = _mm_blendv_epi8(load(back), load(front), first_bytes(2 * in_front));
        lanes[lane + 8] =
            _mm_blendv_epi8(load(back + 8), load(front + 8), first_bytes(2 * in_front - 16));
      }
    }
    to_steps(lanes, pixels);
    Pixel* const above = pixels.edge_above + 16;
    copy_above(job, walk.band, walk.x0, above);
    if (walk.x0 + 16 > width) copy_above(job, walk.band + 1, 0, above + width - walk.x0);
    pixels.above = above;
  }

  // 16 pixels of the row above a band: zeros above the first, and where there is no band.
  static void copy_above(const AnalysisJob<Pixel>& job, std::uint64_t band, long x, Pixel* to) {
    const std::uint64_t y = band * kLaneCount;
    if (y == 0 || y > job.height) {
      std::memset(to, 0, 16 * sizeof(Pixel));
    } else {
      std::memcpy(to, job.plane + (y - 1) * job.width + x, 16 * sizeof(Pixel));
    }
  }

  // Lanes in rows to lanes in steps. Eight-lane transposes take and give halves.
  static void to_steps(const __m128i* lanes, Pixels& pixels) {
    if constexpr (sizeof(Pixel) == 1) {
      transpose(std::uint8_t{}, lanes, pixels.steps);
    } else {
      __m128i halves[16];
      transpose(std::uint16_t{}, lanes, halves);
      for (int step = 0; step < 8; ++step) {
        pixels.steps[step] = halves[2 * step];
        pixels.steps[step + 8] = halves[2 * step + 1];
      }
    }
  }

  struct Candidates {
    __m128i residuals[kPredictors][16];
    __m128i flat[16];
    __m128i sums[kPredictors];
    __m128i any_flat;
  };

  template <bool kEdge>
  static void predict_tile(const AnalysisJob<Pixel>& job, const Walk& walk, const Pixels& pixels,
                           __m128i& west_carried, __m128i& north_carried, Candidates& out) {
    __m128i west = west_carried;
    __m128i north = north_carried;
    __m128i sums[kPredictors];
    for (__m128i& sum : sums) sum = _mm_setzero_si128();
    __m128i any_flat = _mm_setzero_si128();
    for (int i = 0; i < 16; ++i) {
      __m128i north_west = north;
      north = L::shift_in(west, load(pixels.above + i - (kLaneCount - 1)));
      __m128i first = _mm_setzero_si128();
      if constexpr (kEdge) {
        long x = walk.x0 + i;
        if (x >= static_cast<long>(job.width)) x -= static_cast<long>(job.width);
        if (x < kLaneCount) {
          first = first_column<Pixel>(x);
          west = _mm_blendv_epi8(west, north, first);
          north_west = _mm_blendv_epi8(north_west, north, first);
        }
      }
      const __m128i here = pixels.steps[i];
      const __m128i average = L::average(west, north);
      const __m128i median = median_of<L>(west, north, north_west);
      const __m128i predictions[kPredictors] = {median, L::average(average, median), average, north,
                                                west};
      for (std::uint32_t id = 0; id < kPredictors; ++id) {
        const __m128i residual = L::subtract(here, predictions[id]);
        out.residuals[id][i] = residual;
        sums[id] = add_up(sums[id], magnitude(residual));
      }
      __m128i flat = _mm_and_si128(L::equal(west, north), L::equal(north, north_west));
      if constexpr (kEdge) flat = _mm_andnot_si128(first, flat);
      out.flat[i] = flat;
      any_flat = _mm_or_si128(any_flat, flat);
      west = here;
    }
    for (std::uint32_t id = 0; id < kPredictors; ++id) out.sums[id] = sums[id];
    out.any_flat = any_flat;
    west_carried = west;
    north_carried = north;
  }

  // Clears what lies outside the image, and adds up again without it.
  static void clear_padding(const AnalysisJob<Pixel>& job, std::uint64_t tile, const Walk& walk,
                            Candidates& candidates) {
    Pixel inside[kSlots];
    for (long step = 0; step < 16; ++step) {
      for (long lane = 0; lane < kLaneCount; ++lane) {
        long x = walk.x0 + step - lane;
        std::uint64_t band = walk.band;
        bool here = tile > 0 || x >= 0;
        if (x < 0) {
          band -= 1;
        } else if (x >= static_cast<long>(job.width)) {
          band += 1;
        }
        here = here && row(job, band, lane) != nullptr;
        inside[step * kLaneCount + lane] = here ? static_cast<Pixel>(~Pixel{0}) : Pixel{0};
      }
    }
    for (std::uint32_t id = 0; id < kPredictors; ++id) {
      __m128i sum = _mm_setzero_si128();
      for (int i = 0; i < 16; ++i) {
        __m128i& residual = candidates.residuals[id][i];
        residual = _mm_and_si128(residual, load(inside + i * kLaneCount));
        sum = add_up(sum, magnitude(residual));
      }
      candidates.sums[id] = sum;
    }
    for (__m128i& flat : candidates.flat) flat = _mm_setzero_si128();
    candidates.any_flat = _mm_setzero_si128();
  }

  // Keeps the predictor of the least sum, the first of equals, and counts its tile.
  static void keep_best(const Candidates& candidates, TileFacts& facts, Pixel* residuals,
                        std::uint16_t* flat_masks, std::uint16_t* exception_masks) {
    std::uint32_t best = 0;
    std::uint32_t least = total(candidates.sums[0]);
    for (std::uint32_t id = 1; id < kPredictors; ++id) {
      const std::uint32_t sum = total(candidates.sums[id]);
      if (sum < least) {
        least = sum;
        best = id;
      }
    }
    facts.predictor = static_cast<std::uint8_t>(best);
    facts.sum = least;
    const __m128i* chosen = candidates.residuals[best];
    __m128i top = _mm_setzero_si128();
    for (int i = 0; i < 16; ++i) {
      store(residuals + i * kLaneCount, chosen[i]);
      top = L::high(top, fold(chosen[i]));
    }
    facts.top = static_cast<std::uint16_t>(largest(top));
    if (_mm_testz_si128(candidates.any_flat, candidates.any_flat)) {
      for (int i = 0; i < 16; ++i) flat_masks[i] = 0;
      facts.coded = kSlots;
      facts.coded_sum = facts.sum;
      facts.coded_top = facts.top;
      facts.exceptions = 0;
      return;
    }
    __m128i coded_top = _mm_setzero_si128();
    __m128i coded_sum = _mm_setzero_si128();
    std::uint32_t flat_pixels = 0;
    std::uint32_t exceptions = 0;
    for (int i = 0; i < 16; ++i) {
      const __m128i flat = candidates.flat[i];
      const __m128i coded = _mm_andnot_si128(flat, chosen[i]);
      coded_top = L::high(coded_top, fold(coded));
      coded_sum = add_up(coded_sum, magnitude(coded));
      const std::uint32_t mask = L::mask(flat);
      const std::uint32_t zeros = L::mask(L::equal(chosen[i], _mm_setzero_si128()));
      flat_masks[i] = static_cast<std::uint16_t>(mask);
      flat_pixels += static_cast<std::uint32_t>(__builtin_popcount(mask));
      exception_masks[i] = static_cast<std::uint16_t>(mask & ~zeros);
      exceptions += static_cast<std::uint32_t>(__builtin_popcount(mask & ~zeros));
    }
    facts.coded = static_cast<std::uint16_t>(kSlots - flat_pixels);
    facts.coded_sum = total(coded_sum);
    facts.coded_top = static_cast<std::uint16_t>(largest(coded_top));
    facts.exceptions = static_cast<std::uint16_t>(exceptions);
  }

  static void run(const AnalysisJob<Pixel>& job) {
    Walk walk{0, 0};
    Pixels pixels;
    std::memset(pixels.edge_above, 0, sizeof pixels.edge_above);
    Candidates candidates;
    __m128i west = _mm_setzero_si128();
    __m128i north = _mm_setzero_si128();
    for (std::uint64_t tile = 0; tile < job.tiles; ++tile) {
      TileFacts& facts = job.facts[tile];
      facts.padded = tile == 0 || (tile + 1) * kStepsPerTile > job.full_steps;
      bool same = false;
      if (walk.x0 < kLaneCount || walk.x0 + 16 > static_cast<long>(job.width)) {
        fetch_edge(job, walk, pixels);
        predict_tile<true>(job, walk, pixels, west, north, candidates);
      } else if (fetch_inside(job, walk, west, north, pixels)) {
        predict_tile<false>(job, walk, pixels, west, north, candidates);
      } else {
        same = true;
      }
      if (same) {
        const bool padded = facts.padded;
        facts = {};
        facts.padded = padded;
        if (padded) facts.coded = kSlots;
      } else {
        if (facts.padded) clear_padding(job, tile, walk, candidates);
        keep_best(candidates, facts, job.residuals + tile * kSlots, job.flat_masks + tile * 16,
                  job.exception_masks + tile * 16);
      }
      walk.x0 += 16;
      if (walk.x0 >= static_cast<long>(job.width)) {
        walk.x0 -= static_cast<long>(job.width);
        ++walk.band;
      }
    }
  }
};
