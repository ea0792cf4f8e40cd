#include "query/batch.h"

#include <new>

namespace slicebank {

void Buffer::resize(std::size_t size) {
  constexpr std::size_t kAlignment = 64;
  if (size > capacity_) {
    if (size > SIZE_MAX - kAlignment) throw std::bad_alloc();
    const std::size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
    memory_.reset();  // what it holds is not kept, so both need not be there at once
    size_ = capacity_ = 0;
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded)));
    if (!memory_) throw std::bad_alloc();
    capacity_ = rounded;
  }
  size_ = size;
}

}  // namespace slicebank
