// The same for every index, on several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "query/internal/batch_pool.h"

namespace slicebank {

// Calls `work` for 0 .. count-1, each once, in no order, on `threads` threads of which the
// caller's is one; each has scratch of its own. Throws what the lowest index that failed
// threw; indices behind a failure may then have been left out.
void for_each_index(std::size_t count, std::uint32_t threads,
                    const std::function<void(std::size_t index, BatchScratch& scratch)>& work);

}  // namespace slicebank
