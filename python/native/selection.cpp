// Filters and selections.
#include "query/selection.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <memory>
#include <unordered_set>

#include "python/native/native.h"
#include "python/native/table.h"
#include "query/facet_panel.h"
#include "query/split.h"
#include "store/generations.h"
#include "store/reader.h"

namespace slicebank::python {
namespace {

template <typename Call>
auto without_gil(Call&& call) {
  const nb::gil_scoped_release release;
  return call();
}

// The bytes of the ids, for a pickle: u64, little-endian, in order.
nb::bytes id_bytes(const Selection& selection) {
  const auto& ids = selection.ids();
  return nb::bytes(ids.data(), ids.size() * sizeof(SampleId));
}

Selection from_bytes(const Bank& bank, const nb::bytes& bytes, std::uint64_t generation,
                     const std::string& query) {
  std::vector<SampleId> ids(bytes.size() / sizeof(SampleId));
  if (!ids.empty()) std::memcpy(ids.data(), bytes.data(), ids.size() * sizeof(SampleId));
  return Selection(bank, std::move(ids), Generation{generation}, query);
}

// The samples at these places, in their order.
Selection taken(const Selection& selection, nb::handle places) {
  std::vector<SampleId> ids;
  for (const std::uint64_t place : numbers_of(places)) {
    if (place >= selection.size()) throw nb::index_error("no such place in the selection");
    ids.push_back(selection.ids()[place]);
  }
  return Selection(selection.bank(), std::move(ids), selection.generation(), selection.query());
}

std::shared_ptr<Table> facet_table(const Selection& selection) {
  return without_gil([&] {
    auto table = table_with({"facet", "value", "samples"});
    for (const FacetRow& row : facet_panel(selection)) {
      table->columns[0].add(std::string_view(row.facet));
      table->columns[1].add(std::string_view(row.value));
      table->columns[2].add(static_cast<std::int64_t>(row.samples));
    }
    return finished(std::move(table));
  });
}

// The people behind a selection, by the names their datasets give them.
std::shared_ptr<Table> subject_table(const Selection& selection) {
  return without_gil([&] {
    auto table = table_with({"subject", "dataset", "patient", "samples"});
    const Bank& bank = selection.bank();
    for (const SubjectCount& each : count_subjects(selection)) {
      const auto subject = bank.subject(each.subject);
      const auto dataset = subject ? bank.dataset(subject->dataset_id) : std::nullopt;
      table->columns[0].add(static_cast<std::int64_t>(raw(each.subject)));
      table->columns[1].add(std::string_view(dataset ? dataset->name : std::string()));
      table->columns[2].add(std::string_view(subject ? subject->patient_id : std::string()));
      table->columns[3].add(static_cast<std::int64_t>(each.samples));
    }
    return finished(std::move(table));
  });
}

// The volumes that the samples are of, in the order in which they come up.
nb::object volume_ids(const Selection& selection) {
  return id_array(without_gil([&] {
    std::vector<std::uint64_t> volumes;
    std::unordered_set<std::uint64_t> known;
    const Reader reader = selection.bank().reader();
    for (const SampleId id : selection.ids()) {
      const std::uint64_t volume = raw(reader.info(id).volume_id);
      if (known.insert(volume).second) volumes.push_back(volume);
    }
    return volumes;
  }));
}

}  // namespace

SelectOptions select_options(const Bank& bank, const std::optional<std::string>& as_of) {
  SelectOptions options;
  if (as_of) options.as_of = find_generation(bank, *as_of);
  return options;
}

void bind_selection(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<Selection>(module, "Selection", "Ids in order, bound to a bank generation.")
      .def("__len__", &Selection::size)
      .def_prop_ro("generation", [](const Selection& it) { return raw(it.generation()); })
      .def_prop_ro("query", [](const Selection& it) { return it.query(); })
      .def(
          "ids", [](const Selection& it) { return id_array(it.ids()); },
          nb::sig("def ids(self) -> numpy.typing.NDArray[numpy.uint64]"))
      .def("id_bytes", &id_bytes)
      .def("fingerprint", &Selection::fingerprint)
      .def("united", &Selection::united, "other"_a)
      .def("intersected", &Selection::intersected, "other"_a)
      .def("minus", &Selection::minus, "other"_a)
      .def("symmetric_difference", &Selection::symmetric_difference, "other"_a)
      .def("head", &Selection::head, "count"_a)
      .def("sampled", &Selection::sampled, "count"_a, "seed"_a)
      .def(
          "sorted_by",
          [](const Selection& it, const std::string& keys) {
            return without_gil([&] { return it.sorted_by(parse_sort_keys(keys)); });
          },
          "keys"_a)
      .def("shuffled", &Selection::shuffled, "seed"_a)
      .def(
          "as_of",
          [](const Selection& it, const std::string& as_of) {
            return without_gil([&] { return it.as_of(find_generation(it.bank(), as_of)); });
          },
          "as_of"_a)
      .def(
          "deleted",
          [](const Selection& it) { return id_array(without_gil([&] { return it.deleted(); })); },
          nb::sig("def deleted(self) -> numpy.typing.NDArray[numpy.uint64]"))
      .def("taken", &taken, "places"_a, nb::sig("def taken(self, places: typing.Any) -> Selection"))
      .def(
          "save",
          [](const Selection& it, const std::string& name) { without_gil([&] { it.save(name); }); },
          "name"_a);

  module.def(
      "select",
      [](const Bank& bank, const std::string& filter, const std::optional<std::string>& as_of) {
        return without_gil(
            [&] { return select_samples(bank, filter, select_options(bank, as_of)); });
      },
      "bank"_a, "filter"_a, "as_of"_a.none());
  module.def(
      "count",
      [](const Bank& bank, const std::string& filter) {
        return without_gil([&] { return count_samples(bank, filter); });
      },
      "bank"_a, "filter"_a);
  module.def(
      "selection_of_ids",
      [](const Bank& bank, nb::handle ids, std::uint64_t generation, const std::string& query) {
        return Selection(bank, ids_of(ids), Generation{generation}, query);
      },
      "bank"_a, "ids"_a, "generation"_a, "query"_a,
      nb::sig("def selection_of_ids(bank: Bank, ids: typing.Any, generation: int, query: str) -> "
              "Selection"));
  module.def("selection_of_bytes", &from_bytes, "bank"_a, "ids"_a, "generation"_a, "query"_a);
  module.def(
      "load_selection",
      [](const Bank& bank, const std::string& name) { return Selection::load(bank, name); },
      "bank"_a, "name"_a);
  module.def(
      "split_side",
      [](const Bank& bank, const std::string& name) { return split_side(bank, name); }, "bank"_a,
      "split_and_side"_a);
  module.def(
      "forget_selection",
      [](const Bank& bank, const std::string& name) {
        without_gil([&] { Selection::forget(bank, name); });
      },
      "bank"_a, "name"_a);
  module.def("facet_table", &facet_table, "selection"_a);
  module.def("subject_table", &subject_table, "selection"_a);
  module.def("volume_ids", &volume_ids, "selection"_a,
             nb::sig("def volume_ids(selection: Selection) -> "
                     "numpy.typing.NDArray[numpy.uint64]"));
}

}  // namespace slicebank::python
