// Options that several verbs share: which samples of the bank are meant.
#pragma once

#include <string>

#include "cli/command.h"
#include "query/selection.h"

namespace slicebank::cli {

struct SelectionOptions {
  std::string where;
  std::string split;      // "main:train"
  std::string selection;  // a saved one's name

  void attach(CLI::App* verb);

  // What all given options have in common; everything when none is given.
  Selection resolve(const Bank& bank) const;
};

}  // namespace slicebank::cli
