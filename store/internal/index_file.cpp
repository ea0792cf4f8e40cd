#include "store/internal/index_file.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include "schema/error.h"
#include "store/internal/file_system.h"
#include "store/internal/migrate.h"

namespace slicebank {
namespace {

void remove_if_there(const std::filesystem::path& file) {
  std::error_code failed;
  std::filesystem::remove(file, failed);
  if (failed) throw Error(ErrorCode::io, file.string() + ": remove: " + failed.message());
}

void remove_index_files(const std::filesystem::path& file) noexcept {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    std::filesystem::remove(file.string() + suffix, ignored);
  }
}

}  // namespace

void build_index(const std::filesystem::path& file,
                 const std::function<void(sqlite::Connection&, Projection&)>& body) {
  try {
    {
      sqlite::Connection connection = sqlite::Connection::open(file, sqlite::Purpose::create);
      sqlite::Transaction transaction(connection);
      migrate_index(connection);
      {
        Projection projection(connection);
        body(connection, projection);
      }
      transaction.commit();
    }
    // The write-ahead log is a property of the file; switching it on here spares the
    // first writer an exclusive lock that readers might withhold.
    sqlite::Connection::open(file, sqlite::Purpose::write);
    sync_path(file);
  } catch (...) {
    remove_index_files(file);
    throw;
  }
}

void replace_index(const std::filesystem::path& built, const std::filesystem::path& file) {
  if (!sqlite::Connection::leave_write_ahead_log(file)) {
    // The index itself goes first: without its log it may be half of two generations.
    remove_if_there(file);
    remove_if_there(file.string() + "-wal");
    remove_if_there(file.string() + "-shm");
  }
  std::error_code failed;
  std::filesystem::rename(built, file, failed);
  if (failed) throw Error(ErrorCode::io, file.string() + ": rename: " + failed.message());
  sync_path(file.parent_path());
}

}  // namespace slicebank
