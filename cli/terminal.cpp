#include "cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cli/exit_code.h"

namespace slicebank::cli {
namespace {

bool set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool dumb() {
  const char* term = std::getenv("TERM");
  return term == nullptr || std::strcmp(term, "dumb") == 0;
}

// Code points of UTF-8: bytes that do not continue another.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
  }));
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) || std::strchr("+-.,%e", c) != nullptr;
  });
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

Terminal::Terminal()
    : progress_(isatty(STDERR_FILENO) != 0 && !dumb()),
      colour_(isatty(STDERR_FILENO) != 0 && !dumb() && !set("NO_COLOR")) {}

void Terminal::out(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
    throw std::runtime_error(fmt::format("cannot write results: {}", std::strerror(errno)));
  }
}

void Terminal::out_line(std::string_view text) {
  out(text);
  out("\n");
}

void Terminal::say(std::string_view text) {
  if (!quiet_) warn(text);
}

void Terminal::warn(std::string_view text) {
  std::fflush(stdout);  // so that results and talk keep their order on a terminal
  end_progress();
  fmt::print(stderr, "{}\n", text);
}

void Terminal::progress(std::string_view text) {
  if (!progress_ || quiet_) return;
  const std::size_t now = width(text);
  const std::string blank(progress_width_ > now ? progress_width_ - now : 0, ' ');
  fmt::print(stderr, "\r{}{}", text, blank);
  std::fflush(stderr);
  progress_width_ = now;
}

void Terminal::end_progress() {
  if (progress_width_ == 0) return;
  fmt::print(stderr, "\r{}\r", std::string(progress_width_, ' '));
  std::fflush(stderr);
  progress_width_ = 0;
}

std::string Terminal::alarm(std::string_view text) const {
  return colour_ ? fmt::format("\x1b[1;31m{}\x1b[0m", text) : std::string(text);
}

ProgressLine::ProgressLine(Terminal& terminal, std::string noun)
    : terminal_(terminal), noun_(std::move(noun)), start_(std::chrono::steady_clock::now()) {}

ProgressLine::~ProgressLine() { terminal_.end_progress(); }

void ProgressLine::update(std::uint64_t done, std::uint64_t total, std::string_view more) {
  const auto now = std::chrono::steady_clock::now();
  if (now - shown_ < std::chrono::milliseconds(100)) return;
  shown_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string text = total > 0 ? fmt::format("{} of {} {}", grouped(done), grouped(total), noun_)
                               : fmt::format("{} {}", grouped(done), noun_);
  if (seconds > 0.5) text += fmt::format(", {}/s", grouped(static_cast<std::uint64_t>(rate)));
  if (total > done && rate > 0 && seconds > 0.5) {
    text += fmt::format(", {} left", seconds_text(static_cast<double>(total - done) / rate));
  }
  if (!more.empty()) text += fmt::format(", {}", more);
  terminal_.progress(text);
}

Table::Table(std::vector<std::string> header) : header_(std::move(header)) {}

void Table::add(std::vector<std::string> row) {
  row.resize(header_.size());
  rows_.push_back(std::move(row));
}

std::string Table::text(bool with_header) const {
  std::vector<std::size_t> widths;
  for (const auto& name : header_) widths.push_back(width(name));
  std::vector<bool> right(header_.size(), true);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width(row[i]));
      right[i] = right[i] && (row[i].empty() || is_number(row[i]));
    }
  }
  std::string result;
  const auto line = [&](const std::vector<std::string>& row) {
    std::string text;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string blank(widths[i] - width(row[i]), ' ');
      text += (right[i] ? blank + row[i] : row[i] + blank) + "  ";
    }
    text.erase(text.find_last_not_of(' ') + 1);
    result += text + "\n";
  };
  if (with_header) line(header_);
  for (const auto& row : rows_) line(row);
  return result;
}

std::string Table::csv(bool with_header) const {
  std::string result;
  const auto line = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      result += (i > 0 ? "," : "") + csv_field(row[i]);
    }
    result += "\r\n";
  };
  if (with_header) line(header_);
  for (const auto& row : rows_) line(row);
  return result;
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string bytes_text(std::uint64_t bytes) {
  const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(units)) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string seconds_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::lround(seconds));
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::vector<std::string> split_commas(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    const std::size_t first = text.find_first_not_of(" \t", start);
    if (first < end) {
      const std::size_t last = text.find_last_not_of(" \t", end - 1);
      parts.push_back(text.substr(first, last - first + 1));
    }
    start = end + 1;
  }
  return parts;
}

}  // namespace slicebank::cli
