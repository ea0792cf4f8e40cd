// Memory of the libraries as numpy arrays, and Python's numbers as ids.
#include <nanobind/ndarray.h>

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

#include "python/native/native.h"
#include "schema/error.h"

namespace slicebank::python {
namespace {

// Memory of somebody who is kept alive, for numpy to look into: writable bytes. numpy makes
// an array over such an object in a third of the time that DLPack takes.
struct Memory {
  std::shared_ptr<void> owner;
  void* data = nullptr;
  std::size_t bytes = 0;
};

int memory_buffer(PyObject* self, Py_buffer* view, int flags) noexcept {
  const auto* memory = nb::inst_ptr<Memory>(self);
  static std::byte nothing{};  // an address, also of no bytes at all
  return PyBuffer_FillInfo(view, self, memory->data == nullptr ? &nothing : memory->data,
                           static_cast<Py_ssize_t>(memory->bytes), 0, flags);
}

PyType_Slot memory_slots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(memory_buffer)},
                              {0, nullptr}};

struct Numpy {
  PyObject* ndarray = nullptr;
  std::array<PyObject*, 11> dtypes{};  // by place in names
};

constexpr std::array<const char*, 11> kNames = {"uint8",   "int8",  "uint16",  "int16",
                                                "uint32",  "int32", "float16", "float32",
                                                "float64", "bool",  "uint64"};
constexpr std::array<std::size_t, 11> kBytes = {1, 1, 2, 2, 4, 4, 2, 4, 8, 1, 8};
constexpr std::size_t kBool = 9;
constexpr std::size_t kIds = 10;

// Looked up once, and never let go: modules outlive their users in any order.
const Numpy& numpy() {
  static const Numpy found = [] {
    const nb::module_ module = nb::module_::import_("numpy");
    Numpy made;
    made.ndarray = nb::object(module.attr("ndarray")).release().ptr();
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      made.dtypes[i] = nb::object(module.attr("dtype")(kNames[i])).release().ptr();
    }
    return made;
  }();
  return found;
}

std::size_t place_of(PixelType type) {
  switch (type) {
    case PixelType::u8:
      return 0;
    case PixelType::i8:
      return 1;
    case PixelType::u16:
      return 2;
    case PixelType::i16:
      return 3;
    case PixelType::u32:
      return 4;
    case PixelType::i32:
      return 5;
    case PixelType::f16:
      return 6;
    case PixelType::f32:
      return 7;
    case PixelType::f64:
      return 8;
  }
  throw Error(ErrorCode::bad_argument, "an array of a pixel type that there is not");
}

nb::object array_of_type(std::shared_ptr<void> owner, void* data,
                         std::span<const std::size_t> shape, std::size_t type) {
  std::size_t bytes = kBytes[type];
  for (const std::size_t side : shape) bytes *= side;
  const nb::object memory = nb::cast(Memory{std::move(owner), data, bytes});
  const nb::object sides = nb::steal(PyTuple_New(static_cast<Py_ssize_t>(shape.size())));
  if (!sides.is_valid()) throw nb::python_error();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    PyTuple_SET_ITEM(sides.ptr(), static_cast<Py_ssize_t>(i), PyLong_FromSize_t(shape[i]));
  }
  const Numpy& known = numpy();
  PyObject* arguments[] = {sides.ptr(), known.dtypes[type], memory.ptr()};
  PyObject* array = PyObject_Vectorcall(known.ndarray, arguments, 3, nullptr);
  if (array == nullptr) throw nb::python_error();
  return nb::steal(array);
}

}  // namespace

nb::object array_over(std::shared_ptr<void> owner, void* data, std::span<const std::size_t> shape,
                      PixelType type) {
  return array_of_type(std::move(owner), data, shape, place_of(type));
}

nb::object bool_array_over(std::shared_ptr<void> owner, void* data,
                           std::span<const std::size_t> shape) {
  return array_of_type(std::move(owner), data, shape, kBool);
}

nb::object id_array(std::vector<std::uint64_t> numbers) {
  auto owner = std::make_shared<std::vector<std::uint64_t>>(std::move(numbers));
  const std::size_t shape[] = {owner->size()};
  void* data = owner->data();
  return array_of_type(std::move(owner), data, shape, kIds);
}

nb::object id_array(const std::vector<SampleId>& ids) {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(ids.size());
  for (const SampleId id : ids) numbers.push_back(raw(id));
  return id_array(std::move(numbers));
}

std::vector<std::uint64_t> numbers_of(nb::handle sequence) {
  using Numbers = nb::ndarray<const std::uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
  Numbers array;
  if (nb::try_cast(sequence, array)) {
    return std::vector<std::uint64_t>(array.data(), array.data() + array.size());
  }
  std::vector<std::uint64_t> numbers;
  for (const nb::handle each : sequence) numbers.push_back(nb::cast<std::uint64_t>(each));
  return numbers;
}

std::vector<SampleId> ids_of(nb::handle sequence) {
  const std::vector<std::uint64_t> numbers = numbers_of(sequence);
  std::vector<SampleId> ids;
  ids.reserve(numbers.size());
  for (const std::uint64_t number : numbers) ids.push_back(SampleId{number});
  return ids;
}

std::vector<ClassId> class_ids_of(const std::vector<std::uint32_t>& numbers) {
  std::vector<ClassId> ids;
  ids.reserve(numbers.size());
  for (const std::uint32_t number : numbers) ids.push_back(ClassId{number});
  return ids;
}

void bind_arrays(nb::module_& module) {
  nb::class_<Memory>(module, "Memory", "What an array of slicebank keeps alive.",
                     nb::type_slots(memory_slots));
}

}  // namespace slicebank::python
