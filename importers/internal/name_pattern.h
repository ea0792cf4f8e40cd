// A regular expression over file names, as slicebank.json gives them. Any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace slicebank::internal {

class NamePattern {
 public:
  NamePattern() = default;  // matches nothing

  // ECMAScript without back-references, with one group. Throws Error(bad_format), beginning
  // with `what`, for anything else.
  NamePattern(const std::string& pattern, const std::string& what);

  explicit operator bool() const noexcept { return compiled_ != nullptr; }

  // What the group matched where the pattern is found in `name`; time grows with the length
  // of both at most, whatever the pattern.
  std::optional<std::string> find(const std::string& name) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace slicebank::internal
