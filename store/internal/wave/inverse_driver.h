// The decoder's walk over tiles, shared by all kernels. Ops does what a machine is good at:
// unpack a tile, run its 16 steps, finish rows.
//
// Included once by each kernel file, inside its own namespace, so that no two builds of it
// share a symbol; for the same reason it uses nothing inline from the standard library.
//
// Ops has: Pixel; State (what a chain carries from tile to tile, zero at the start);
//   const Pixel* unpack_plain(Kind, const uint8_t* coded, job, Pixel* scratch)
//   void plain_tile(State&, predictor, const Pixel* residuals, const TileSite<Pixel>&)
//   void flat_tile(State&, predictor, const Pixel*& symbols, const Pixel* exceptions, site)
//   void row_single / row_equal / row_triple
// and is included after kernels.h, predict.h and <cstring>.

// Where a tile lies. Rows point at column 0 of lane 0; rows are `stride` apart.
template <class Pixel>
struct TileSite {
  long x0;     // column of lane 0 at the first step
  long width;  // of the plane
  bool edge;   // some lane begins or ends a row here
  Pixel* current;
  Pixel* other;  // the band before, and the band after
  long stride;
  const Pixel* above;  // above[i]: the pixel above lane 0 at step i; 16 readable before it
};

template <class Pixel>
struct Exceptions {
  static constexpr std::uint32_t kSlots = kStepsPerTile * (16 / sizeof(Pixel));
  alignas(64) Pixel tile[2][kSlots];
  std::uint64_t next;  // slots until the next exception, from the start of the next tile
  bool dirty[2];
  std::uint32_t buffer;
};

inline constexpr std::uint64_t kNoException = ~std::uint64_t{0} >> 1;

template <class Pixel>
static inline void next_gap(InverseJob<Pixel>& job, Exceptions<Pixel>& exceptions) {
  while (job.gaps < job.gaps_end) {
    const std::uint32_t gap = *job.gaps++;
    exceptions.next += gap;
    if (gap != kGapContinues) return;
  }
  exceptions.next = kNoException;
}

template <class Pixel>
static inline Pixel next_exception(InverseJob<Pixel>& job) {
  std::uint32_t symbol = *job.exception_values++;
  if constexpr (sizeof(Pixel) == 1) {
    return static_cast<Pixel>(symbol);
  } else {
    if (symbol == kEscapeSymbol) {
      symbol = *job.exception_escapes_low++ | static_cast<std::uint32_t>(*job.exception_escapes_high++) << 8;
    }
    return static_cast<Pixel>((symbol >> 1) ^ (0u - (symbol & 1)));
  }
}

// A tile of zeros with the exceptions of the next flat-coded tile written in. Called one
// tile ahead, so that the single stores have left the store queue when vectors load them.
template <class Pixel>
static inline const Pixel* fill_exceptions(InverseJob<Pixel>& job, Exceptions<Pixel>& exceptions) {
  constexpr std::uint32_t kSlots = Exceptions<Pixel>::kSlots;
  exceptions.buffer ^= 1;
  Pixel* tile = exceptions.tile[exceptions.buffer];
  if (exceptions.dirty[exceptions.buffer]) {
    std::memset(tile, 0, kSlots * sizeof(Pixel));
    exceptions.dirty[exceptions.buffer] = false;
  }
  while (exceptions.next < kSlots) {
    tile[exceptions.next] = next_exception(job);
    exceptions.dirty[exceptions.buffer] = true;
    ++exceptions.next;
    next_gap(job, exceptions);
  }
  if (exceptions.next != kNoException) exceptions.next -= kSlots;
  return tile;
}

// Adds the bias and scatters one plane's row into its channels.
template <class Pixel>
static inline void row_planar(const Output<Pixel>& out, std::uint32_t plane, const Pixel* row,
                              std::uint64_t y, std::uint32_t width) {
  for (std::uint32_t channel = 0; channel < out.channels; ++channel) {
    if (out.plane_of_channel[channel] != plane) continue;
    const Pixel bias = out.bias_of_plane[plane];
    std::byte* target = out.pixels_hwc + (y * width * out.channels + channel) * sizeof(Pixel);
    const std::size_t step = out.channels * sizeof(Pixel);
    for (std::uint32_t x = 0; x < width; ++x) {
      const auto value = static_cast<Pixel>(row[x] + bias);
      std::memcpy(target + x * step, &value, sizeof(Pixel));
    }
  }
}

// One band of every plane of the group is complete: its rows go to the caller.
// rows[p] is column 0 of the first row of plane first_plane + p.
template <class Ops, class Pixel>
static inline void finish_band(const InverseJob<Pixel>& job, std::uint32_t first_plane,
                               std::uint32_t plane_count, const Pixel* const* rows,
                               std::uint64_t y0) {
  const Output<Pixel>& out = job.out;
  const std::uint64_t lanes = 16 / sizeof(Pixel);
  const std::uint64_t left = job.height - y0;
  const std::uint64_t count = left < lanes ? left : lanes;
  for (std::uint64_t row = 0; row < count; ++row) {
    const std::uint64_t y = y0 + row;
    const std::size_t offset = row * job.ring_stride;
    std::byte* target = out.pixels_hwc + y * job.width * out.channels * sizeof(Pixel);
    switch (out.layout) {
      case OutputLayout::single:
        Ops::row_single(out, rows[0] + offset, job.width, target);
        break;
      case OutputLayout::equal:
        Ops::row_equal(out, rows[0] + offset, job.width, target);
        break;
      case OutputLayout::triple:
        Ops::row_triple(out, rows[0] + offset, rows[1] + offset, rows[2] + offset, job.width,
                        target);
        break;
      case OutputLayout::planar:
        for (std::uint32_t plane = 0; plane < plane_count; ++plane) {
          row_planar(out, first_plane + plane, rows[plane] + offset, y, job.width);
        }
        break;
    }
  }
}

// The walk of one chain (all planes of a group walk alike).
struct ChainWalk {
  long x0;
  std::uint64_t band;
  std::uint64_t finished;  // bands already handed to the caller
};

template <class Ops>
static bool run_inverse(InverseJob<typename Ops::Pixel>& job) {
  using Pixel = typename Ops::Pixel;
  constexpr long kLaneCount = 16 / sizeof(Pixel);
  constexpr long kSteps = kStepsPerTile;
  alignas(64) static const Pixel kZeros[Exceptions<Pixel>::kSlots] = {};
  const long width = job.width;
  const auto stride = static_cast<long>(job.ring_stride);
  const std::uint32_t chains = job.chains_per_plane;
  const long band_pixels = kLaneCount * stride;
  const long plane_pixels = static_cast<long>(chains) * 2 * band_pixels;
  alignas(64) Pixel scratch[Exceptions<Pixel>::kSlots];
  alignas(64) Pixel above_buffer[48];

  Exceptions<Pixel> exceptions;
  std::memset(&exceptions, 0, sizeof exceptions);
  next_gap(job, exceptions);
  const Pixel* coming_exceptions = fill_exceptions(job, exceptions);

  for (std::uint32_t first = 0; first < job.planes; first += job.planes_per_group) {
    const std::uint32_t left = job.planes - first;
    const std::uint32_t count = left < job.planes_per_group ? left : job.planes_per_group;
    std::memset(job.ring, 0, static_cast<std::size_t>(plane_pixels) * count * sizeof(Pixel));
    typename Ops::State states[kPlanesPerGroupMax * kChainsPerPlaneMax] = {};
    ChainWalk walks[kChainsPerPlaneMax] = {};
    // Column 0 of lane 0 of band `band` of a chain, in plane 0 of the group.
    const auto band_rows = [&](std::uint32_t chain, std::uint64_t band) {
      return job.ring + static_cast<long>(chain * 2 + (band & 1)) * band_pixels + kRingPadding;
    };
    const auto finish = [&](std::uint32_t chain, std::uint64_t band) {
      const Pixel* rows[kPlanesPerGroupMax];
      for (std::uint32_t plane = 0; plane < count; ++plane) {
        rows[plane] = band_rows(chain, band) + plane * plane_pixels;
      }
      finish_band<Ops, Pixel>(job, first, count, rows, (band * chains + chain) * kLaneCount);
    };

    for (std::uint64_t round = 0; round < job.rounds; ++round) {
      for (std::uint32_t chain = 0; chain < chains; ++chain) {
        const std::uint64_t lag = chain * kChainLagTiles;
        if (round < lag || round - lag >= job.tiles_of_chain[chain]) continue;
        const std::uint64_t tile = round - lag;
        ChainWalk& walk = walks[chain];
        // The last row above this band, and above the next one.
        const std::uint32_t chain_above = chains == 1 ? 0 : chain ^ 1;
        const std::uint64_t band_above = chain == 0 ? walk.band + 1 : walk.band;  // parity only
        const Pixel* above_rows =
            band_rows(chain_above, band_above) + (kLaneCount - 1) * stride;
        const Pixel* above_next_rows =
            band_rows(chain_above, band_above + 1) + (kLaneCount - 1) * stride;
        const bool first_band = chain == 0 && walk.band == 0;
        TileSite<Pixel> site;
        site.x0 = walk.x0;
        site.width = width;
        site.edge = walk.x0 < kLaneCount || walk.x0 + kSteps > width;
        site.stride = stride;
        const bool padded =
            tile == 0 || (tile + 1) * kStepsPerTile > job.full_steps_of_chain[chain];

        for (std::uint32_t plane = 0; plane < count; ++plane) {
          const long offset = static_cast<long>(plane) * plane_pixels;
          site.current = band_rows(chain, walk.band) + offset;
          site.other = band_rows(chain, walk.band + 1) + offset;
          if (site.edge) {
            for (long step = 0; step < kSteps; ++step) {
              const long x = walk.x0 + step;
              above_buffer[16 + step] = x >= width    ? above_next_rows[offset + x - width]
                                        : first_band ? Pixel{0}
                                                     : above_rows[offset + x];
            }
            site.above = above_buffer + 16;
          } else {
            site.above = above_rows + offset + walk.x0;
          }
          const std::uint32_t byte = *job.map++;
          const std::uint32_t id = byte & kMapClassMask;
          const std::uint32_t predictor = map_predictor(byte);
          typename Ops::State& state = states[plane * kChainsPerPlaneMax + chain];
          if ((byte & kMapFlatBit) == 0) {
            const Pixel* residuals = kZeros;
            if (id != 0) {
              const Kind kind = kind_of_class(id);
              const std::uint8_t* coded = job.plain[id];
              job.plain[id] += Exceptions<Pixel>::kSlots * coded_bits(kind) / 8;
              residuals = Ops::unpack_plain(kind, coded, job, scratch);
            }
            Ops::plain_tile(state, predictor, residuals, site);
          } else {
            if (padded) return false;
            const std::size_t run =
                (std::size_t{first + plane} * chains + chain) * kFlatFamily + id;
            const Pixel* symbols = job.flat[run];
            const Pixel* own_exceptions = coming_exceptions;
            coming_exceptions = fill_exceptions(job, exceptions);
            Ops::flat_tile(state, predictor, symbols, own_exceptions, site);
            if (symbols > job.flat_end[run]) return false;
            job.flat[run] = symbols;
          }
        }
        if (walk.x0 < kSteps && walk.band > 0) {
          finish(chain, walk.band - 1);
          walk.finished = walk.band;
        }
        walk.x0 += kSteps;
        if (walk.x0 >= width) {
          walk.x0 -= width;
          ++walk.band;
        }
      }
    }
    for (std::uint32_t chain = 0; chain < chains; ++chain) {
      if (walks[chain].finished < job.bands_of_chain[chain]) {
        finish(chain, job.bands_of_chain[chain] - 1);
      }
    }
  }
  const std::size_t runs = std::size_t{job.planes} * chains * kFlatFamily;
  for (std::size_t run = 0; run < runs; ++run) {
    if (job.flat[run] != job.flat_end[run]) return false;
  }
  return true;
}
