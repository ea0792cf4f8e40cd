// What stands behind a Connection. For the files of sqlite.h only.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/internal/sqlite.h"
#include "store/internal/watchdog.h"

struct sqlite3;

namespace slicebank::sqlite {

// The samples of one filter, as matching() goes through them.
struct FoundRows {
  SampleMatches matches;
  std::vector<std::uint32_t> ids;         // ascending; filled when somebody goes through them
  std::vector<std::uint32_t> by_subject;  // ids by subject, then by id; the same
};

struct Handle {
  Handle() = default;
  ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  sqlite3* database = nullptr;
  std::filesystem::path file;

  // Of a guarded connection only.
  std::optional<GuardRules> rules;
  std::set<std::string> tables;   // that may be read
  std::set<std::string> modules;  // tables that are code
  int functions = 0;              // calls seen in the statement being prepared
  std::string refusal;            // why the authorizer said no
  std::unique_ptr<Watchdog> watchdog;

  // What matches() and matching() have found for the statement that is running.
  std::map<std::string, std::shared_ptr<FoundRows>> found;
  std::shared_ptr<const std::vector<std::uint32_t>> subjects;  // of each sample, by its id
  std::unique_ptr<Statement> generation;                       // asks the snapshot for its own
  mutable std::exception_ptr failure;  // that they could not throw through SQLite

  std::unordered_map<std::string, Statement> kept;  // by their text

  [[noreturn]] void fail(int code, const std::string& what) const;
  Generation snapshot_generation() const;
};

void configure(sqlite3* database, int option, int value);

// Adds matches() and matching() to a guarded connection.
void add_matching(Handle& handle);

}  // namespace slicebank::sqlite
