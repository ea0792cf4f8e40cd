// What the files of the binding share: how arrays and long calls cross the border.
//
// The rule of ownership is in ../README.md: every array that is handed out owns its memory.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "query/selection.h"
#include "schema/ids.h"
#include "schema/sample.h"
#include "schema/taxonomy.h"
#include "store/bank.h"

namespace slicebank::python {

namespace nb = nanobind;

// --- Each file binds its part. Called once, in this order.
void bind_errors(nb::module_& module);
void bind_arrays(nb::module_& module);
void bind_bank(nb::module_& module);
void bind_table(nb::module_& module);
void bind_filter(nb::module_& module);
void bind_selection(nb::module_& module);
void bind_split(nb::module_& module);
void bind_audit(nb::module_& module);
void bind_cases(nb::module_& module);
void bind_transfer(nb::module_& module);
void bind_picture(nb::module_& module);
void bind_sampler(nb::module_& module);
void bind_batch(nb::module_& module);
void bind_loader(nb::module_& module);
void bind_volume(nb::module_& module);

// --- arrays.cpp

// A writable numpy array over `data`, which lives as long as `owner`. The array keeps the
// owner; nothing else needs to. An array without elements has memory of its own.
nb::object array_over(std::shared_ptr<void> owner, void* data, std::span<const std::size_t> shape,
                      PixelType type);
nb::object bool_array_over(std::shared_ptr<void> owner, void* data,
                           std::span<const std::size_t> shape);
nb::object id_array(std::vector<std::uint64_t> numbers);  // uint64, one axis
nb::object id_array(const std::vector<SampleId>& ids);

template <typename T>
nb::object array_of(std::vector<T> values, std::span<const std::size_t> shape, PixelType type) {
  auto owner = std::make_shared<std::vector<T>>(std::move(values));
  return array_over(owner, owner->data(), shape, type);
}

// Ids out of any sequence of whole numbers, numpy arrays first of all.
std::vector<std::uint64_t> numbers_of(nb::handle sequence);
std::vector<SampleId> ids_of(nb::handle sequence);
std::vector<ClassId> class_ids_of(const std::vector<std::uint32_t>& numbers);

// --- selection.cpp

// As of "7" or "2026-11-29"; nothing: as it is now. Error(bad_argument), Error(not_found).
SelectOptions select_options(const Bank& bank, const std::optional<std::string>& as_of);

// --- interrupt.cpp

// Runs `job` in a thread of its own, without the GIL, while the caller looks for Ctrl-C
// and calls `told` (with the GIL) about every 50 ms. Ctrl-C, and an exception of `told`,
// stop the job and are raised when it has ended; otherwise what the job threw is.
void run_interruptibly(const std::function<void(std::stop_token)>& job,
                       const std::function<void()>& told = {});

}  // namespace slicebank::python
