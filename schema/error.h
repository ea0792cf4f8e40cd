// How an operation says that it cannot finish.
//
// Three kinds, three tools: cannot finish -> throw Error; absent is ordinary ->
// std::optional; our own mistake -> assert. Input from outside is never asserted.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace slicebank {

enum class ErrorCode {
  bad_argument = 1,  // the caller asked for something that makes no sense
  bad_format,        // a file from outside is not what it should be
  bad_query,         // a filter, SQL statement or name that cannot be understood
  not_found,         // the named thing is not there
  already_exists,
  corrupt,        // the bank's own bytes are damaged
  wrong_version,  // written by a newer build, or on a machine of another kind
  locked,         // another writer is at work
  needs_reindex,  // records and index do not belong together; `slicebank reindex` mends it
  out_of_space,
  limit,  // more than schema/limits.h allows
  io,
  interrupted,  // stopped by the user or by a deadline
};

// Thrown when the current operation cannot finish. what() says what, where and why,
// naming the file or id; hint() is one thing to try, or empty.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, std::string hint = {})
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}

  ErrorCode code() const noexcept { return code_; }
  const std::string& hint() const noexcept { return hint_; }

 private:
  ErrorCode code_;
  std::string hint_;
};

// The text of a filter, query or name that cannot be understood. `column()` counts
// bytes from 0 in the text that was given; `text()` is that text.
class QueryError : public Error {
 public:
  QueryError(const std::string& message, std::string text, std::size_t column,
             std::string hint = {})
      : Error(ErrorCode::bad_query, message, std::move(hint)),
        text_(std::move(text)),
        column_(column) {}

  const std::string& text() const noexcept { return text_; }
  std::size_t column() const noexcept { return column_; }

 private:
  std::string text_;
  std::size_t column_;
};

}  // namespace slicebank
