#include "store/version.h"

#include <fmt/format.h>

#include "schema/record_layout.h"
#include "schema/taxonomy.h"
#include "store/bank.h"
#include "store/internal/lmdb.h"
#include "store/internal/sqlite.h"
#include "store/internal/wave/wave.h"
#include "store/internal/zstd.h"

namespace slicebank {

std::vector<std::pair<std::string, std::string>> build_versions() {
  const unsigned zstd = zstd::library_version();
  const FormatVersion format;
  return {
      {"slicebank", SLICEBANK_VERSION},
      {"bank", fmt::format("{}.{}", format.major, format.minor)},
      {"record", std::to_string(kRecordLayoutVersion)},
      {"taxonomy", std::to_string(Taxonomy::builtin_version())},
      {"sqlite", sqlite::library_version()},
      {"lmdb", lmdb::library_version()},
      {"zstd", fmt::format("{}.{}.{}", zstd / 10000, zstd / 100 % 100, zstd % 100)},
      {"kernels", std::string(wave::kernels())},
      {"compiler", __VERSION__},
  };
}

}  // namespace slicebank
