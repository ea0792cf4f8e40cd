// A split's balance as a picture.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "query/split.h"
#include "schema/error.h"

namespace slicebank {
namespace {

constexpr int kRow = 18;     // pixels a label
constexpr int kNames = 260;  // width of the labels
constexpr int kBar = 520;    // width of a whole bar
constexpr std::size_t kNameMax = 40;
// Colours that are told apart by everybody (Okabe and Ito, 2008).
constexpr std::array<const char*, 8> kColours = {"#0072b2", "#e69f00", "#009e73", "#cc79a7",
                                                 "#56b4e9", "#d55e00", "#f0e442", "#999999"};

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '&')
      safe += "&amp;";
    else if (c == '<')
      safe += "&lt;";
    else if (c == '>')
      safe += "&gt;";
    else if (c == '"')
      safe += "&quot;";
    else
      safe += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return safe;
}

// At most so many bytes, and no part of a character.
std::string shortened(const std::string& text) {
  if (text.size() <= kNameMax) return text;
  std::size_t end = kNameMax - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace

std::string SplitReport::to_svg(std::size_t labels_max) const {
  std::vector<const SplitBalance*> shown;
  for (const SplitBalance& balance : balances) shown.push_back(&balance);
  if (shown.size() > labels_max && !shown.empty()) {
    std::stable_sort(shown.begin() + 1, shown.end(),
                     [](const auto* a, const auto* b) { return a->deviation > b->deviation; });
    shown.resize(std::max<std::size_t>(labels_max, 1));
  }
  const int height = 56 + kRow * static_cast<int>(shown.size());
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"#ffffff\"/>\n",
      kNames + kBar + 110, height);
  int x = 10;
  for (std::size_t side = 0; side < sides.size() && side < 12; ++side) {
    svg += fmt::format(
        "<rect x=\"{}\" y=\"8\" width=\"11\" height=\"11\" fill=\"{}\"/><text x=\"{}\" "
        "y=\"18\">{}</text>\n",
        x, kColours[side % kColours.size()], x + 15, escaped(shortened(sides[side])));
    x += 30 + 7 * static_cast<int>(std::min(sides[side].size(), kNameMax));
  }
  svg += fmt::format(
      "<text x=\"10\" y=\"38\" fill=\"#555555\">{} of {} labels; mean deviation {:.2f} %, worst "
      "{:.2f} %; a mark shows where a side should end</text>\n",
      shown.size(), balances.size(), 100 * deviation_mean, 100 * deviation_worst);
  int y = 48;
  for (const SplitBalance* balance : shown) {
    double all = 0, all_wanted = 0;
    for (const std::uint64_t got : balance->got) all += static_cast<double>(got);
    for (const double wanted : balance->wanted) all_wanted += wanted;
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", kNames - 8,
                       y + 11, escaped(shortened(balance->label)));
    double begin = 0, end_wanted = 0;
    for (std::size_t side = 0; side < sides.size() && all > 0; ++side) {
      const double width = kBar * static_cast<double>(balance->got[side]) / all;
      svg +=
          fmt::format("<rect x=\"{:.2f}\" y=\"{}\" width=\"{:.2f}\" height=\"{}\" fill=\"{}\"/>\n",
                      kNames + begin, y, width, kRow - 5, kColours[side % kColours.size()]);
      begin += width;
      end_wanted += all_wanted > 0 ? kBar * balance->wanted[side] / all_wanted : 0;
      if (side + 1 == sides.size()) continue;
      svg += fmt::format(
          "<line x1=\"{0:.2f}\" y1=\"{1}\" x2=\"{0:.2f}\" y2=\"{2}\" stroke=\"#000000\"/>\n",
          kNames + end_wanted, y - 2, y + kRow - 3);
    }
    svg +=
        fmt::format("<text x=\"{}\" y=\"{}\" fill=\"{}\">{:.2f} %</text>\n", kNames + kBar + 8,
                    y + 11, balance->deviation > balance->tolerance + 1e-12 ? "#d55e00" : "#555555",
                    100 * balance->deviation);
    y += kRow;
  }
  return svg + "</svg>\n";
}

SplitReport SplitReport::from_json(const std::string& text) {
  SplitReport report;
  try {
    const auto json = nlohmann::json::parse(text);
    json.at("sides").get_to(report.sides);
    json.at("groups").get_to(report.groups);
    json.at("samples").get_to(report.samples);
    report.closed = json.value("closed", std::vector<bool>(report.sides.size(), false));
    json.at("deviation_mean").get_to(report.deviation_mean);
    json.at("deviation_worst").get_to(report.deviation_worst);
    json.at("groups_joined_by_pixels").get_to(report.groups_joined_by_pixels);
    json.at("groups_kept").get_to(report.groups_kept);
    json.at("groups_in_conflict").get_to(report.groups_in_conflict);
    for (const auto& each : json.at("balances")) {
      SplitBalance balance;
      each.at("label").get_to(balance.label);
      each.at("total").get_to(balance.total);
      each.at("wanted").get_to(balance.wanted);
      each.at("got").get_to(balance.got);
      each.at("deviation").get_to(balance.deviation);
      each.at("tolerance").get_to(balance.tolerance);
      if (balance.got.size() != report.sides.size() ||
          balance.wanted.size() != report.sides.size()) {
        throw Error(ErrorCode::bad_format, "a split's report has more counts than sides");
      }
      report.balances.push_back(std::move(balance));
    }
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::bad_format,
                fmt::format("this is no report of a split: {}", error.what()));
  }
  return report;
}

}  // namespace slicebank
