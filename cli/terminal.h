// Results on stdout, talk on stderr; progress and colour on a terminal only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slicebank::cli {

class Terminal {
 public:
  Terminal();

  // Results. A reader that has gone (`| head`) ends the program quietly, by SIGPIPE.
  void out(std::string_view text);
  void out_line(std::string_view text);

  // Talk: a line on stderr. Nothing when quiet.
  void say(std::string_view text);
  // Warnings and errors: also when quiet.
  void warn(std::string_view text);

  // One line that is written over and over, on a terminal only.
  void progress(std::string_view text);
  void end_progress();

  void set_quiet(bool quiet) { quiet_ = quiet; }
  bool shows_progress() const { return progress_; }

  // The text in bold red, or as it is where colour is off (NO_COLOR, no terminal).
  std::string alarm(std::string_view text) const;

 private:
  bool quiet_ = false;
  bool progress_ = false;
  bool colour_ = false;
  std::size_t progress_width_ = 0;
};

// "1,234 items, 350/s, 0:12 left", told at most ten times a second.
class ProgressLine {
 public:
  ProgressLine(Terminal& terminal, std::string noun);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void update(std::uint64_t done, std::uint64_t total, std::string_view more = {});

 private:
  Terminal& terminal_;
  std::string noun_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point shown_;
};

// Columns of text, numbers to the right. Widths count bytes of ASCII, code points else.
class Table {
 public:
  explicit Table(std::vector<std::string> header);
  void add(std::vector<std::string> row);
  std::string text(bool with_header = true) const;
  std::string csv(bool with_header = true) const;  // RFC 4180

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

std::string grouped(std::uint64_t number);                       // 1,234,567
std::string bytes_text(std::uint64_t bytes);                     // "12.3 MB", 10^6
std::string seconds_text(double seconds);                        // "0:12", "1:02:03"
std::vector<std::string> split_commas(const std::string& text);  // trimmed, none empty

}  // namespace slicebank::cli
