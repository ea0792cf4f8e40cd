// A split's quality, for programs and for people.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "query/split.h"

namespace slicebank {
namespace {

using Json = nlohmann::ordered_json;

bool is_off(const SplitBalance& balance) { return balance.deviation > balance.tolerance + 1e-12; }

}  // namespace

std::string SplitReport::to_json() const {
  Json json;
  json["sides"] = sides;
  if (std::find(closed.begin(), closed.end(), true) != closed.end()) json["closed"] = closed;
  json["groups"] = groups;
  json["samples"] = samples;
  json["deviation_mean"] = deviation_mean;
  json["deviation_worst"] = deviation_worst;
  json["groups_joined_by_pixels"] = groups_joined_by_pixels;
  json["groups_kept"] = groups_kept;
  json["groups_in_conflict"] = groups_in_conflict;
  Json& all = json["balances"] = Json::array();
  for (const SplitBalance& balance : balances) {
    all.push_back({{"label", balance.label},
                   {"total", balance.total},
                   {"wanted", balance.wanted},
                   {"got", balance.got},
                   {"deviation", balance.deviation},
                   {"tolerance", balance.tolerance},
                   {"within_tolerance", !is_off(balance)}});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string SplitReport::to_text() const {
  std::size_t label_width = std::string("groups").size();
  for (const SplitBalance& balance : balances) {
    label_width = std::max(label_width, balance.label.size());
  }
  std::vector<std::size_t> widths;
  for (const std::string& side : sides) widths.push_back(std::max<std::size_t>(side.size(), 15));

  std::string text = fmt::format("{:<{}}", "", label_width);
  for (std::size_t side = 0; side < sides.size(); ++side) {
    text += fmt::format("  {:>{}}", sides[side], widths[side]);
  }
  text += "  off by   within\n";
  text += fmt::format("{:<{}}", "groups", label_width);
  for (std::size_t side = 0; side < sides.size(); ++side) {
    text += fmt::format("  {:>{}}", groups[side], widths[side]);
  }
  text += "\n";
  std::size_t off = 0;
  for (const SplitBalance& balance : balances) {
    text += fmt::format("{:<{}}", balance.label, label_width);
    for (std::size_t side = 0; side < sides.size(); ++side) {
      const std::string cell = fmt::format("{} of {:.1f}", balance.got[side], balance.wanted[side]);
      text += fmt::format("  {:>{}}", cell, widths[side]);
    }
    text += fmt::format("  {:>5.2f} %  {:>5.2f} %{}\n", 100 * balance.deviation,
                        100 * balance.tolerance, is_off(balance) ? "  !" : "");
    if (is_off(balance)) ++off;
  }
  text += fmt::format("mean deviation {:.2f} %, worst {:.2f} %", 100 * deviation_mean,
                      100 * deviation_worst);
  if (off > 0) {
    text += fmt::format("; {} label{} marked ! beyond what the groups allow", off,
                        off == 1 ? " is" : "s are");
  }
  text += "\n";
  if (groups_joined_by_pixels > 0) {
    text += fmt::format("{} join{} of groups that share equal pixels\n", groups_joined_by_pixels,
                        groups_joined_by_pixels == 1 ? "" : "s");
  }
  if (groups_kept > 0) {
    text += fmt::format("{} groups kept the side they had\n", groups_kept);
  }
  if (groups_in_conflict > 0) {
    text += fmt::format("{} groups were called to several sides and stand on the first of them\n",
                        groups_in_conflict);
  }
  return text;
}

}  // namespace slicebank
