// The folder an export is written to: "<destination>.partial" until everything is there.
//
// Nothing outside it is ever touched: every path is opened part by part below its
// descriptor, symbolic links are not followed. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/internal/xxh3.h"
#include "schema/sample.h"

namespace slicebank::exporting {

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const noexcept { return number_; }
  bool open() const noexcept { return number_ >= 0; }
  int release() noexcept;

 private:
  int number_ = -1;
};

// Writes all bytes. Error(out_of_space) when the disk is full, Error(io) otherwise;
// `name` is what the message calls the file.
void write_all(int descriptor, Bytes bytes, const std::string& name);

struct WrittenFile {
  std::string path;  // relative to the destination
  std::uint64_t bytes = 0;
  std::string xxh3_128;  // 32 hex digits
};

class ExportFolder;

// A file being written under a temporary name. Without finish() it never gets its own.
class OutputFile {
 public:
  void write(Bytes bytes);
  void write(std::string_view text);

  // Gives the file its name. Error(already_exists) when there is one of that name.
  WrittenFile finish();

  ~OutputFile() = default;
  OutputFile(OutputFile&&) noexcept = default;
  OutputFile& operator=(OutputFile&&) noexcept = default;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

 private:
  friend class ExportFolder;
  OutputFile(int folder, Descriptor file, std::string temporary_path, std::string path);
  void flush();

  int folder_ = -1;
  Descriptor file_;
  std::string temporary_path_;
  std::string path_;
  std::vector<std::byte> buffer_;
  std::uint64_t bytes_ = 0;
  Xxh3Stream hash_;
};

class ExportFolder {
 public:
  // Claims "<destination>.partial": makes it, or empties what an interrupted export left.
  // Error(already_exists) when the destination has content or the partial folder is not
  // ours, Error(locked) when another export is at work in it.
  explicit ExportFolder(const std::filesystem::path& destination);
  // Removes the partial folder unless publish() has renamed it.
  ~ExportFolder();
  ExportFolder(const ExportFolder&) = delete;
  ExportFolder& operator=(const ExportFolder&) = delete;

  const std::filesystem::path& destination() const noexcept { return destination_; }
  const std::filesystem::path& partial() const noexcept { return partial_; }

  // A new file; folders are made as needed. Throws Error(bad_argument) for a path that
  // is absolute or has empty, "." or ".." parts.
  OutputFile open(const std::string& relative_path);

  // Brings everything to the disk and renames the folder to the destination.
  void publish();

 private:
  void claim();
  void remove_content();
  int folder_of(const std::string& relative_path);

  std::filesystem::path destination_;
  std::filesystem::path partial_;
  Descriptor root_;
  Descriptor marker_;                          // holds the lock
  std::map<std::string, Descriptor> folders_;  // few; those in use stay open
  std::uint64_t temporary_names_ = 0;
  bool published_ = false;
};

}  // namespace slicebank::exporting
