// The queue of batches that C++ threads fill while Python trains.
#include "query/loader.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <utility>

#include "python/native/batch_spec.h"
#include "python/native/draws.h"
#include "python/native/native.h"
#include "query/selection.h"

namespace slicebank::python {
namespace {

// A Loader and the draws that feed it. `draws` is moved in: Loader asks for items in the
// thread that calls next().
class Epoch {
 public:
  Epoch(const BatchMaker& maker, const Selection& selection, std::shared_ptr<Draws> draws,
        const LoaderOptions& options)
      : loader_(maker, source_of(selection, std::move(draws)), options) {}

  // The GIL is let go while it waits, and taken every 50 ms to look for Ctrl-C.
  std::shared_ptr<Batch> next() {
    const nb::gil_scoped_release release;
    return loader_.next([] {
      const nb::gil_scoped_acquire acquire;
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
    });
  }

  Loader& loader() noexcept { return loader_; }

 private:
  static ItemSource source_of(const Selection& selection, std::shared_ptr<Draws> draws) {
    auto ids = std::make_shared<const std::vector<SampleId>>(selection.ids());
    return [ids, draws = std::move(draws)](LoadItem* item) {
      const auto draw = draws->next();
      if (!draw) return false;
      *item = {ids->at(static_cast<std::size_t>(draw->item)), draw->position};
      return true;
    };
  }

  Loader loader_;
};

}  // namespace

void bind_loader(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<Epoch>(module, "Epoch", "Batches of one epoch, made ahead by C++ threads.")
      .def(
          "__init__",
          [](Epoch* self, const BatchMaker& maker, const Selection& selection,
             std::shared_ptr<Draws> draws, std::uint32_t batch_size, bool drop_last,
             std::uint64_t seed, std::uint64_t epoch, std::uint32_t threads, std::uint32_t prefetch,
             bool skip) {
            LoaderOptions options;
            options.batch_size = batch_size;
            options.drop_last = drop_last;
            options.key = {seed, epoch};
            options.threads = threads;
            options.prefetch = prefetch;
            options.on_error = skip ? OnError::skip : OnError::raise;
            new (self) Epoch(maker, selection, std::move(draws), options);
          },
          "maker"_a, "selection"_a, "draws"_a, "batch_size"_a, "drop_last"_a, "seed"_a, "epoch"_a,
          "threads"_a, "prefetch"_a, "skip"_a)
      .def("next", &Epoch::next, nb::sig("def next(self) -> Batch | None"))
      .def("stop",
           [](Epoch& epoch) {
             const nb::gil_scoped_release release;
             epoch.loader().stop();
           })
      .def_prop_ro("given", [](Epoch& epoch) { return epoch.loader().given(); })
      .def_prop_ro("skipped_count", [](Epoch& epoch) { return epoch.loader().skipped_count(); })
      .def("skipped", [](Epoch& epoch) {
        std::vector<std::pair<std::uint64_t, std::string>> skipped;
        for (const SkippedSample& each : epoch.loader().skipped()) {
          skipped.emplace_back(raw(each.id), each.message);
        }
        return skipped;
      });
}

}  // namespace slicebank::python
