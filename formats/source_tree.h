// Files beneath an import root: nothing outside it is ever opened.
//
// Relative paths come from JSON and text files written by others, so they are hostile
// until proven otherwise: "..", absolute paths, NUL, symbolic links that lead out, FIFOs
// and devices are refused. Safe from many threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/byte_source.h"

namespace slicebank {

struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
};

class SourceTree {
 public:
  // Error(not_found) when `root` is no directory.
  explicit SourceTree(const std::filesystem::path& root);
  ~SourceTree();
  SourceTree(SourceTree&&) noexcept;
  SourceTree& operator=(SourceTree&&) noexcept;
  SourceTree(const SourceTree&) = delete;
  SourceTree& operator=(const SourceTree&) = delete;

  const std::filesystem::path& root() const noexcept { return root_; }
  std::string name() const;  // last part of the root's path

  // Whole file. Error(bad_format) for a path that leaves the root or is no regular file,
  // Error(not_found) when it is not there, Error(limit) above schema/limits.h.
  std::vector<std::byte> read(const std::string& relative_path) const;

  // The same file, open for reading and not read: for those that are larger than memory
  // (a MedMNIST+ npz has 12 GB). The same checks and errors as read(), except that no size
  // is too large: nothing is held. It does not need the tree any more; size() is that of
  // the moment of opening.
  std::unique_ptr<const ByteSource> open(const std::string& relative_path) const;

  // Nothing when the file is not there; throws as read() for a path that is not allowed.
  std::optional<FileStamp> stamp(const std::string& relative_path) const;

  // What readers of this tree want to keep from one call to the next, for as long as the
  // tree lives: made by the first who asks for `key`, the same for all who ask later. The
  // caller knows the type behind a key of its own. `make` runs under a lock and must not
  // call shared(); what it throws is let through, and the next one who asks tries again.
  std::shared_ptr<void> shared(const std::string& key,
                               const std::function<std::shared_ptr<void>()>& make) const;

 private:
  struct Shared;

  std::filesystem::path root_;
  int descriptor_ = -1;
  std::unique_ptr<Shared> shared_;
};

// A relative path as foreign JSON writes it, made plain: "./" dropped, "\" to "/", empty
// parts removed. Throws Error(bad_format), quoting it escaped, for an absolute path, "..",
// NUL, a line break, or one longer than schema/limits.h allows.
std::string clean_relative_path(const std::string& path);

// Control characters as \xNN, so that a hostile name cannot steer a terminal or a log.
std::string printable(const std::string& text);

}  // namespace slicebank
