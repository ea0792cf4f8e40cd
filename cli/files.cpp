#include "cli/files.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "schema/error.h"

namespace slicebank::cli {

void write_new_file(const std::filesystem::path& path, Bytes content) {
  const std::filesystem::path partial = path.string() + ".partial";
  const auto fail = [&](const char* what) {
    const std::string reason = std::strerror(errno);
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    throw Error(ErrorCode::io, fmt::format("{} {}: {}", what, path.string(), reason));
  };
  {
    struct Close {
      void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, Close> file(std::fopen(partial.c_str(), "wb"));
    if (!file) fail("cannot write");
    if (std::fwrite(content.data(), 1, content.size(), file.get()) != content.size())
      fail("cannot write");
    if (std::fclose(file.release()) != 0) fail("cannot write");
  }
  if (std::rename(partial.c_str(), path.c_str()) != 0) fail("cannot write");
}

}  // namespace slicebank::cli
