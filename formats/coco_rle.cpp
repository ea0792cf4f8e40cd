#include "formats/coco_rle.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "schema/error.h"

namespace slicebank::coco {
namespace {

constexpr double kCoordinateMax = 1e8;       // pixels; five times that still fits into 32 bits
constexpr std::size_t kFlipsMax = 1u << 25;  // of one polygon; no outline by hand has more
constexpr int kFine = 5;                     // COCO draws outlines on a grid this much finer
constexpr unsigned kDigitBits = 5;           // of a number, in one character of the string
constexpr char kDigitBase = '0';

[[noreturn]] void fail(const std::string& what, const std::string& why) {
  throw Error(ErrorCode::bad_format, what + ": " + why);
}

void check_size(std::uint32_t height, std::uint32_t width, const std::string& what) {
  check_shape({PixelType::u8, height, width, 1}, what);
}

// Ones from `begin` to `end`, both counted down the columns.
void fill(std::vector<std::uint8_t>& mask_hw, std::uint32_t height, std::uint32_t width,
          std::uint64_t begin, std::uint64_t end) {
  std::uint64_t x = begin / height;
  std::uint64_t y = begin % height;
  for (std::uint64_t at = begin; at < end; ++at) {
    mask_hw[y * width + x] = 1;
    if (++y == height) {
      y = 0;
      ++x;
    }
  }
}

// Appends a run, so that no empty run stays but the first.
void append_run(Rle& rle, std::uint32_t run, bool ones) {
  const bool next_is_ones = rle.counts.size() % 2 == 1;
  if (next_is_ones == ones) {
    if (run > 0 || rle.counts.empty()) rle.counts.push_back(run);
  } else if (run > 0) {
    if (rle.counts.empty()) {
      rle.counts = {0, run};
    } else {
      rle.counts.back() += run;
    }
  }
}

// Walks the outline of one polygon as COCO does. Where a step of it passes the middle of a
// pixel column, everything from that row on changes sides: `flips` gets that place, in column
// order. Steps that pass no middle are never visited, so a long edge costs no more than the
// picture is wide.
class Outline {
 public:
  Outline(std::uint32_t height, std::uint32_t width, std::vector<std::uint64_t>& flips)
      : height_(height), width_(width), flips_(flips) {}

  void edge(std::int64_t x0, std::int64_t y0, std::int64_t x1, std::int64_t y1) {
    const bool flat = std::abs(x1 - x0) >= std::abs(y1 - y0);
    if (flat ? x0 > x1 : y0 > y1) {
      std::swap(x0, x1);
      std::swap(y0, y1);
    }
    flat ? flat_edge(x0, y0, x1, y1) : steep_edge(x0, y0, x1, y1);
  }

 private:
  // Left and right of the middle of a column on the fine grid.
  static std::int64_t left_of(std::int64_t column) { return kFine * column + kFine / 2; }

  static std::int64_t rounded(double value) { return static_cast<std::int64_t>(value + 0.5); }

  // The columns whose middle lies between fine x0 and x1.
  template <typename Visit>
  void each_column(std::int64_t x0, std::int64_t x1, Visit&& visit) const {
    const std::int64_t first = std::max<std::int64_t>(0, (x0 + kFine - 1 - kFine / 2) / kFine);
    for (std::int64_t column = first; column < width_ && left_of(column) + 1 <= x1; ++column) {
      if (left_of(column) >= x0) visit(column);
    }
  }

  void flip(std::int64_t column, std::int64_t fine_y) {
    const double row = std::ceil((static_cast<double>(fine_y) + 0.5) / kFine - 0.5);
    const double inside = std::clamp(row, 0.0, static_cast<double>(height_));
    flips_.push_back(static_cast<std::uint64_t>(column) * height_ +
                     static_cast<std::uint64_t>(inside));
  }

  // One step right a step: the row of each follows from the slope.
  void flat_edge(std::int64_t x0, std::int64_t y0, std::int64_t x1, std::int64_t y1) {
    if (x0 == x1) return;
    const double slope = static_cast<double>(y1 - y0) / static_cast<double>(x1 - x0);
    const auto y_at = [&](std::int64_t x) {
      return rounded(static_cast<double>(y0) + slope * static_cast<double>(x - x0));
    };
    each_column(x0, x1, [&](std::int64_t column) {
      const std::int64_t x = left_of(column);
      flip(column, std::min(y_at(x), y_at(x + 1)));
    });
  }

  // One step down a step: the step that leaves a column is found by halving, since x only
  // grows or only shrinks along the edge.
  void steep_edge(std::int64_t x0, std::int64_t y0, std::int64_t x1, std::int64_t y1) {
    const double slope = static_cast<double>(x1 - x0) / static_cast<double>(y1 - y0);
    const auto x_at = [&](std::int64_t step) {
      return rounded(static_cast<double>(x0) + slope * static_cast<double>(step));
    };
    const std::int64_t steps = y1 - y0;
    const bool grows = x0 < x1;
    const std::int64_t from = x_at(0);
    const std::int64_t to = x_at(steps);
    each_column(std::min(from, to), std::max(from, to), [&](std::int64_t column) {
      const std::int64_t x = left_of(column);
      std::int64_t before = 0;  // still on the side where the edge begins
      std::int64_t behind = steps;
      while (behind - before > 1) {
        const std::int64_t middle = before + (behind - before) / 2;
        const bool passed = grows ? x_at(middle) > x : x_at(middle) <= x;
        (passed ? behind : before) = middle;
      }
      flip(column, y0 + before);
    });
  }

  std::uint32_t height_;
  std::uint32_t width_;
  std::vector<std::uint64_t>& flips_;
};

std::int64_t fine(double coordinate, const std::string& what) {
  if (!(std::abs(coordinate) <= kCoordinateMax)) {
    fail(what, fmt::format("a polygon with the coordinate {}", coordinate));
  }
  return static_cast<std::int64_t>(kFine * coordinate + 0.5);
}

void draw(const std::vector<double>& polygon, std::uint32_t height, std::uint32_t width,
          std::vector<std::uint8_t>& mask_hw, const std::string& what) {
  if (polygon.size() % 2 != 0) fail(what, "a polygon with an odd count of numbers");
  if (polygon.size() < 6) fail(what, "a polygon of fewer than three corners");
  std::vector<std::uint64_t> flips;
  Outline outline(height, width, flips);
  const std::size_t corners = polygon.size() / 2;
  for (std::size_t i = 0; i < corners; ++i) {
    const std::size_t next = (i + 1) % corners;
    outline.edge(fine(polygon[2 * i], what), fine(polygon[2 * i + 1], what),
                 fine(polygon[2 * next], what), fine(polygon[2 * next + 1], what));
    if (flips.size() > kFlipsMax) {
      throw Error(ErrorCode::limit, what + ": a polygon that crosses too many columns");
    }
  }
  std::sort(flips.begin(), flips.end());
  for (std::size_t i = 0; i + 1 < flips.size(); i += 2) {
    fill(mask_hw, height, width, flips[i], flips[i + 1]);
  }
}

}  // namespace

Rle from_counts(std::span<const std::uint64_t> counts, std::uint32_t height, std::uint32_t width,
                const std::string& what) {
  check_size(height, width, what);
  const std::uint64_t pixels = std::uint64_t{height} * width;
  Rle rle{height, width, {}};
  std::uint64_t sum = 0;
  bool ones = false;
  for (const std::uint64_t count : counts) {
    if (count > pixels - sum) fail(what, "run lengths that are longer than the picture");
    sum += count;
    append_run(rle, static_cast<std::uint32_t>(count), ones);
    ones = !ones;
  }
  if (sum != pixels) {
    fail(what,
         fmt::format("run lengths of {} pixels for a picture of {} x {}", sum, width, height));
  }
  return rle;
}

Rle from_string(std::string_view text, std::uint32_t height, std::uint32_t width,
                const std::string& what) {
  check_size(height, width, what);
  std::vector<std::uint64_t> counts;
  for (std::size_t at = 0; at < text.size();) {
    std::int64_t value = 0;
    bool more = true;
    for (unsigned shift = 0; more; shift += kDigitBits) {
      if (at == text.size()) fail(what, "a run-length string that ends inside a number");
      const int digit = text[at++] - kDigitBase;
      if (digit < 0 || digit > 63) fail(what, "a run-length string with a foreign character");
      if (shift > 35) fail(what, "a run-length string with a number that is too long");
      value |= std::int64_t{digit & 31} << shift;
      more = (digit & 32) != 0;
      if (!more && (digit & 16) != 0) value -= std::int64_t{1} << (shift + kDigitBits);
    }
    // From the fourth on, the difference to the run of the same kind before it.
    if (counts.size() > 2) value += static_cast<std::int64_t>(counts[counts.size() - 2]);
    if (value < 0) fail(what, "a run-length string with a negative run");
    if (value > std::int64_t{height} * width) {
      fail(what, "run lengths that are longer than the picture");
    }
    counts.push_back(static_cast<std::uint64_t>(value));
  }
  return from_counts(counts, height, width, what);
}

std::string to_string(const Rle& rle) {
  std::string text;
  for (std::size_t i = 0; i < rle.counts.size(); ++i) {
    std::int64_t value = rle.counts[i];
    if (i > 2) value -= rle.counts[i - 2];
    bool more = true;
    while (more) {
      int digit = static_cast<int>(value & 31);
      value >>= kDigitBits;
      more = (digit & 16) != 0 ? value != -1 : value != 0;
      if (more) digit |= 32;
      text += static_cast<char>(kDigitBase + digit);
    }
  }
  return text;
}

Rle from_mask(std::span<const std::uint8_t> mask_hw, std::uint32_t height, std::uint32_t width) {
  assert(mask_hw.size() == std::uint64_t{height} * width);
  Rle rle{height, width, {}};
  bool ones = false;
  std::uint32_t run = 0;
  for (std::uint32_t x = 0; x < width; ++x) {
    for (std::uint32_t y = 0; y < height; ++y) {
      const bool one = mask_hw[std::size_t{y} * width + x] != 0;
      if (one != ones) {
        rle.counts.push_back(run);
        run = 0;
        ones = one;
      }
      ++run;
    }
  }
  rle.counts.push_back(run);
  return rle;
}

std::vector<std::uint8_t> to_mask(const Rle& rle) {
  std::vector<std::uint8_t> mask_hw(std::size_t{rle.height} * rle.width);
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < rle.counts.size(); at += rle.counts[i], ++i) {
    if (i % 2 == 1) fill(mask_hw, rle.height, rle.width, at, at + rle.counts[i]);
  }
  return mask_hw;
}

std::vector<std::uint8_t> mask_from_polygons(std::span<const std::vector<double>> polygons,
                                             std::uint32_t height, std::uint32_t width,
                                             const std::string& what) {
  check_size(height, width, what);
  std::vector<std::uint8_t> mask_hw(std::size_t{height} * width);
  for (const std::vector<double>& polygon : polygons) draw(polygon, height, width, mask_hw, what);
  return mask_hw;
}

std::uint64_t area(const Rle& rle) noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 1; i < rle.counts.size(); i += 2) sum += rle.counts[i];
  return sum;
}

Box box(const Rle& rle) noexcept {
  Box around{rle.width, rle.height, 0, 0};
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < rle.counts.size(); at += rle.counts[i], ++i) {
    if (i % 2 == 0 || rle.counts[i] == 0) continue;
    const std::uint64_t last = at + rle.counts[i] - 1;
    const auto x0 = static_cast<std::uint32_t>(at / rle.height);
    const auto x1 = static_cast<std::uint32_t>(last / rle.height);
    around.x0 = std::min(around.x0, x0);
    around.x1 = std::max(around.x1, x1 + 1);
    // A run that goes on in the next column touches the last row and the first.
    const auto top = static_cast<std::uint32_t>(at % rle.height);
    const auto bottom = static_cast<std::uint32_t>(last % rle.height);
    around.y0 = std::min(around.y0, x0 == x1 ? top : 0);
    around.y1 = std::max(around.y1, x0 == x1 ? bottom + 1 : rle.height);
  }
  return around.empty() ? Box{} : around;
}

}  // namespace slicebank::coco
