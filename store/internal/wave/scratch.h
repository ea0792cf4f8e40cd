// Memory a thread keeps between images, so that none is asked for in the steady state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace slicebank::wave {

// Grows, never shrinks, does not keep its content. Aligned to 64 bytes.
class Scratch {
 public:
  template <class Value>
  Value* room(std::size_t count) {
    const std::size_t bytes = count * sizeof(Value) + 64;
    if (bytes > size_) {
      memory_.reset();  // before the new one, so that the two never add up
      size_ = 0;
      memory_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
      size_ = bytes;
    }
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
    return reinterpret_cast<Value*>(memory_.get() + (64 - address % 64) % 64);
  }

  // Gives memory back that only an unusually large image needs.
  void trim() {
    constexpr std::size_t kKept = std::size_t{64} << 20;
    if (size_ <= kKept) return;
    memory_.reset();
    size_ = 0;
  }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_ = 0;
};

}  // namespace slicebank::wave
