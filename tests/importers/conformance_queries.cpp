#include "tests/importers/conformance_queries.h"

#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "query/selection.h"
#include "store/select.h"

namespace slicebank::testing {
namespace {

using nlohmann::json;

using Ids = std::set<std::uint64_t>;

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

Ids found_by(const Bank& bank, const std::string& where) {
  Ids found;
  const Selection selection = select_samples(bank, where);
  for (const SampleId id : selection.ids()) found.insert(raw(id));
  CHECK(found.size() == selection.size());
  return found;
}

std::string text_of(const Ids& ids) {
  std::string text;
  for (const std::uint64_t id : ids) text += std::to_string(id) + " ";
  return text;
}

// The samples of each expected volume, and of those the slices on which something is, read
// from the tables and not through a filter.
class Slices {
 public:
  Slices(const Bank& bank, const json& wanted) {
    for (const json& volume : wanted["volumes"]) {
      Rows rows = select(bank,
                         "SELECT s.id, s.slice FROM samples s JOIN volumes v ON v.id = s.volume_id "
                         "WHERE v.dataset = ? AND v.key = ?",
                         {volume["dataset"].get<std::string>(), volume["key"].get<std::string>()});
      auto& ids = ids_[&volume];
      while (rows.next()) {
        ids[static_cast<std::uint32_t>(rows.integer(1))].insert(
            static_cast<std::uint64_t>(rows.integer(0)));
      }
    }
  }

  void add_all(const json& volume, Ids& to) const {
    for (const auto& [slice, ids] : ids_.at(&volume)) to.insert(ids.begin(), ids.end());
  }

  void add(const json& volume, const json& slices, Ids& to) const {
    for (const json& slice : slices) {
      const auto found = ids_.at(&volume).find(slice.get<std::uint32_t>());
      REQUIRE(found != ids_.at(&volume).end());
      to.insert(found->second.begin(), found->second.end());
    }
  }

 private:
  std::map<const json*, std::map<std::uint32_t, Ids>> ids_;
};

// Every filter that the volumes themselves suggest, with what it has to find.
std::map<std::string, Ids> filters_of(const json& wanted, const Slices& slices) {
  std::map<std::string, Ids> right;
  for (const json& volume : wanted["volumes"]) {
    const std::string in_dataset =
        "dataset = " + quoted(volume["dataset"].get<std::string>()) + " AND ";
    slices.add_all(volume,
                   right[in_dataset + "patient = " + quoted(volume["patient"].get<std::string>())]);
    const bool split = volume["split"].is_string() && volume["split"] != "";
    slices.add_all(volume,
                   right[split ? "official_split = " + quoted(volume["split"].get<std::string>())
                               : "official_split IS NULL"]);
    const bool modality = volume["modality"].is_string() && volume["modality"] != "";
    slices.add_all(volume,
                   right[modality ? "modality = " + quoted(volume["modality"].get<std::string>())
                                  : "modality IS NULL"]);
    for (const auto& [name, mask] : volume["masks"].items()) {
      slices.add(volume, mask["slices"], right[in_dataset + "raw_class = " + quoted(name)]);
    }
    if (!volume.contains("labels")) continue;
    for (const auto& [name, value] : volume["labels"].items()) {
      if (value.get<double>() <= 0) continue;
      slices.add_all(volume, right[in_dataset + "raw_class = " + quoted(name)]);
    }
  }
  return right;
}

void check_named(const Bank& bank, const json& wanted, const json& query) {
  std::map<std::string, std::uint64_t> got;
  for (const std::uint64_t id : found_by(bank, query["where"])) {
    Rows row =
        select(bank, "SELECT volume FROM samples WHERE id = ?", {static_cast<std::int64_t>(id)});
    REQUIRE(row.next());
    ++got[std::string(row.text(0))];
  }
  std::map<std::string, std::uint64_t> right;
  if (query["volumes"].is_object()) {
    right = query["volumes"].get<std::map<std::string, std::uint64_t>>();
  } else {
    for (const json& key : query["volumes"]) {
      for (const json& volume : wanted["volumes"]) {
        if (volume["key"] == key) right[key] += volume["slices"].get<std::uint64_t>();
      }
    }
  }
  CHECK(got == right);
}

}  // namespace

void check_queries(const Bank& bank, const json& wanted) {
  for (const json& query : wanted["queries"]) {
    INFO("query ", query["where"].get<std::string>());
    check_named(bank, wanted, query);
  }
  const Slices slices(bank, wanted);
  for (const auto& [where, right] : filters_of(wanted, slices)) {
    INFO("query ", where);
    CHECK(text_of(found_by(bank, where)) == text_of(right));
  }
}

void check_facets_asked(const json& cases) {
  std::set<std::string> needed = {"class = ", "patient ", "modality = ", "region = "};
  for (const json& wanted : cases) {
    for (const json& volume : wanted["volumes"]) {
      if (volume["split"].is_string() && volume["split"] != "") needed.insert("official_split ");
    }
  }
  for (const json& wanted : cases) {
    for (const json& query : wanted["queries"]) {
      if (query["volumes"].empty()) continue;
      const std::string where = " " + query["where"].get<std::string>();
      std::erase_if(needed, [&](const std::string& facet) {
        return where.find(" " + facet) != std::string::npos;
      });
    }
  }
  for (const std::string& facet : needed) FAIL_CHECK("no query by ", facet);
}

}  // namespace slicebank::testing
