#include "store/internal/migrate.h"

#include <iterator>
#include <string>

#include "schema/error.h"

namespace slicebank {
namespace {

// Forward only: entry n brings version n to n + 1. Never change one that was released.
const char* const kMigrations[] = {
#include "0001_initial.sql.inc"
    ,
#include "0002_facets.sql.inc"
    ,
#include "0004_generations.sql.inc"
};

// The oldest index that a reader makes do with: what came after it are additions.
constexpr int kReadableVersion = 1;
constexpr int kFacetVersion = 2;

std::string hint(const sqlite::Connection& connection) {
  return "run `slicebank reindex " + connection.file().parent_path().string() + "`";
}

// Version of the file; 0 for an empty one.
int version_of(const sqlite::Connection& connection) {
  const auto application = connection.integer("PRAGMA application_id");
  const auto version = static_cast<int>(connection.integer("PRAGMA user_version"));
  if (application != kIndexApplicationId &&
      (application != 0 || version != 0 ||
       connection.integer("SELECT count(*) FROM sqlite_schema") != 0)) {
    throw Error(ErrorCode::needs_reindex, connection.file().string() + " is no index of a bank",
                hint(connection));
  }
  if (version > index_version()) {
    throw Error(ErrorCode::wrong_version,
                connection.file().string() + " has version " + std::to_string(version) +
                    "; this build knows up to " + std::to_string(index_version()),
                "use a newer slicebank");
  }
  return version;
}

}  // namespace

int index_version() { return static_cast<int>(std::size(kMigrations)); }

bool migrate_index(sqlite::Connection& connection) {
  const int before = version_of(connection);
  for (int version = before; version < index_version(); ++version) {
    connection.execute(kMigrations[version]);
    connection.execute("PRAGMA application_id = " + std::to_string(kIndexApplicationId));
    connection.execute("PRAGMA user_version = " + std::to_string(version + 1));
  }
  return before != 0 && before < kFacetVersion;
}

void check_index_version(const sqlite::Connection& connection) {
  const int version = version_of(connection);
  if (version >= kReadableVersion) return;
  throw Error(ErrorCode::needs_reindex,
              connection.file().string() + " has version " + std::to_string(version) + " and not " +
                  std::to_string(index_version()),
              hint(connection));
}

}  // namespace slicebank
