// What the tests of the importers ask of a source and of a bank.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "importers/import.h"
#include "importers/importer.h"
#include "store/bank.h"
#include "store/reader.h"
#include "store/select.h"

namespace slicebank::testing {

inline std::vector<SourceItem> scan_all(const Importer& importer, const SourceTree& source) {
  std::vector<SourceItem> items;
  importer.scan(source, [&](SourceItem&& item) {
    items.push_back(std::move(item));
    return true;
  });
  return items;
}

// "kind path" of each problem the import told, in order.
struct Told {
  std::vector<Problem> problems;

  std::vector<std::string> kinds_at(const std::string& path) const {
    std::vector<std::string> kinds;
    for (const Problem& problem : problems) {
      if (problem.path == path) kinds.push_back(problem.kind);
    }
    return kinds;
  }
  bool has(const std::string& kind, const std::string& path) const {
    const auto kinds = kinds_at(path);
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  }
};

inline ImportReport import_into(const std::filesystem::path& bank,
                                const std::filesystem::path& source, Told* told = nullptr,
                                ImportOptions options = {}) {
  options.tool_version = "test";
  if (told != nullptr) {
    options.problem = [told](const Problem& problem) { told->problems.push_back(problem); };
  }
  return import_source(bank, source, options);
}

// The first column of every row, as text.
inline std::vector<std::string> column(const Bank& bank, const std::string& sql) {
  std::vector<std::string> values;
  for (Rows rows = select(bank, sql); rows.next();) values.emplace_back(rows.text(0));
  return values;
}

inline std::vector<SampleId> all_ids(const Bank& bank) {
  std::vector<SampleId> ids;
  bank.reader().for_each_id([&](SampleId id) {
    ids.push_back(id);
    return true;
  });
  return ids;
}

// Every sample by its name; names are unique in the sources of these tests.
inline std::map<std::string, Sample> samples_by_name(const Bank& bank) {
  std::map<std::string, Sample> samples;
  const Reader reader = bank.reader();
  for (const SampleId id : all_ids(bank)) {
    Sample sample = reader.sample(id);
    samples.emplace(sample.name, std::move(sample));
  }
  return samples;
}

}  // namespace slicebank::testing
