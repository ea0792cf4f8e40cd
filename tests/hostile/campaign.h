// Runs many damaged files through something that reads them, and judges how it ends.
//
// Each subject runs in a process of its own, so that a crash or a hang is one finding and
// not the end of the campaign. What is allowed: the file is read, or it is refused with an
// Error in words. What is not: any other exception, a signal, a sanitizer's report, more
// than two seconds of processor time, more than 300 MB of memory beyond the process's own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/hostile/mutate.h"

namespace slicebank::hostile {

enum class Outcome { read, refused };

// One thing that reads files. Made in the process that runs it.
class Subject {
 public:
  virtual ~Subject() = default;

  // The damaged file of that number: the same for the same random numbers.
  virtual File make(Random& random) = 0;

  // Reads it. Anything that is thrown is a finding: an Error that may be has been caught.
  virtual Outcome run(const File& file) = 0;
};

struct Entry {
  std::string name;
  std::function<std::unique_ptr<Subject>()> make;
};

// What main() does. Arguments: [--count N] [--seed S] [--only NAME] [--file NUMBER]
// [--keep PATH]. `usual` files for each subject, `stress` with SLICEBANK_STRESS in the
// environment. Prints a line for each subject; 0 when there is no finding.
//
// --file runs one file alone, in this process, for a debugger; --keep writes it as well.
int campaign(const std::vector<Entry>& entries, unsigned usual, unsigned stress, int count,
             char** arguments);

// Throws std::runtime_error, for a message that does not begin with `name` or that could
// steer a terminal.
void check_message(const std::string& message, const std::string& name);

}  // namespace slicebank::hostile
