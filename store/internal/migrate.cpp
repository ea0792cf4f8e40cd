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
    ,
#include "0005_masks_by_counts.sql.inc"
};

// What SQLite's planner is told of the tables, instead of what ANALYZE would count: the same
// in every bank, so that a question has one plan whatever the size, and written at once.
// Shapes are those of a large collection, but for masks: a reading by (class, modality,
// dataset) is called short and one by sample long, because a planner takes every IN (SELECT
// ...) for 25 rows, and a side of a split has millions.
constexpr const char* kPlanStatistics = R"sql(
ANALYZE sqlite_schema;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 VALUES
  ('_modality', NULL, '12'), ('_modality', 'sqlite_autoindex__modality_1', '12 1'),
  ('_sequence', NULL, '60'), ('_region', NULL, '10'),
  ('_class', NULL, '600'), ('_class', 'sqlite_autoindex__class_1', '600 1'),
  ('_class_member', '_class_member', '2000 3 1'),
  ('_dataset', NULL, '150'), ('_dataset', 'sqlite_autoindex__dataset_1', '150 1'),
  ('_raw_class', '_raw_class', '2500 16 1'),
  ('_subject', NULL, '60000'), ('_subject', 'sqlite_autoindex__subject_1', '60000 400 1'),
  ('_volume', NULL, '60000'), ('_volume', 'sqlite_autoindex__volume_1', '60000 400 1'),
  ('_volume', '_volume_subject', '60000 1'),
  ('_coverage_set', '_coverage_set', '2000 16 1'),
  ('_sample', NULL, '5000000'),
  ('_sample', '_sample_facets', '5000000 500000 40000 80'),
  ('_sample', '_sample_subject', '5000000 80'),
  ('_sample', '_sample_volume', '5000000 80 80 1'),
  ('_sample', '_sample_dataset', '5000000 35000'),
  ('_sample', '_sample_hash', '5000000 1 1'),
  ('_mask', '_mask', '20000000 4000 1000 20 2 1'),
  ('_mask', '_mask_sample', '20000000 50'),
  ('_label', '_label', '1000000 4000 1000 20 2 1'),
  ('_label', '_label_sample', '1000000 50'),
  ('_rollup_mask', '_rollup_mask', '2500 5 2 1'),
  ('_rollup_sample', '_rollup_sample', '200 20 1'),
  ('_split', NULL, '4'), ('_split', 'sqlite_autoindex__split_1', '4 1'),
  ('_split_side', '_split_side', '12 3 1'),
  ('_split_sample', '_split_sample', '20000000 5000000 1600000 1'),
  ('_split_sample', '_split_sample_id', '20000000 4 1'),
  ('_facet', '_facet', '200000 15000 10 1');
)sql";

// The oldest index that a reader makes do with: what came after it are additions.
constexpr int kReadableVersion = 1;
constexpr int kFacetVersion = 2;
constexpr int kStatisticsVersion = 4;

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
  if (before < kStatisticsVersion) write_plan_statistics(connection);
  return before != 0 && before < kFacetVersion;
}

void write_plan_statistics(sqlite::Connection& connection) { connection.execute(kPlanStatistics); }

void check_index_version(const sqlite::Connection& connection) {
  const int version = version_of(connection);
  if (version >= kReadableVersion) return;
  throw Error(ErrorCode::needs_reindex,
              connection.file().string() + " has version " + std::to_string(version) + " and not " +
                  std::to_string(index_version()),
              hint(connection));
}

}  // namespace slicebank
