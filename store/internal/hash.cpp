#include "store/internal/hash.h"

#include <xxhash.h>

#include <memory>
#include <new>

namespace slicebank {
namespace {

struct FreeState {
  void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
};
using State = std::unique_ptr<XXH3_state_t, FreeState>;

ContentHash content_hash(const XXH128_hash_t& hash) noexcept { return {hash.high64, hash.low64}; }

}  // namespace

std::uint64_t hash64(Bytes bytes) noexcept { return XXH3_64bits(bytes.data(), bytes.size()); }

ContentHash hash128(std::initializer_list<Bytes> parts) {
  if (parts.size() == 1) {
    return content_hash(XXH3_128bits(parts.begin()->data(), parts.begin()->size()));
  }
  const State state(XXH3_createState());
  if (!state) throw std::bad_alloc();
  XXH3_128bits_reset(state.get());
  for (const Bytes part : parts) XXH3_128bits_update(state.get(), part.data(), part.size());
  return content_hash(XXH3_128bits_digest(state.get()));
}

}  // namespace slicebank
