// Which rows of npz members hold the same pixels. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/array.h"
#include "formats/source_tree.h"
#include "schema/error.h"

namespace slicebank::internal {

// In which of up to 64 members of a file there is a row of the same shape, type and bytes.
class RowDigests {
 public:
  // The one of these members; lives as long as the tree.
  static std::shared_ptr<RowDigests> of(const SourceTree& source, const std::string& path,
                                        const std::vector<std::string>& members);

  RowDigests(std::string path, std::vector<std::string> members)
      : path_(std::move(path)), members_(std::move(members)) {}

  // Bit n: it is in member n. The first call reads all members once, some 40 bytes a row
  // are kept. Throws as NpzReader, for every call then.
  std::uint64_t members_with(const SourceTree& source, const Array& row);

 private:
  void read(const SourceTree& source);

  const std::string path_;
  const std::vector<std::string> members_;
  std::mutex mutex_;
  bool read_ = false;
  std::optional<Error> damage_;
  std::unordered_map<std::uint64_t, std::uint64_t> members_of_;  // by digest
};

}  // namespace slicebank::internal
