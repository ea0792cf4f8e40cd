#include "formats/internal/dicom_child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <utility>

#include "schema/error.h"

namespace slicebank::dicom::internal {
namespace {

constexpr std::size_t kMessageMax = 1000;
constexpr std::chrono::seconds kPatience{120};

// What goes through the pipe first; then `size` bytes of pixels, or of a message.
struct Answer {
  std::uint32_t failed = 0;
  std::uint32_t code = 0;  // ErrorCode
  std::uint32_t sample_bytes = 0;
  std::uint32_t precision = 0;
  std::uint32_t lowest_bit = 0;
  std::uint32_t signs_extended = 0;
  std::uint64_t size = 0;
};

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

bool write_all(int to, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(to, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

// False at the end of the pipe or of our patience.
bool read_all(int from, void* data, std::size_t size,
              std::chrono::steady_clock::time_point deadline) {
  auto* bytes = static_cast<char*>(data);
  while (size > 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd waiting = {from, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<long>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const ssize_t taken = ::read(from, bytes, size);
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) return false;
    bytes += taken;
    size -= static_cast<std::size_t>(taken);
  }
  return true;
}

[[noreturn]] void work(const std::function<RawFrame()>& decode, int to) {
  ::signal(SIGABRT, SIG_DFL);
  ::signal(SIGSEGV, SIG_DFL);
  ::signal(SIGPIPE, SIG_IGN);
  const rlimit no_core = {0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const rlimit seconds = {60, 60};
  ::setrlimit(RLIMIT_CPU, &seconds);
  // assert() has a last word, and nobody is to hear it.
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere >= 0) {
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(nowhere, STDERR_FILENO);
  }
  Answer answer;
  RawFrame raw;
  std::string message;
  try {
    raw = decode();
    answer.sample_bytes = static_cast<std::uint32_t>(raw.sample_bytes);
    answer.precision = static_cast<std::uint32_t>(raw.precision);
    answer.lowest_bit = static_cast<std::uint32_t>(raw.lowest_bit);
    answer.signs_extended = raw.signs_extended ? 1 : 0;
    answer.size = raw.data.size();
  } catch (const Error& error) {
    answer.failed = 1;
    answer.code = static_cast<std::uint32_t>(error.code());
    message = error.what();
    message.resize(std::min(message.size(), kMessageMax));
    answer.size = message.size();
  } catch (...) {
    ::_exit(1);
  }
  const void* data =
      answer.failed != 0 ? static_cast<const void*>(message.data()) : raw.data.data();
  const bool sent = write_all(to, &answer, sizeof answer) && write_all(to, data, answer.size);
  ::_exit(sent ? 0 : 1);
}

}  // namespace

RawFrame decoded_in_child(const std::function<RawFrame()>& decode, std::size_t bytes,
                          const std::string& name) {
  std::array<int, 2> ends = {};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error(ErrorCode::io, fmt::format("{}: no pipe: {}", name, std::strerror(errno)));
  }
  Descriptor from(ends[0]);
  Descriptor to(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) {
    throw Error(ErrorCode::io, fmt::format("{}: no process: {}", name, std::strerror(errno)));
  }
  if (child == 0) work(decode, to.number());
  to.close();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  Answer answer;
  RawFrame raw;
  std::string message;
  bool whole = read_all(from.number(), &answer, sizeof answer, deadline);
  if (whole && answer.failed != 0 && answer.size <= kMessageMax) {
    message.resize(answer.size);
    whole = read_all(from.number(), message.data(), message.size(), deadline);
  } else if (whole && answer.failed == 0 && answer.size == bytes) {
    raw.data.resize(bytes);
    whole = read_all(from.number(), raw.data.data(), raw.data.size(), deadline);
  } else {
    whole = false;
  }
  if (!whole) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!whole) {
    throw Error(ErrorCode::bad_format, name + ": the codestream is damaged: its decoder gave up");
  }
  if (answer.failed != 0) throw Error(static_cast<ErrorCode>(answer.code), message);
  raw.sample_bytes = answer.sample_bytes;
  raw.precision = static_cast<int>(answer.precision);
  raw.lowest_bit = static_cast<int>(answer.lowest_bit);
  raw.signs_extended = answer.signs_extended != 0;
  return raw;
}

}  // namespace slicebank::dicom::internal
