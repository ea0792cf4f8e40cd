#include "importers/internal/error_kind.h"

namespace slicebank::internal {

std::string problem_kind(const Error& error, const char* missing, const char* bad) {
  switch (error.code()) {
    case ErrorCode::not_found:
      return missing;
    case ErrorCode::limit:
      return "too-large";
    case ErrorCode::io:
      return "unreadable";
    default:
      return bad;
  }
}

}  // namespace slicebank::internal
