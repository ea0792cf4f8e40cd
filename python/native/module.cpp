// slicebank._native: the compiled module. Private; slicebank/*.py is what users see.
#include "python/native/native.h"

NB_MODULE(_native, module) {
  using namespace slicebank::python;
  // Modules are torn down in any order when a worker process ends: objects that are then
  // still alive are no leak.
  nanobind::set_leak_warnings(false);
  module.def("version", [] { return SLICEBANK_VERSION; });
  bind_errors(module);
  bind_arrays(module);
  bind_bank(module);
  bind_table(module);
  bind_filter(module);
  bind_selection(module);
  bind_split(module);
  bind_audit(module);
  bind_cases(module);
  bind_transfer(module);
  bind_picture(module);
  bind_sampler(module);
  bind_batch(module);
  bind_loader(module);
  bind_volume(module);
}
