// Runs the built command `slicebank` as a user would, and keeps what it said.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace slicebank::testing {

struct CommandResult {
  int exit_code = -1;  // 128 + signal when it was killed
  std::string out;
  std::string err;
  double processor_seconds = 0;
  long peak_kibibytes = 0;  // of memory; never less than the parent's own when it began
};

// A child that is under way. Its output goes to pipes that wait() reads.
class RunningCommand {
 public:
  explicit RunningCommand(const std::vector<std::string>& arguments) {
    int out[2];
    int err[2];
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    std::vector<char*> words;
    for (const std::string& argument : arguments)
      words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ == 0) {
      dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      dup2(err[1], STDERR_FILENO);
      setenv("TERM", "dumb", 1);
      execvp(words[0], words.data());
      _exit(127);
    }
    close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }

  void kill(int signal) const { ::kill(pid_, signal); }

  CommandResult wait() {
    CommandResult result;
    pollfd streams[2] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
    int open_streams = 2;
    while (open_streams > 0 && poll(streams, 2, -1) > 0) {
      for (int i = 0; i < 2; ++i) {
        if (streams[i].revents == 0) continue;
        char buffer[65536];
        const ssize_t count = read(streams[i].fd, buffer, sizeof buffer);
        if (count > 0) {
          (i == 0 ? result.out : result.err).append(buffer, static_cast<std::size_t>(count));
        } else {
          streams[i].fd = -1;
          --open_streams;
        }
      }
    }
    close(out_);
    close(err_);
    int status = 0;
    rusage usage = {};
    wait4(pid_, &status, 0, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      result.processor_seconds +=
          static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    }
    result.peak_kibibytes = usage.ru_maxrss;
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
  }

 private:
  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
};

inline CommandResult run_program(const std::vector<std::string>& arguments) {
  return RunningCommand(arguments).wait();
}

#ifdef SLICEBANK_COMMAND
// run_slicebank({"info", bank}) runs the command of this build.
inline CommandResult run_slicebank(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), SLICEBANK_COMMAND);
  return run_program(arguments);
}
#endif

}  // namespace slicebank::testing
