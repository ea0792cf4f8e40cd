#include "exporters/internal/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "exporters/internal/export_source.h"
#include "exporters/internal/json_text.h"
#include "formats/source_tree.h"
#include "schema/error.h"
#include "schema/licence.h"
#include "store/version.h"

namespace slicebank::exporting {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string tag_of(const Licence& licence) {
  return licence.tag.empty() ? licence_tag(licence.text) : licence.tag;
}

bool is_unknown(const Licence& licence) { return tag_of(licence) == "unknown"; }

// Text of others as a Markdown quotation: it cannot become headings or steer a terminal.
std::string quoted(const std::string& text) {
  std::string out;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    out += "> " + printable(line) + "\n";
    begin = end + 1;
  }
  return out;
}

std::string heading(const DatasetShare& share) {
  std::string line = "\n## " + printable(share.dataset.name);
  if (!share.dataset.version.empty()) line += ", version " + printable(share.dataset.version);
  return line + fmt::format("\n\n{} sample{} of this export. ", share.samples,
                            share.samples == 1 ? "" : "s");
}

std::string source_line(const DatasetInfo& dataset) {
  if (dataset.source_url.empty()) return "Source: **unknown**.\n";
  return "Source: " + printable(dataset.source_url) + "\n";
}

std::string licence_part(const char* what, const Licence& licence) {
  std::string text = fmt::format("\n### Licence of the {}: ", what);
  if (is_unknown(licence)) {
    text += fmt::format(
        "UNKNOWN\n\n**The bank holds no licence that is known for these {0}. Do "
        "not pass the {0} on before you have asked their source.**\n",
        what);
  } else {
    text += printable(tag_of(licence)) + "\n";
    if (!redistributable(tag_of(licence))) {
      text += fmt::format(
          "\nThese terms are not among those that let anybody pass the {} on. "
          "Read them first.\n",
          what);
    }
  }
  if (!licence.text.empty()) text += "\n" + quoted(licence.text);
  if (!licence.source.empty()) text += "\nRead in: " + printable(licence.source) + "\n";
  return text;
}

Json licence_json(const Licence& licence) {
  return {{"tag", tag_of(licence)}, {"text", licence.text}, {"source", licence.source}};
}

}  // namespace

std::vector<DatasetShare> datasets_of(const Selection& selection, const std::stop_token& stop) {
  const ExportSource source(selection);
  std::map<std::string, DatasetShare> shares;
  for (const SampleId id : selection.ids()) {
    if (stop.stop_requested()) throw Error(ErrorCode::interrupted, "the export was interrupted");
    const auto info = source.info(id);
    if (!info) continue;  // deleted meanwhile; the exporter says so
    const auto origin = source.origin(info->volume_id);
    auto& share = shares[origin->dataset->name];
    if (share.samples++ == 0) share.dataset = *origin->dataset;
  }
  std::vector<DatasetShare> list;
  list.reserve(shares.size());
  for (auto& [name, share] : shares) list.push_back(std::move(share));
  return list;
}

std::string licences_text(const std::vector<DatasetShare>& shares) {
  std::string text =
      "# Licences\n\nThe data in this folder come from the datasets below. Each keeps its own "
      "terms; images and labels may have different ones.\n";
  std::string unknown;
  for (const auto& share : shares) {
    if (!is_unknown(share.dataset.image_licence) && !is_unknown(share.dataset.label_licence)) {
      continue;
    }
    unknown += "- " + printable(share.dataset.name) + "\n";
  }
  if (!unknown.empty()) {
    text += "\n**Warning: a licence is UNKNOWN for these datasets:**\n\n" + unknown;
  }
  for (const auto& share : shares) {
    text += heading(share) + source_line(share.dataset);
    text += licence_part("images", share.dataset.image_licence);
    text += licence_part("labels", share.dataset.label_licence);
  }
  return text;
}

std::string citations_text(const std::vector<DatasetShare>& shares) {
  std::string text =
      "# Citations\n\nWho uses the data in this folder should cite the people who made them.\n";
  for (const auto& share : shares) {
    text += heading(share) + source_line(share.dataset) + "\n";
    text += share.dataset.citation.empty()
                ? "**The bank holds no citation for this dataset: ask its source.**\n"
                : quoted(share.dataset.citation);
  }
  return text;
}

std::string manifest_head(const Selection& selection, const ExportOptions& options) {
  std::string tool = options.tool_version;
  if (tool.empty()) {
    const auto versions = build_versions();
    if (!versions.empty()) tool = versions.front().first + " " + versions.front().second;
  }
  Json settings = Json::object();
  for (const auto& [name, value] : options.settings) settings[name] = value;
  const Json bank = {{"uuid", uuid_text(selection.bank().uuid())},
                     {"generation", raw(selection.generation())}};
  const Json found = {{"query", selection.query()},
                      {"fingerprint", selection.fingerprint()},
                      {"samples", selection.size()}};
  std::string text = "{\n";
  text += "  \"slicebank_export\": 1,\n";
  text += "  \"tool\": " + json_string(tool) + ",\n";
  text += "  \"format\": " + json_string(options.format) + ",\n";
  text += "  \"settings\": " + dump(settings) + ",\n";
  text += "  \"bank\": " + dump(bank) + ",\n";
  text += "  \"selection\": " + dump(found) + ",\n";
  return text + "  \"files\": [";
}

std::string manifest_file(const WrittenFile& file, bool first) {
  return fmt::format("{}\n    {{\"path\": {}, \"bytes\": {}, \"xxh3_128\": \"{}\"}}",
                     first ? "" : ",", json_string(file.path), file.bytes, file.xxh3_128);
}

std::string manifest_tail(const std::vector<DatasetShare>& shares, const ExportReport& report) {
  Json datasets = Json::array();
  for (const auto& share : shares) {
    datasets.push_back({{"name", share.dataset.name},
                        {"version", share.dataset.version},
                        {"samples", share.samples},
                        {"source_url", share.dataset.source_url},
                        {"citation", share.dataset.citation},
                        {"image_licence", licence_json(share.dataset.image_licence)},
                        {"label_licence", licence_json(share.dataset.label_licence)}});
  }
  Json losses = Json::array();
  for (const auto& loss : report.losses) {
    losses.push_back({{"sample", raw(loss.sample)}, {"message", loss.message}});
  }
  const Json written = {{"samples", report.samples},
                        {"masks", report.masks},
                        {"files", report.files},
                        {"bytes", report.bytes}};
  std::string text = "\n  ],\n";
  text += "  \"written\": " + dump(written) + ",\n";
  text += "  \"datasets\": " + dump(datasets) + ",\n";
  text += fmt::format("  \"losses_total\": {},\n", report.losses_total);
  return text + "  \"losses\": " + dump(losses) + "\n}\n";
}

std::string loss_line(const ExportLoss& loss) {
  return fmt::format("{{\"sample\": {}, \"message\": {}}}\n", raw(loss.sample),
                     json_string(loss.message));
}

}  // namespace slicebank::exporting
