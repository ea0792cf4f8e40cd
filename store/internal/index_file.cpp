#include "store/internal/index_file.h"

#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "store/internal/file_system.h"
#include "store/internal/migrate.h"

namespace slicebank {
namespace {

void remove_if_there(const std::filesystem::path& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) throw system_error(file, "remove");
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
      write_plan_statistics(connection);
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
  if (::rename(built.c_str(), file.c_str()) != 0) throw system_error(file, "rename");
  sync_path(file.parent_path());
}

}  // namespace slicebank
