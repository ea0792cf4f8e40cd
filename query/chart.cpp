#include "query/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "schema/error.h"

namespace slicebank {
namespace {

// Okabe and Ito's palette without its black, which is the text's; grey takes its place.
constexpr std::array<const char*, 8> kColours = {"#0072b2", "#e69f00", "#009e73", "#cc79a7",
                                                 "#56b4e9", "#d55e00", "#f0e442", "#999999"};
// What is drawn over the colour from the ninth, seventeenth, ... series on.
constexpr std::array<const char*, 4> kTextures = {"", "M0 6L6 0", "M0 3H6", "M0 0L6 6M0 6L6 0"};

// Pixels.
constexpr double kFont = 12;
constexpr double kGlyph = 6.9;  // mean width of a character, generously
constexpr double kBar = 14;
constexpr double kBarGap = 2;
constexpr double kGroupGap = 10;
constexpr double kMargin = 16;
constexpr double kNameWidthMax = 280;
constexpr double kNumberRoom = 80;
constexpr double kWidthMin = 300;

// How wide the text is drawn, about: code points, whatever the font.
double text_width(std::string_view text) {
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
  return kGlyph * static_cast<double>(static_cast<std::size_t>(std::count_if(
                      text.begin(), text.end(), [&](char c) { return !continues(c); })));
}

// Bytes of the well-formed UTF-8 character that begins at `at`, or 0.
std::size_t character_bytes(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  const unsigned first = byte(at);
  const std::size_t size = first < 0x80                     ? 1
                           : first >= 0xc2 && first <= 0xdf ? 2
                           : first >= 0xe0 && first <= 0xef ? 3
                           : first >= 0xf0 && first <= 0xf4 ? 4
                                                            : 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xc0U) != 0x80U) return 0;
  }
  const unsigned second = byte(at + 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool no_character = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f) ||
                            (first == 0xef && second == 0xbf && byte(at + 2) >= 0xbe);
  return overlong || no_character ? 0 : size;
}

// As the text of an XML element or attribute. What XML cannot hold becomes U+FFFD.
std::string escaped(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_bytes(text, at);
    const char c = text[at];
    if (size == 0 || (size == 1 && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f))) {
      out += "\xef\xbf\xbd";
      at += std::max<std::size_t>(size, 1);
      continue;
    }
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out.append(text, at, size);
    }
    at += size;
  }
  return out;
}

// The text cut to a width, with an ellipsis where something is gone.
std::string fitted(std::string_view text, double width) {
  if (text_width(text) <= width) return std::string(text);
  std::string out;
  double used = 2 * kGlyph;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = std::max<std::size_t>(character_bytes(text, at), 1);
    if (used > width) break;
    out.append(text, at, size);
    used += kGlyph;
    at += size;
  }
  return out + "\xe2\x80\xa6";
}

// 1,234,567; 0.25; 12.5 %. At most four significant digits behind a point.
std::string value_text(double value, ValueFormat format) {
  if (format == ValueFormat::percent) return fmt::format("{:.4g} %", value * 100);
  const double rounded = std::round(value);
  constexpr double kWholeMax = 1e15;
  if (rounded != value || std::abs(value) > kWholeMax) return fmt::format("{:.4g}", value);
  std::string digits = fmt::format("{:.0f}", std::abs(rounded));
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return (rounded < 0 ? "-" : "") + digits;
}

// The largest of 1, 2, 5 times a power of ten that is not above the value.
double round_down(double value) {
  const double power = std::pow(10.0, std::floor(std::log10(value)));
  for (const double step : {5.0, 2.0}) {
    if (step * power <= value * (1 + 1e-12)) return step * power;
  }
  return power;
}

// The range of the values on the axis, and the places of its lines.
struct Axis {
  ValueScale scale = ValueScale::linear;
  double low = 0;
  double high = 1;
  std::vector<double> ticks;

  double place(double value) const {
    if (scale == ValueScale::linear) return (value - low) / (high - low);
    if (value <= low) return 0;
    return std::log(value / low) / std::log(high / low);
  }
};

Axis linear_axis(double least, double most) {
  Axis axis;
  axis.low = std::min(least, 0.0);
  axis.high = std::max(most, 0.0);
  if (axis.high - axis.low <= 0) axis.high = 1;
  constexpr double kIntervals = 5;
  const double step = round_down((axis.high - axis.low) / kIntervals * 1.5);
  axis.low = std::floor(axis.low / step - 1e-9) * step;
  axis.high = std::ceil(axis.high / step - 1e-9) * step;
  const int count = static_cast<int>(std::lround((axis.high - axis.low) / step));
  for (int i = 0; i <= count; ++i) {
    const double tick = axis.low + i * step;
    axis.ticks.push_back(std::abs(tick) < step * 1e-9 ? 0 : tick);
  }
  return axis;
}

// Begins at half the least value, so that the shortest bar can be seen.
Axis logarithmic_axis(double least_positive, double most) {
  Axis axis;
  axis.scale = ValueScale::logarithmic;
  if (!(most > 0)) {
    axis.low = 0.5;
    axis.high = 10;
  } else {
    axis.low = round_down(least_positive / 2);
    axis.high = std::max(most, axis.low * 10);
  }
  const double first = std::ceil(std::log10(axis.low) - 1e-9);
  for (double power = first; power <= std::log10(axis.high) + 1e-9; power += 1) {
    axis.ticks.push_back(std::pow(10.0, power));
  }
  return axis;
}

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::bad_argument, message, "give each series one value a category");
}

class Drawing {
 public:
  explicit Drawing(const BarChart& chart) : chart_(chart) {
    check();
    measure();
  }

  std::string run() {
    draw("<rect width=\"{:.0f}\" height=\"{:.0f}\" fill=\"#ffffff\"/>\n", chart_.width, height_);
    textures();
    headings();
    legend();
    axis();
    double y = top_;
    for (std::size_t i = 0; i < chart_.categories.size(); ++i) y = category(i, y);
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
               "viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\" aria-label=\"{2}\" "
               "font-family=\"Helvetica,Arial,'DejaVu Sans',sans-serif\" font-size=\"{3:.0f}\" "
               "fill=\"#222222\">\n",
               chart_.width, height_, escaped(chart_.title), kFont) +
           svg_ + "</svg>\n";
  }

 private:
  template <typename... Parts>
  void draw(fmt::format_string<Parts...> format, Parts&&... parts) {
    fmt::format_to(std::back_inserter(svg_), format, std::forward<Parts>(parts)...);
  }

  void check() const {
    if (!(chart_.width >= kWidthMin) || !std::isfinite(chart_.width)) {
      throw Error(ErrorCode::bad_argument,
                  fmt::format("a chart cannot be {} pixels wide", chart_.width),
                  fmt::format("make it {} or more", kWidthMin));
    }
    for (const BarSeries& series : chart_.series) {
      if (series.values.size() != chart_.categories.size() ||
          (!series.wanted.empty() && series.wanted.size() != chart_.categories.size())) {
        refuse(fmt::format(
            "the series '{}' of a chart has {} values and {} marks for {} categories", series.name,
            series.values.size(), series.wanted.size(), chart_.categories.size()));
      }
      for (const auto* numbers : {&series.values, &series.wanted}) {
        for (const double value : *numbers) {
          if (std::isinf(value)) refuse(fmt::format("a value of '{}' is infinite", series.name));
          if (value < 0 && chart_.scale == ValueScale::logarithmic) {
            refuse(fmt::format("a value of '{}' is below 0, on a logarithmic scale", series.name));
          }
        }
      }
    }
  }

  double bars_height(std::size_t category) const {
    double bars = 0;
    for (const BarSeries& series : chart_.series)
      bars += std::isnan(series.values[category]) ? 0 : 1;
    return std::max(bars, 1.0) * (kBar + kBarGap) - kBarGap;
  }

  void measure() {
    double least = 0;
    double most = 0;
    double least_positive = std::numeric_limits<double>::infinity();
    for (const BarSeries& series : chart_.series) {
      for (const auto* numbers : {&series.values, &series.wanted}) {
        for (const double value : *numbers) {
          if (std::isnan(value)) continue;
          least = std::min(least, value);
          most = std::max(most, value);
          if (value > 0) least_positive = std::min(least_positive, value);
        }
      }
    }
    axis_ = chart_.scale == ValueScale::linear ? linear_axis(least, most)
                                               : logarithmic_axis(least_positive, most);
    double names = 40;
    for (const std::string& name : chart_.categories) names = std::max(names, text_width(name));
    names_width_ = std::min({names, kNameWidthMax, chart_.width / 3});
    left_ = kMargin + names_width_ + 8;
    right_ = chart_.width - kMargin - kNumberRoom;

    constexpr double kLine = 20;
    title_y_ = kMargin + 14;
    legend_y_ = title_y_ + (chart_.subtitle.empty() ? 0 : kLine);
    // Legend entries flow into lines.
    double x = kMargin + (chart_.series_title.empty() ? 0 : text_width(chart_.series_title) + 12);
    double y = legend_y_ + kLine;
    for (const BarSeries& series : chart_.series) {
      const double entry = 18 + std::min(text_width(series.name), kNameWidthMax) + 14;
      if (x + entry > chart_.width - kMargin && x > kMargin) {
        x = kMargin;
        y += kLine;
      }
      legend_.push_back({x, y});
      x += entry;
    }
    top_ = (chart_.series.empty() ? legend_y_ : y) + kLine + 24;
    bottom_ = top_;
    for (std::size_t i = 0; i < chart_.categories.size(); ++i)
      bottom_ += bars_height(i) + kGroupGap;
    height_ = bottom_ + kMargin;
  }

  double x_of(double value) const { return left_ + axis_.place(value) * (right_ - left_); }

  // A pattern for every series that needs more than a colour.
  void textures() {
    if (chart_.series.size() <= kColours.size()) return;
    draw("<defs>\n");
    for (std::size_t i = kColours.size(); i < chart_.series.size(); ++i) {
      draw(
          "<pattern id=\"series{}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
          "<rect width=\"6\" height=\"6\" fill=\"{}\"/><path d=\"{}\" stroke=\"#222222\" "
          "stroke-width=\"1\"/></pattern>\n",
          i, kColours[i % kColours.size()], kTextures[i / kColours.size() % kTextures.size()]);
    }
    draw("</defs>\n");
  }

  static std::string fill(std::size_t series) {
    return series < kColours.size() ? kColours[series] : fmt::format("url(#series{})", series);
  }

  void headings() {
    const double room = chart_.width - 2 * kMargin;
    draw("<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"16\" font-weight=\"bold\">{}</text>\n",
         kMargin, title_y_, escaped(fitted(chart_.title, room * kFont / 17)));
    if (chart_.subtitle.empty()) return;
    draw("<text x=\"{:.1f}\" y=\"{:.1f}\" fill=\"#555555\">{}</text>\n", kMargin, legend_y_,
         escaped(fitted(chart_.subtitle, room)));
  }

  void legend() {
    if (chart_.series.empty()) return;
    if (!chart_.series_title.empty()) {
      draw("<text x=\"{:.1f}\" y=\"{:.1f}\" fill=\"#555555\">{}</text>\n", kMargin,
           legend_.front().y, escaped(chart_.series_title));
    }
    for (std::size_t i = 0; i < chart_.series.size(); ++i) {
      draw(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"12\" height=\"12\" fill=\"{}\" "
          "stroke=\"#222222\" stroke-width=\"0.5\"/><text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
          legend_[i].x, legend_[i].y - 10, fill(i), legend_[i].x + 18, legend_[i].y,
          escaped(fitted(chart_.series[i].name, kNameWidthMax)));
    }
  }

  void axis() {
    const char* log_note = axis_.scale == ValueScale::logarithmic ? " (logarithmic)" : "";
    draw("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\" fill=\"#555555\">{}{}</text>\n",
         left_ - 8, top_ - 10, escaped(fitted(chart_.value_title, names_width_)), log_note);
    double label_end = -1;
    for (const double tick : axis_.ticks) {
      const double x = x_of(tick);
      draw(
          "<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" "
          "stroke=\"{3}\"/>\n",
          x, top_ - 4, bottom_, tick == 0 ? "#888888" : "#dddddd");
      const std::string label = value_text(tick, chart_.format);
      const double half = text_width(label) / 2;
      if (x - half <= label_end) continue;  // two numbers would lie on each other
      label_end = x + half + kGlyph;
      draw("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" fill=\"#555555\">{}</text>\n", x,
           top_ - 10, label);
    }
  }

  // Returns where the next one begins.
  double category(std::size_t index, double y) {
    const double bars = bars_height(index);
    const std::string& name = chart_.categories[index];
    draw("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}<title>{}</title></text>\n",
         left_ - 8, y + bars / 2 + 4, escaped(fitted(name, names_width_)), escaped(name));
    double bar_y = y;
    for (std::size_t i = 0; i < chart_.series.size(); ++i) {
      const BarSeries& series = chart_.series[i];
      const double value = series.values[index];
      if (std::isnan(value)) continue;
      bar(i, value, bar_y, name);
      if (!series.wanted.empty() && !std::isnan(series.wanted[index])) {
        mark(series.wanted[index], bar_y, series.name);
      }
      bar_y += kBar + kBarGap;
    }
    return y + bars + kGroupGap;
  }

  void bar(std::size_t series, double value, double y, const std::string& category) {
    const double zero = axis_.scale == ValueScale::linear ? x_of(0) : left_;
    const double end = x_of(value);
    const std::string number = value_text(value, chart_.format);
    draw(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\" "
        "stroke=\"#222222\" stroke-width=\"0.5\"><title>{}, {}: {} {}</title></rect>\n",
        std::min(zero, end), y, std::abs(end - zero), kBar, fill(series), escaped(category),
        escaped(chart_.series[series].name), number, escaped(chart_.value_title));
    draw("<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"11\">{}</text>\n", std::max(zero, end) + 4,
         y + kBar / 2 + 4, number);
  }

  void mark(double wanted, double y, const std::string& series) {
    draw(
        "<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" stroke=\"#000000\" "
        "stroke-width=\"2\"><title>{3}: wanted {4}</title></line>\n",
        x_of(wanted), y - 1, y + kBar + 1, escaped(series), value_text(wanted, chart_.format));
  }

  struct Place {
    double x = 0;
    double y = 0;
  };

  const BarChart& chart_;
  Axis axis_;
  double names_width_ = 0;
  double left_ = 0, right_ = 0, top_ = 0, bottom_ = 0, height_ = 0;
  double title_y_ = 0, legend_y_ = 0;
  std::vector<Place> legend_;
  std::string svg_;
};

}  // namespace

std::string bar_chart_svg(const BarChart& chart) { return Drawing(chart).run(); }

}  // namespace slicebank
