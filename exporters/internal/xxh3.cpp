#include "exporters/internal/xxh3.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <new>
#include <utility>

namespace slicebank::exporting {

struct Xxh3Stream::State {
  struct Free {
    void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> handle{XXH3_createState()};
};

Xxh3Stream::Xxh3Stream() : state_(std::make_unique<State>()) {
  if (state_->handle == nullptr) throw std::bad_alloc();
  XXH3_128bits_reset(state_->handle.get());
}

Xxh3Stream::~Xxh3Stream() = default;
Xxh3Stream::Xxh3Stream(Xxh3Stream&&) noexcept = default;
Xxh3Stream& Xxh3Stream::operator=(Xxh3Stream&&) noexcept = default;

void Xxh3Stream::update(Bytes bytes) {
  if (!bytes.empty()) XXH3_128bits_update(state_->handle.get(), bytes.data(), bytes.size());
}

std::string Xxh3Stream::hex() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_->handle.get());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string xxh3_64_hex(std::string_view text) {
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

}  // namespace slicebank::exporting
