// Rows of npz members for several decoding threads. A deflated member can only be read
// from its beginning on, and official files have 10 GB: so one pass is made for all
// threads, and the rows that it passes are kept for those who ask a little late.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "formats/array.h"
#include "formats/npz_reader.h"
#include "formats/source_tree.h"
#include "schema/error.h"

namespace slicebank::internal {

// One member. Any thread.
class NpzRowWindow {
 public:
  // Rows that were passed and not asked for: the last ones, up to both numbers.
  static constexpr std::size_t kRowsKept = 1024;
  static constexpr std::size_t kBytesKept = std::size_t{64} << 20;

  NpzRowWindow(NpzReader reader, std::string key);

  // The row as an array without the leading axis. Given away: who asks again makes the pass
  // begin again, as does who asks for a row that is not kept any more. Throws Error as
  // NpzRows, and Error(bad_argument) for a row behind the end. Where the member is damaged
  // every row from there on throws the same at once.
  Array row(std::uint64_t index);

  std::uint64_t passes() const;  // how often the member was begun

 private:
  Array row_of_whole(std::uint64_t index);
  void begin();
  void pass(std::uint64_t index);
  void keep(std::uint64_t index, Array&& row);

  NpzReader reader_;
  const std::string key_;

  mutable std::mutex mutex_;
  std::uint64_t rows_ = 0;
  std::optional<NpzRows> walk_;
  std::optional<Array> whole_;           // of a member in Fortran order
  std::map<std::uint64_t, Array> kept_;  // passed, not asked for
  std::size_t kept_bytes_ = 0;
  std::uint64_t passes_ = 0;
  std::optional<std::pair<std::uint64_t, Error>> damage_;  // the first row that is lost
};

// The windows of one tree: of the members that were used last. Any thread.
class NpzRowWindows {
 public:
  // Lives as long as the tree.
  static std::shared_ptr<NpzRowWindows> of(const SourceTree& source);

  // Opens the file when it is new. Throws as NpzReader and SourceTree::open().
  Array row(const SourceTree& source, const std::string& path, const std::string& key,
            std::uint64_t index);

  std::uint64_t passes() const;  // of all windows there ever were

 private:
  struct Slot {
    std::string path;
    std::string key;
    std::shared_ptr<NpzRowWindow> window;
  };

  std::shared_ptr<NpzRowWindow> window(const SourceTree& source, const std::string& path,
                                       const std::string& key);

  mutable std::mutex mutex_;
  std::list<Slot> slots_;  // the last used first
  std::uint64_t passes_of_closed_ = 0;
};

}  // namespace slicebank::internal
