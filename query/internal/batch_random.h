// What is random in an item: a function of (seed, epoch, position) and of what is drawn.
#pragma once

#include <cstdint>

#include "query/internal/mix.h"
#include "query/loader.h"

namespace slicebank {

// Each has a stream of its own, so that asking for one more thing changes no other.
enum class RandomUse : std::uint64_t { crop = 1, foreground, turn, instance, points, jitter };

inline SplitMix random_stream(const RandomKey& key, std::uint64_t position, RandomUse use) {
  std::uint64_t state = mix64(key.seed + 0x6c6f'6164'6572u);  // not the sampler's numbers
  state = mix64(state ^ (key.epoch + 0x9e37'79b9'7f4a'7c15u));
  state = mix64(state + position * 0xd1b5'4a32'd192'ed03u);
  return SplitMix(mix64(state ^ (static_cast<std::uint64_t>(use) << 56)));
}

// True with this probability: never at 0, always at 1.
inline bool happens(SplitMix& random, double probability) {
  constexpr double kUnit = 1.0 / 9007199254740992.0;  // 2^-53
  return static_cast<double>(random.next() >> 11) * kUnit < probability;
}

}  // namespace slicebank
