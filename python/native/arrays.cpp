// Memory of the libraries as numpy arrays, and Python's numbers as ids.
#include <nanobind/ndarray.h>

#include "python/native/native.h"
#include "schema/error.h"

namespace slicebank::python {
namespace {

nb::dlpack::dtype dtype_of(PixelType type) {
  const auto bits = static_cast<std::uint8_t>(8 * pixel_bytes(type));
  switch (type) {
    case PixelType::u8:
    case PixelType::u16:
    case PixelType::u32:
      return {static_cast<std::uint8_t>(nb::dlpack::dtype_code::UInt), bits, 1};
    case PixelType::i8:
    case PixelType::i16:
    case PixelType::i32:
      return {static_cast<std::uint8_t>(nb::dlpack::dtype_code::Int), bits, 1};
    case PixelType::f16:
    case PixelType::f32:
    case PixelType::f64:
      return {static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float), bits, 1};
  }
  throw Error(ErrorCode::bad_argument, "an array of a pixel type that there is not");
}

nb::object array_of_type(std::shared_ptr<void> owner, void* data,
                         std::span<const std::size_t> shape, nb::dlpack::dtype type) {
  auto* kept = new std::shared_ptr<void>(std::move(owner));
  const nb::capsule capsule(
      kept, [](void* pointer) noexcept { delete static_cast<std::shared_ptr<void>*>(pointer); });
  // DLPack wants an address, also for no elements at all.
  static std::byte nothing{};
  const nb::ndarray<nb::numpy> array(data == nullptr ? &nothing : data, shape.size(), shape.data(),
                                     capsule, nullptr, type);
  return nb::cast(array, nb::rv_policy::reference);
}

}  // namespace

nb::object array_over(std::shared_ptr<void> owner, void* data, std::span<const std::size_t> shape,
                      PixelType type) {
  return array_of_type(std::move(owner), data, shape, dtype_of(type));
}

nb::object bool_array_over(std::shared_ptr<void> owner, void* data,
                           std::span<const std::size_t> shape) {
  return array_of_type(std::move(owner), data, shape,
                       {static_cast<std::uint8_t>(nb::dlpack::dtype_code::Bool), 8, 1});
}

nb::object id_array(std::vector<std::uint64_t> numbers) {
  auto owner = std::make_shared<std::vector<std::uint64_t>>(std::move(numbers));
  const std::size_t shape[] = {owner->size()};
  void* data = owner->data();
  return array_of_type(std::move(owner), data, shape,
                       {static_cast<std::uint8_t>(nb::dlpack::dtype_code::UInt), 64, 1});
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

}  // namespace slicebank::python
