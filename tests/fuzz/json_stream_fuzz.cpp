// Lists and mappings as importers read them, of any bytes.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "formats/json_stream.h"
#include "schema/error.h"
#include "schema/limits.h"
#include "tests/fuzz/fuzz.h"

namespace slicebank {
namespace {

// A file that lives in memory and has a path.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size)
      : descriptor_(::memfd_create("fuzz.json", MFD_CLOEXEC)) {
    if (descriptor_ < 0 || ::write(descriptor_, data, size) != static_cast<ssize_t>(size)) {
      std::abort();
    }
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

void check(const std::string& text) {
  if (text.size() > limits::kJsonStringBytesMax) std::abort();
}

}  // namespace
}  // namespace slicebank

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  using namespace slicebank;
  const MemoryFile file(data, size);
  try {
    json::for_each_string_list(file.path(), [](const std::string& key, const auto& values) {
      check(key);
      for (const std::string& value : values) check(value);
      return true;
    });
  } catch (const Error&) {
    // The only way out that is allowed.
  }
  try {
    json::for_each_string_map(
        file.path(), [](const std::string& outer, const std::string& inner, const std::string& v) {
          check(outer);
          check(inner);
          check(v);
          return true;
        });
  } catch (const Error&) {
    // As above.
  }
}
