// Opens files beneath a directory, and nothing else, whatever the path says.
//
// Two ways to the same end: the kernel's openat2(RESOLVE_BENEATH), and for kernels and
// sandboxes without it a walk that opens one part after the other. The walk follows no
// symbolic link at all; openat2 follows those that stay beneath.
#pragma once

#include <string>

namespace slicebank::internal {

// Each returns a descriptor opened with `flags`, or -1 with errno set. EXDEV or ELOOP: the
// path leaves the directory or leads through a link that it may not. `relative_path` is
// as clean_relative_path() returns it.
int open_beneath_by_kernel(int directory, const std::string& relative_path, int flags);
int open_beneath_by_walk(int directory, const std::string& relative_path, int flags);

// The first where the kernel has it, the second otherwise.
int open_beneath(int directory, const std::string& relative_path, int flags);

}  // namespace slicebank::internal
