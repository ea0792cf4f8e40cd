// Samples whose decoded pixels are equal, found through the index's content hash.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "query/internal/columns.h"
#include "store/bank.h"

namespace slicebank {

// Calls `visit` with the places (ascending, two or more) of each set of equal images that
// `wanted` asks for; blank images are left out. Sets come ascending by hash. Needs the
// columns' hashes. Reads an image only where `wanted` holds and it may be blank.
void for_each_equal_set(const Bank& bank, const SampleColumns& columns,
                        const std::function<bool(const std::vector<std::size_t>&)>& wanted,
                        const std::function<void(const std::vector<std::size_t>&)>& visit);

}  // namespace slicebank
