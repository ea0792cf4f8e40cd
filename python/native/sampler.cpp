// Orders of draws, a rank's share of them, and what they are made of.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "python/native/draws.h"
#include "python/native/native.h"
#include "query/sampler_items.h"
#include "query/sampler_order.h"
#include "query/sampler_rank.h"
#include "query/sampler_weights.h"
#include "schema/error.h"

namespace slicebank::python {
namespace {

// Item i at place i: what a selection's own order is.
class InOrder final : public DrawOrder {
 public:
  explicit InOrder(std::uint64_t items) : items_(items) {}
  std::string_view kind() const noexcept override { return "sequential"; }
  std::uint64_t draws() const noexcept override { return items_; }
  std::uint64_t at(std::uint64_t position) const override { return position; }
  void set_epoch(std::uint64_t) override {}
  std::uint64_t fingerprint() const noexcept override { return items_; }

 private:
  std::uint64_t items_;
};

std::vector<double> doubles_of(nb::handle sequence) {
  std::vector<double> values;
  for (const nb::handle each : sequence) values.push_back(nb::cast<double>(each));
  return values;
}

Draws draws_of(std::unique_ptr<DrawOrder> order, std::uint64_t rank, std::uint64_t world,
               std::uint64_t block) {
  return Draws(std::move(order), rank, world, block);
}

std::vector<double> weights_by(const Selection& selection, const std::string& by,
                               double temperature) {
  const nb::gil_scoped_release release;
  return balanced_weights(labelled_samples(selection, by).items, temperature);
}

std::vector<double> factors_by(const Selection& selection, const std::string& by,
                               double threshold) {
  const nb::gil_scoped_release release;
  return repeat_factors(labelled_samples(selection, by).items, threshold);
}

}  // namespace

void bind_sampler(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<Draws>(module, "Draws", "One rank's share of an epoch; see slicebank samplers.")
      .def("__len__", [](const Draws& draws) { return draws.sampler().size(); })
      .def_prop_ro("epoch", [](const Draws& draws) { return draws.sampler().epoch(); })
      .def_prop_ro("drawn", [](const Draws& draws) { return draws.sampler().drawn(); })
      .def_prop_ro("global_position",
                   [](const Draws& draws) { return draws.sampler().global_position(); })
      .def_prop_ro("fingerprint",
                   [](const Draws& draws) { return draws.sampler().order().fingerprint(); })
      .def(
          "set_epoch", [](Draws& draws, std::uint64_t epoch) { draws.sampler().set_epoch(epoch); },
          "epoch"_a)
      .def(
          "seek", [](Draws& draws, std::uint64_t drawn) { draws.sampler().seek(drawn); }, "drawn"_a)
      .def(
          "next_batch",
          [](Draws& draws, std::size_t count) {
            std::vector<std::pair<std::uint64_t, std::uint64_t>> pairs;
            for (const Draw& draw : draws.next_batch(count)) {
              pairs.emplace_back(draw.item, draw.position);
            }
            return pairs;
          },
          "count"_a)
      .def("state", [](const Draws& draws) { return draws.sampler().state(); })
      .def(
          "resume", [](Draws& draws, const std::string& state) { draws.sampler().resume(state); },
          "state"_a);

  module.def(
      "sequential_draws",
      [](std::uint64_t items, std::uint64_t rank, std::uint64_t world, std::uint64_t block) {
        return draws_of(std::make_unique<InOrder>(items), rank, world, block);
      },
      "items"_a, "rank"_a, "world_size"_a, "rank_block"_a);
  module.def(
      "permutation_draws",
      [](std::uint64_t items, std::uint64_t seed, std::uint64_t rank, std::uint64_t world,
         std::uint64_t block) {
        return draws_of(permutation_order(items, seed), rank, world, block);
      },
      "items"_a, "seed"_a, "rank"_a, "world_size"_a, "rank_block"_a);
  module.def(
      "weighted_draws",
      [](nb::handle weights, std::uint64_t seed, std::uint64_t count, std::uint64_t rank,
         std::uint64_t world, std::uint64_t block) {
        return draws_of(weighted_order(doubles_of(weights), seed, count), rank, world, block);
      },
      "weights"_a, "seed"_a, "draws"_a, "rank"_a, "world_size"_a, "rank_block"_a,
      nb::sig("def weighted_draws(weights: typing.Any, seed: int, draws: int, rank: int, "
              "world_size: int, rank_block: int) -> Draws"));
  module.def(
      "repeat_draws",
      [](nb::handle factors, std::uint64_t seed, std::uint64_t rank, std::uint64_t world,
         std::uint64_t block) {
        return draws_of(repeat_order(doubles_of(factors), seed), rank, world, block);
      },
      "factors"_a, "seed"_a, "rank"_a, "world_size"_a, "rank_block"_a,
      nb::sig("def repeat_draws(factors: typing.Any, seed: int, rank: int, world_size: int, "
              "rank_block: int) -> Draws"));
  module.def(
      "foreground_draws",
      [](std::uint64_t items, std::vector<std::uint64_t> foreground, std::uint64_t batch_size,
         double fraction, std::uint64_t seed, std::uint64_t rank, std::uint64_t world,
         std::uint64_t block) {
        ForegroundPlan plan;
        plan.items = items;
        plan.foreground = std::move(foreground);
        plan.batch_size = batch_size;
        plan.fraction = fraction;
        return draws_of(foreground_order(std::move(plan), seed), rank, world, block);
      },
      "items"_a, "foreground"_a, "batch_size"_a, "fraction"_a, "seed"_a, "rank"_a, "world_size"_a,
      "rank_block"_a);

  module.def("weights_by", &weights_by, "selection"_a, "by"_a, "temperature"_a);
  module.def("factors_by", &factors_by, "selection"_a, "by"_a, "threshold"_a);
  module.def(
      "foreground_places",
      [](const Selection& selection, const std::vector<std::uint32_t>& classes) {
        const nb::gil_scoped_release release;
        return foreground_places(selection, class_ids_of(classes));
      },
      "selection"_a, "classes"_a);
}

}  // namespace slicebank::python
