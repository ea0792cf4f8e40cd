// The decoder's walk over tiles, shared by all kernels. Ops does what a machine is good at:
// unpack a tile, run its 16 steps, finish rows.
//
// Included once by each kernel file, inside its own namespace, so that no two builds of it
// share a symbol; for the same reason it uses nothing inline from the standard library.
//
// Ops has: Pixel; State (what a plane carries from tile to tile, zero at the start);
//   const Pixel* unpack_plain(Kind, const uint8_t* coded, job, cursor, Pixel* scratch)
//   void plain_tile(State&, predictor, const Pixel* residuals, const TileSite<Pixel>&)
//   bool zero_tile(State&, site): a tile of residuals 0, where there is a short cut for it
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

// A tile of zeros with the exceptions of the next flat-coded tile of a plane written in.
// There are two, and the next one is filled before its turn, so that the single stores
// have left the store queue when vectors load them.
template <class Pixel>
struct Exceptions {
  static constexpr std::uint32_t kSlots = kStepsPerTile * (16 / sizeof(Pixel));
  alignas(64) Pixel tile[2][kSlots];
  Pixel none[kSlots];
  bool dirty[2];
  std::uint32_t buffer;
  const Pixel* coming;
};

template <class Pixel>
static inline void step_exception(PlaneCursor<Pixel>& cursor) {
  ++cursor.next_exception;
  if (--cursor.exceptions == 0) return;
  std::uint32_t gap;
  do {
    gap = *cursor.gaps++;
    cursor.next_exception += gap;
  } while (gap == kGapContinues);
}

template <class Pixel>
static inline Pixel next_exception(InverseJob<Pixel>& job, PlaneCursor<Pixel>& cursor) {
  std::uint32_t symbol = *cursor.exception_values++;
  if constexpr (sizeof(Pixel) == 1) {
    static_cast<void>(job);
    return static_cast<Pixel>(symbol);
  } else {
    if (symbol == kEscapeSymbol) {
      symbol = *job.exception_escapes_low++;
      symbol |= static_cast<std::uint32_t>(*job.exception_escapes_high++) << 8;
    }
    return static_cast<Pixel>((symbol >> 1) ^ (0u - (symbol & 1)));
  }
}

template <class Pixel>
static inline void fill_exceptions(InverseJob<Pixel>& job, PlaneCursor<Pixel>& cursor,
                                   Exceptions<Pixel>& exceptions) {
  constexpr std::uint32_t kSlots = Exceptions<Pixel>::kSlots;
  if (cursor.exceptions == 0 || cursor.next_exception >= kSlots) {
    cursor.next_exception -= kSlots;
    exceptions.coming = exceptions.none;
    return;
  }
  exceptions.buffer ^= 1;
  Pixel* tile = exceptions.tile[exceptions.buffer];
  if (exceptions.dirty[exceptions.buffer]) std::memset(tile, 0, kSlots * sizeof(Pixel));
  exceptions.dirty[exceptions.buffer] = true;
  while (cursor.exceptions > 0 && cursor.next_exception < kSlots) {
    tile[cursor.next_exception] = next_exception(job, cursor);
    step_exception(cursor);
  }
  cursor.next_exception -= kSlots;
  exceptions.coming = tile;
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

// A band of the planes that are under way is complete: its rows go to the caller. rows[p] is
// column 0 of the first row of plane first_plane + p.
template <class Ops, class Pixel>
static inline void finish_band(const InverseJob<Pixel>& job, std::uint32_t first_plane,
                               const Pixel* const* rows, std::uint64_t y0) {
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
        row_planar(out, first_plane, rows[0] + offset, y, job.width);
        break;
    }
  }
}

// Where lane 0 is, in all planes that are under way. Rows are those of the first.
template <class Pixel>
struct Walk {
  std::uint64_t band;
  long x0;
  Pixel* current;  // the band that lane 0 is in
  Pixel* other;    // the one before, and after

  const Pixel* last_row(const Pixel* band_rows, long stride) const {
    return band_rows + (16 / static_cast<long>(sizeof(Pixel)) - 1) * stride;
  }
};

// What lies above lane 0 in a tile where it begins or ends a row. Reads up to 16 pixels
// past a row's end, which the ring's padding allows.
template <class Pixel>
static inline void gather_above(const Walk<Pixel>& walk, long offset, long stride, long width,
                                Pixel* above) {
  if (walk.band == 0) {
    std::memset(above, 0, kStepsPerTile * sizeof(Pixel));
  } else {
    std::memcpy(above, walk.last_row(walk.other, stride) + offset + walk.x0,
                kStepsPerTile * sizeof(Pixel));
  }
  const long left = width - walk.x0;
  if (left < static_cast<long>(kStepsPerTile)) {
    std::memcpy(above + left, walk.last_row(walk.current, stride) + offset,
                kStepsPerTile * sizeof(Pixel));
  }
}

// kPlanes planes at the same time, tile by tile.
template <class Ops, std::uint32_t kPlanes>
static bool run_planes(InverseJob<typename Ops::Pixel>& job, std::uint32_t first_plane) {
  using Pixel = typename Ops::Pixel;
  constexpr std::uint32_t kSlots = Exceptions<Pixel>::kSlots;
  constexpr long kLaneCount = 16 / sizeof(Pixel);
  constexpr long kSteps = kStepsPerTile;
  alignas(64) static const Pixel kZeros[kSlots] = {};
  const long width = job.width;
  const auto stride = static_cast<long>(job.ring_stride);
  const long plane_pixels = 2 * kLaneCount * stride;
  const std::uint64_t tiles = job.tiles;
  alignas(64) Pixel scratch[kSlots];
  alignas(64) Pixel above_buffer[64];
  typename Ops::State states[kPlanes] = {};
  Exceptions<Pixel> exceptions[kPlanes];
  std::memset(&exceptions, 0, sizeof exceptions);
  PlaneCursor<Pixel>* const cursors = job.cursors + first_plane;
  for (std::uint32_t plane = 0; plane < kPlanes; ++plane) {
    fill_exceptions(job, cursors[plane], exceptions[plane]);
  }
  std::memset(job.ring, 0, static_cast<std::size_t>(plane_pixels) * kPlanes * sizeof(Pixel));
  Walk<Pixel> walk{0, 0, job.ring + kRingPadding, job.ring + kRingPadding + kLaneCount * stride};
  std::uint64_t finished = 0;  // bands already handed to the caller
  const auto finish = [&](const Pixel* band_rows, std::uint64_t band) {
    if (band < job.first_band) return;
    const Pixel* rows[3] = {};
    for (std::uint32_t plane = 0; plane < kPlanes; ++plane) {
      rows[plane] = band_rows + plane * plane_pixels;
    }
    finish_band<Ops, Pixel>(job, first_plane, rows, band * kLaneCount);
  };

  for (std::uint64_t tile = 0; tile < tiles; ++tile) {
    TileSite<Pixel> site;
    site.x0 = walk.x0;
    site.width = width;
    site.edge = walk.x0 < kLaneCount || walk.x0 + kSteps > width;
    site.stride = stride;
    for (std::uint32_t plane = 0; plane < kPlanes; ++plane) {
      const long offset = static_cast<long>(plane) * plane_pixels;
      site.current = walk.current + offset;
      site.other = walk.other + offset;
      if (site.edge) {
        gather_above(walk, offset, stride, width, above_buffer + 16);
        site.above = above_buffer + 16;
      } else {
        site.above = walk.last_row(walk.other, stride) + offset + walk.x0;
      }
      PlaneCursor<Pixel>& cursor = cursors[plane];
      const std::uint32_t byte = *cursor.map++;
      const std::uint32_t id = byte & kMapClassMask;
      const std::uint32_t predictor = map_predictor(byte);
      if ((byte & kMapFlatBit) == 0) {
        if (id == 0 && Ops::zero_tile(states[plane], site)) continue;
        const Pixel* residuals = kZeros;
        if (id != 0) {
          const Kind kind = kind_of_class(id);
          const std::uint8_t* coded = cursor.plain[id];
          cursor.plain[id] += kSlots * coded_bits(kind) / 8;
          residuals = Ops::unpack_plain(kind, coded, job, cursor, scratch);
        }
        Ops::plain_tile(states[plane], predictor, residuals, site);
      } else {
        if (tile == 0 || (tile + 1) * kStepsPerTile > job.full_steps) {
          return false;  // a tile with padding is never flat-coded
        }
        const Pixel* symbols = cursor.flat[id];
        const Pixel* own_exceptions = exceptions[plane].coming;
        fill_exceptions(job, cursor, exceptions[plane]);
        Ops::flat_tile(states[plane], predictor, symbols, own_exceptions, site);
        if (symbols > cursor.flat_end[id]) return false;
        cursor.flat[id] = symbols;
      }
    }
    if (walk.x0 < kSteps && walk.band > 0) {
      finish(walk.other, walk.band - 1);
      finished = walk.band;
      if (finished >= job.end_band) return true;
    }
    walk.x0 += kSteps;
    if (walk.x0 >= width) {
      walk.x0 -= width;
      ++walk.band;
      Pixel* const rows = walk.current;
      walk.current = walk.other;
      walk.other = rows;
    }
  }
  if (finished < job.bands) {
    // The last band is the current one, unless lane 0 has just run past it.
    finish(walk.band == job.bands ? walk.other : walk.current, job.bands - 1);
  }
  return true;
}

template <class Ops>
static bool run_inverse(InverseJob<typename Ops::Pixel>& job) {
  using Pixel = typename Ops::Pixel;
  if (job.out.layout == OutputLayout::triple) {
    if (!run_planes<Ops, 3>(job, 0)) return false;
  } else {
    for (std::uint32_t plane = 0; plane < job.planes; ++plane) {
      if (!run_planes<Ops, 1>(job, plane)) return false;
    }
  }
  if (job.end_band < job.bands) return true;  // what follows was left alone
  for (std::uint32_t plane = 0; plane < job.planes; ++plane) {
    const PlaneCursor<Pixel>& cursor = job.cursors[plane];
    for (std::uint32_t id = 1; id <= kClassIdMax; ++id) {
      if (cursor.flat[id] != cursor.flat_end[id]) return false;
    }
  }
  return true;
}
