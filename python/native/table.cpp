#include "python/native/table.h"

#include <fmt/format.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>

#include "python/native/arrow_c.h"
#include "python/native/native.h"
#include "query/sample_row.h"
#include "query/sql.h"
#include "query/stats.h"
#include "schema/error.h"

namespace slicebank::python {

void Column::push_valid(bool valid) {
  if (size_ % 8 == 0) valid_bits_.push_back(0);
  if (valid) {
    valid_bits_.back() = static_cast<std::uint8_t>(valid_bits_.back() | 1u << (size_ % 8));
  } else {
    ++nulls_;
  }
  ++size_;
}

bool Column::is_null(std::uint64_t row) const noexcept {
  return (valid_bits_[row / 8] >> (row % 8) & 1) == 0;
}

std::string_view Column::text(std::uint64_t row) const {
  const auto begin = static_cast<std::size_t>(offsets_[row]);
  return std::string_view(bytes_).substr(begin,
                                         static_cast<std::size_t>(offsets_[row + 1]) - begin);
}

// Widens what is there already.
void Column::become(Kind kind) {
  if (kind == Kind::integer) {
    integers_.resize(size_);
  } else if (kind == Kind::real) {
    reals_.assign(integers_.begin(), integers_.end());
    reals_.resize(size_);
    integers_.clear();
  } else {
    for (std::uint64_t row = 0; row < size_; ++row) {
      if (kind_ == Kind::integer && !is_null(row)) bytes_ += fmt::format("{}", integers_[row]);
      if (kind_ == Kind::real && !is_null(row)) bytes_ += fmt::format("{}", reals_[row]);
      offsets_.push_back(static_cast<std::int64_t>(bytes_.size()));
    }
    integers_.clear();
    reals_.clear();
  }
  kind_ = kind;
}

void Column::finish() {
  if (kind_ == Kind::none) become(Kind::text);
}

void Column::add_null() {
  switch (kind_) {
    case Kind::none:
      break;
    case Kind::integer:
      integers_.push_back(0);
      break;
    case Kind::real:
      reals_.push_back(0);
      break;
    case Kind::text:
      offsets_.push_back(static_cast<std::int64_t>(bytes_.size()));
      break;
  }
  push_valid(false);
}

void Column::add(std::int64_t value) {
  if (kind_ == Kind::real) return add(static_cast<double>(value));
  if (kind_ == Kind::text) return add(std::string_view(fmt::format("{}", value)));
  if (kind_ == Kind::none) become(Kind::integer);
  integers_.push_back(value);
  push_valid(true);
}

void Column::add(double value) {
  if (kind_ == Kind::text) return add(std::string_view(fmt::format("{}", value)));
  if (kind_ != Kind::real) become(Kind::real);
  reals_.push_back(value);
  push_valid(true);
}

void Column::add(std::string_view value) {
  if (kind_ != Kind::text) become(Kind::text);
  bytes_ += value;
  offsets_.push_back(static_cast<std::int64_t>(bytes_.size()));
  push_valid(true);
}

void Column::add(const SqlValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return add(*integer);
  if (const auto* real = std::get_if<double>(&value)) return add(*real);
  if (const auto* text = std::get_if<std::string>(&value)) return add(std::string_view(*text));
  add_null();
}

std::shared_ptr<Table> table_with(const std::vector<std::string>& names) {
  auto table = std::make_shared<Table>();
  for (const std::string& name : names) table->columns.emplace_back(name);
  return table;
}

std::shared_ptr<Table> finished(std::shared_ptr<Table> table) {
  for (Column& column : table->columns) column.finish();
  return table;
}

namespace {

std::shared_ptr<Table> sql_table(const Bank& bank, const std::string& text, double seconds,
                                 std::uint64_t rows_max) {
  std::shared_ptr<Table> table;
  run_interruptibly([&](std::stop_token stop) {
    GuardOptions options;
    options.deadline = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
    options.rows_max = rows_max;
    options.stop = stop;
    slicebank::run_sql(
        bank, text, options,
        [&](const std::vector<std::string>& names) { table = table_with(names); },
        [&](const std::vector<SqlValue>& row) {
          for (std::size_t i = 0; i < row.size(); ++i) table->columns[i].add(row[i]);
          return true;
        });
  });
  return finished(table ? std::move(table) : std::make_shared<Table>());
}

std::shared_ptr<Table> sample_table(const Bank& bank, nb::handle sequence) {
  const std::vector<SampleId> ids = ids_of(sequence);
  auto table = table_with({"id", "dataset", "modality", "sequence", "region", "patient", "volume",
                           "axis", "slice", "name", "height", "width", "channels", "pixel_type",
                           "official_split", "masks", "classes"});
  const nb::gil_scoped_release release;
  for_each_sample_row(bank, ids, [&](const SampleRow& row) {
    std::size_t at = 0;
    const auto number = [&](std::uint64_t value) {
      table->columns[at++].add(static_cast<std::int64_t>(value));
    };
    // What is not known is a null, not an empty text.
    const auto text = [&](std::string_view value) {
      value.empty() ? table->columns[at++].add_null() : table->columns[at++].add(value);
    };
    number(raw(row.id));
    for (const auto& each :
         {row.dataset, row.modality, row.sequence, row.region, row.patient, row.volume, row.axis}) {
      text(each);
    }
    number(row.slice);
    text(row.name);
    number(row.shape.height);
    number(row.shape.width);
    number(row.shape.channels);
    text(pixel_type_name(row.shape.pixel_type));
    text(row.official_split);
    number(row.masks.size());
    std::vector<std::string> names;
    for (const MaskRow& mask : row.masks) {
      if (std::find(names.begin(), names.end(), mask.class_name) == names.end()) {
        names.push_back(mask.class_name);
      }
    }
    text(fmt::format("{}", fmt::join(names, ", ")));
    return true;
  });
  return finished(std::move(table));
}

std::shared_ptr<Table> mask_table(const Bank& bank, nb::handle sequence) {
  const std::vector<SampleId> ids = ids_of(sequence);
  auto table =
      table_with({"sample_id", "class", "raw_class", "instance", "area", "x0", "y0", "x1", "y1"});
  const nb::gil_scoped_release release;
  for_each_sample_row(bank, ids, [&](const SampleRow& row) {
    for (const MaskRow& mask : row.masks) {
      auto& columns = table->columns;
      columns[0].add(static_cast<std::int64_t>(raw(row.id)));
      columns[1].add(std::string_view(mask.class_name));
      columns[2].add(std::string_view(mask.raw_class));
      columns[3].add(std::int64_t{mask.instance});
      columns[4].add(static_cast<std::int64_t>(mask.area));
      columns[5].add(std::int64_t{mask.box.x0});
      columns[6].add(std::int64_t{mask.box.y0});
      columns[7].add(std::int64_t{mask.box.x1});
      columns[8].add(std::int64_t{mask.box.y1});
    }
    return true;
  });
  return finished(std::move(table));
}

std::shared_ptr<Table> stats_table(const Bank& bank, const std::vector<std::string>& by,
                                   const std::string& filter, bool subjects,
                                   const std::optional<std::string>& as_of) {
  const nb::gil_scoped_release release;
  const StatsTable found =
      stats(bank, by, filter, {.subjects = subjects, .select = select_options(bank, as_of)});
  std::vector<std::string> names = found.by;
  names.insert(names.end(), {"samples", "masks", "subjects"});
  auto table = table_with(names);
  for (const StatsRow& row : found.rows) {
    std::size_t at = 0;
    for (const std::string& key : row.keys) table->columns[at++].add(std::string_view(key));
    table->columns[at++].add(static_cast<std::int64_t>(row.samples));
    table->columns[at++].add(static_cast<std::int64_t>(row.masks));
    table->columns[at++].add(static_cast<std::int64_t>(row.subjects));
  }
  return finished(std::move(table));
}

std::string stats_svg(const Bank& bank, const std::vector<std::string>& by,
                      const std::string& filter, const std::string& measure, bool logarithmic,
                      const std::optional<std::string>& as_of) {
  StatsChartOptions options;
  if (measure == "samples") {
    options.measure = StatsMeasure::samples;
  } else if (measure == "masks") {
    options.measure = StatsMeasure::masks;
  } else if (measure == "subjects") {
    options.measure = StatsMeasure::subjects;
  } else {
    throw Error(ErrorCode::bad_argument, "measure: '" + measure + "'",
                "samples, masks or subjects");
  }
  if (logarithmic) options.scale = ValueScale::logarithmic;
  const nb::gil_scoped_release release;
  const StatsTable found = stats(bank, by, filter, {.select = select_options(bank, as_of)});
  return bar_chart_svg(stats_chart(found, options));
}

nb::object value_at(const Column& column, std::uint64_t row) {
  if (column.is_null(row)) return nb::none();
  switch (column.kind()) {
    case Column::Kind::integer:
      return nb::int_(column.integer(row));
    case Column::Kind::real:
      return nb::float_(column.real(row));
    case Column::Kind::none:
    case Column::Kind::text:
      break;
  }
  const std::string_view text = column.text(row);
  return nb::steal<nb::object>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace"));
}

// A numpy array where the column is all numbers (null: NaN), else a list.
nb::object column_values(const Table& table, std::size_t number) {
  const Column& column = table.columns.at(number);
  const std::size_t shape[] = {column.size()};
  if (column.kind() == Column::Kind::integer && column.nulls() == 0) {
    // int64 is no pixel type: view the same bytes.
    const std::vector<std::int64_t>& values = column.integers();
    return id_array(std::vector<std::uint64_t>(values.begin(), values.end())).attr("view")("int64");
  }
  if (column.kind() == Column::Kind::real) {
    std::vector<double> values = column.reals();
    for (std::uint64_t row = 0; row < column.size(); ++row) {
      if (column.is_null(row)) values[row] = std::numeric_limits<double>::quiet_NaN();
    }
    return array_of(std::move(values), shape, PixelType::f64);
  }
  nb::list list;
  for (std::uint64_t row = 0; row < column.size(); ++row) list.append(value_at(column, row));
  return list;
}

template <typename Struct>
void release_capsule(PyObject* capsule, const char* name) {
  auto* exported = static_cast<Struct*>(PyCapsule_GetPointer(capsule, name));
  if (exported == nullptr) return;
  if (exported->release != nullptr) exported->release(exported);
  delete exported;
}

nb::object stream_capsule(const std::shared_ptr<Table>& table) {
  auto stream = std::make_unique<ArrowArrayStream>();
  export_stream(table, stream.get());
  PyObject* capsule = PyCapsule_New(stream.get(), "arrow_array_stream", [](PyObject* each) {
    release_capsule<ArrowArrayStream>(each, "arrow_array_stream");
  });
  if (capsule == nullptr) throw nb::python_error();
  stream.release();
  return nb::steal(capsule);
}

nb::object schema_capsule(const Table& table) {
  auto schema = std::make_unique<ArrowSchema>();
  export_schema(table, schema.get());
  PyObject* capsule = PyCapsule_New(schema.get(), "arrow_schema", [](PyObject* each) {
    release_capsule<ArrowSchema>(each, "arrow_schema");
  });
  if (capsule == nullptr) throw nb::python_error();
  schema.release();
  return nb::steal(capsule);
}

}  // namespace

void bind_table(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<Table>(module, "Table", "Columns of a result; see slicebank.Table.")
      .def("__len__", &Table::rows)
      .def_prop_ro("names",
                   [](const Table& table) {
                     std::vector<std::string> names;
                     for (const Column& column : table.columns) names.push_back(column.name());
                     return names;
                   })
      .def("values", &column_values, "column"_a,
           nb::sig("def values(self, column: int) -> typing.Any"))
      .def(
          "row",
          [](const Table& table, std::uint64_t row) {
            if (row >= table.rows()) throw nb::index_error("no such row");
            nb::list values;
            for (const Column& column : table.columns) values.append(value_at(column, row));
            return nb::tuple(values);
          },
          "row"_a, nb::sig("def row(self, row: int) -> tuple[typing.Any, ...]"))
      .def("arrow_stream", &stream_capsule)
      .def("arrow_schema", &schema_capsule);

  module.def("sql", &sql_table, "bank"_a, "text"_a, "seconds"_a, "rows_max"_a);
  module.def("sample_table", &sample_table, "bank"_a, "ids"_a,
             nb::sig("def sample_table(bank: Bank, ids: typing.Any) -> Table"));
  module.def("mask_table", &mask_table, "bank"_a, "ids"_a,
             nb::sig("def mask_table(bank: Bank, ids: typing.Any) -> Table"));
  module.def("stats", &stats_table, "bank"_a, "by"_a, "filter"_a, "subjects"_a, "as_of"_a.none());
  module.def("stats_svg", &stats_svg, "bank"_a, "by"_a, "filter"_a, "measure"_a, "logarithmic"_a,
             "as_of"_a.none());
}

}  // namespace slicebank::python
