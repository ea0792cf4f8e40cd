// The kernels for x86 with AVX2, BMI and POPCNT; built for that machine only, chosen at run time.
#if defined(__x86_64__) && !defined(SLICEBANK_SCALAR)
#include <immintrin.h>

#include <cstring>

#include "store/internal/wave/geometry.h"
#include "store/internal/wave/kernels.h"

namespace slicebank::wave {
namespace avx2 {
namespace {

// The order matters.
// clang-format off
#include "store/internal/wave/x86_lanes.h"
#include "store/internal/wave/x86_unpack.h"
#include "store/internal/wave/x86_rows.h"
#include "store/internal/wave/inverse_driver.h"
#include "store/internal/wave/x86_inverse.h"
#include "store/internal/wave/x86_runs.h"
#include "store/internal/wave/x86_analyse.h"
// clang-format on

template <class Pixel>
bool inverse(InverseJob<Pixel>& job) {
  return run_inverse<Ops<Pixel>>(job);
}

template <class Pixel>
constexpr PixelKernels<Pixel> kTable = {inverse<Pixel>,   unpack_run<Pixel>, Analysis<Pixel>::run,
                                        pack_tile<Pixel>, compact<Pixel>,    pack_run<Pixel>};

}  // namespace
}  // namespace avx2

const Kernels kAvx2Kernels = {"avx2", avx2::kTable<std::uint8_t>, avx2::kTable<std::uint16_t>,
                              avx2::split_triple};

}  // namespace slicebank::wave
#endif
