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
  std::string as_of;      // "7", "2026-11-29"

  void attach(CLI::App* verb);

  // What all given options have in common; everything when none is given. Says what of it
  // has been deleted since.
  Selection resolve(Context& context, const Bank& bank) const;

  // The generation of --as-of, where it is given.
  SelectOptions select_options(const Bank& bank) const;
};

}  // namespace slicebank::cli
