#include "store/internal/wave/wave.h"

#include <atomic>

#include "schema/limits.h"
#include "store/internal/wave/kernels.h"

namespace slicebank::wave {
namespace {

constexpr std::uint32_t kWidthMin = 48;
constexpr std::uint32_t kHeightMin8 = 16;
constexpr std::uint32_t kHeightMin16 = 8;

// Fastest first.
const Kernels* const kTables[] = {
#if defined(__x86_64__) && !defined(SLICEBANK_SCALAR)
    &kAvx2Kernels,
    &kSse41Kernels,
#endif
    &kScalarKernels,
};

bool runs_here(const Kernels& table) {
#if defined(__x86_64__) && !defined(SLICEBANK_SCALAR)
  if (&table == &kAvx2Kernels) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
  }
  if (&table == &kSse41Kernels) return __builtin_cpu_supports("sse4.1");
#endif
  return &table == &kScalarKernels;
}

const Kernels* fastest() {
  for (const Kernels* table : kTables) {
    if (runs_here(*table)) return table;
  }
  return &kScalarKernels;
}

// The one piece of state: which table is in use. Chosen once; tests change it.
std::atomic<const Kernels*>& active() {
  static std::atomic<const Kernels*> table{fastest()};
  return table;
}

}  // namespace

const Kernels& active_kernels() { return *active().load(std::memory_order_relaxed); }

template <>
const PixelKernels<std::uint8_t>& pixel_kernels<std::uint8_t>() {
  return active_kernels().narrow;
}

template <>
const PixelKernels<std::uint16_t>& pixel_kernels<std::uint16_t>() {
  return active_kernels().wide;
}

std::string_view kernels() { return active_kernels().name; }

bool set_kernels(std::string_view name) {
  for (const Kernels* table : kTables) {
    if (name != table->name || !runs_here(*table)) continue;
    active().store(table, std::memory_order_relaxed);
    return true;
  }
  return false;
}

bool suits(const ImageShape& shape) noexcept {
  const std::size_t bytes = pixel_bytes(shape.pixel_type);
  switch (shape.pixel_type) {
    case PixelType::u8:
    case PixelType::i8:
      if (shape.height < kHeightMin8) return false;
      break;
    case PixelType::u16:
    case PixelType::i16:
      if (shape.height < kHeightMin16) return false;
      break;
    default:
      return false;
  }
  return shape.width >= kWidthMin && shape.width <= limits::kImageSideMax &&
         shape.height <= limits::kImageSideMax && shape.channels >= 1 &&
         shape.channels <= limits::kImageChannelsMax &&
         shape.pixels() * shape.channels * bytes <= limits::kImageBytesMax;
}

}  // namespace slicebank::wave
