// Lists of cases: splits and audits of a dataset of which no image need be here.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <utility>
#include <vector>

#include "importers/choice.h"
#include "importers/importer.h"
#include "python/native/native.h"
#include "python/native/split_words.h"
#include "query/audit_cases.h"
#include "query/audit_lists.h"
#include "query/split_list.h"

namespace slicebank::python {
namespace {

using Rows = std::vector<CaseRow>;

std::string text_of(const nb::dict& row, const char* key) {
  return row.contains(key) && !row[key].is_none() ? nb::cast<std::string>(row[key]) : std::string();
}

Rows rows_of(const nb::list& list) {
  Rows rows;
  for (const nb::handle each : list) {
    const auto dict = nb::cast<nb::dict>(each);
    CaseRow row;
    row.dataset = text_of(dict, "dataset");
    row.subject = text_of(dict, "subject");
    row.key = text_of(dict, "key");
    row.file = text_of(dict, "file");
    row.modality = text_of(dict, "modality");
    row.official_split = text_of(dict, "official_split");
    if (dict.contains("classes")) {
      row.classes = nb::cast<std::vector<std::string>>(dict["classes"]);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

nb::dict row_dict(const SourceItem& item) {
  std::vector<std::string> classes;
  for (const MaskSource& mask : item.masks) classes.push_back(mask.class_name);
  for (const LabelSource& label : item.labels) {
    if (label.value > 0) classes.push_back(label.class_name);
  }
  nb::dict row;
  row["dataset"] = item.dataset;
  row["subject"] = item.patient_id;
  row["key"] = item.volume_key;
  // Two rows of an archive are two images, and so are two frames.
  row["file"] = item.image_paths.front() + (item.place.empty() ? "" : "#" + item.place);
  row["modality"] = item.modality;
  row["official_split"] = item.official_split;
  row["classes"] = classes;
  return row;
}

// The cases of a folder, and how many rows of its lists have no image.
std::pair<nb::list, std::uint64_t> list_cases(const std::string& source,
                                              const std::string& format) {
  std::vector<SourceItem> items;
  std::uint64_t unusable = 0;
  {
    const nb::gil_scoped_release release;
    const ChosenImporter chosen = choose_importer(source, format);
    chosen.importer->scan(SourceTree{chosen.root}, [&](SourceItem&& item) {
      if (item.image_paths.empty()) {
        ++unusable;
      } else {
        items.push_back(std::move(item));
      }
      return true;
    });
  }
  nb::list rows;
  for (const SourceItem& item : items) rows.append(row_dict(item));
  return {std::move(rows), unusable};
}

// `kept`: a side or an empty text a row, or nothing at all; `held_out`: a side and its rows.
ListSplit split_rows(const nb::list& list, const nb::dict& words, std::vector<std::string> kept,
                     std::vector<std::pair<std::string, std::vector<std::size_t>>> held_out) {
  const Rows rows = rows_of(list);
  ListPlan plan;
  plan.options = split_options_of(words);
  plan.kept = std::move(kept);
  plan.held_out = std::move(held_out);
  const nb::gil_scoped_release release;
  return make_list_split(rows, plan);
}

std::vector<std::string> audit_lists(const nb::list& list, const std::string& path,
                                     const SubjectAliases* aliases) {
  const Rows rows = rows_of(list);
  const nb::gil_scoped_release release;
  std::vector<std::string> reports;
  for (const ListedSplit& listed : read_split_lists(path)) {
    reports.push_back(audit_cases(rows, listed, aliases).to_json());
  }
  return reports;
}

}  // namespace

void bind_cases(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<ListSplit>(module, "ListSplit", "A split of a list; see slicebank.CaseSplit.")
      .def_ro("sides", &ListSplit::sides)
      .def_ro("members", &ListSplit::members)
      .def("report_json", [](const ListSplit& it) { return it.report.to_json(); });
  module.def("list_cases", &list_cases, "source"_a, "format"_a,
             nb::sig("def list_cases(source: str, format: str) -> tuple[list[dict[str, "
                     "typing.Any]], int]"));
  module.def("split_rows", &split_rows, "rows"_a, "words"_a, "kept"_a, "held_out"_a,
             nb::sig("def split_rows(rows: list[typing.Any], words: dict[str, typing.Any], kept: "
                     "list[str], held_out: list[tuple[str, list[int]]]) -> ListSplit"));
  module.def(
      "rows_csv",
      [](const nb::list& rows, const ListSplit& split) {
        return list_split_csv(rows_of(rows), split);
      },
      "rows"_a, "split"_a,
      nb::sig("def rows_csv(rows: list[typing.Any], split: ListSplit) -> str"));
  module.def(
      "audit_rows",
      [](const nb::list& rows, const ListSplit& split, const SubjectAliases* aliases) {
        return audit_cases(rows_of(rows), split, aliases).to_json();
      },
      "rows"_a, "split"_a, "aliases"_a.none(),
      nb::sig("def audit_rows(rows: list[typing.Any], split: ListSplit, aliases: SubjectAliases | "
              "None) -> str"));
  module.def("audit_lists", &audit_lists, "rows"_a, "path"_a, "aliases"_a.none(),
             nb::sig("def audit_lists(rows: list[typing.Any], path: str, aliases: SubjectAliases | "
                     "None) -> list[str]"));
}

}  // namespace slicebank::python
