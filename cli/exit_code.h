// What the command's exit status says (docs/cli.md).
#pragma once

namespace slicebank::cli {

enum ExitCode : int {
  exit_done = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_skipped = 3,  // finished, some items were left out
  exit_damaged = 4,
  exit_locked = 5,
  exit_interrupted = 130,
};

}  // namespace slicebank::cli
