// A program that a bench drives line by line through its standard input and output.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace slicebank::bench {

// One thread uses a Child. The destructor closes its input, waits, and ends it when it
// does not leave by itself.
class Child {
 public:
  explicit Child(const std::vector<std::string>& arguments);
  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void write_line(const std::string& line);
  std::optional<std::string> read_line();  // nothing at the end of its output

 private:
  pid_t process_ = -1;
  int to_ = -1;
  int from_ = -1;
  std::string unread_;
};

// Where baselines/opencv_folder.py lies: beside the sources this program was built from,
// or in $SLICEBANK_BASELINES.
std::string baseline_script();

}  // namespace slicebank::bench
