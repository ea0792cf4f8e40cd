// Tells a forked child from its parent.
#pragma once

#include <cstdint>

namespace slicebank {

// How many forks lie between the first process and this one since the library was first
// asked. What threads or locks of a parent held is of no use where it has grown.
std::uint32_t fork_count() noexcept;

}  // namespace slicebank
