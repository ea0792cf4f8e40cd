// What a problem is called whose reason is an Error.
#pragma once

#include <string>

#include "schema/error.h"

namespace slicebank::internal {

// `missing` for a file that is not there, "too-large", "unreadable", and `bad` for all else.
std::string problem_kind(const Error& error, const char* missing, const char* bad);

}  // namespace slicebank::internal
