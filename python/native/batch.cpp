// Batches as dictionaries of arrays, at once (BatchMaker) and ahead of need (Loader).
#include "query/batch.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <utility>

#include "python/native/batch_spec.h"
#include "python/native/draws.h"
#include "python/native/native.h"
#include "query/loader.h"
#include "schema/error.h"

namespace slicebank::python {
namespace {

using Shape = std::vector<std::size_t>;

// A batch's arrays share its memory: when the last is gone, the loader uses it again.
class ArrayMaker {
 public:
  ArrayMaker(std::shared_ptr<Batch> batch, bool single)
      : batch_(std::move(batch)), single_(single) {}

  nb::object operator()(const Buffer& buffer, Shape shape, PixelType type) const {
    if (single_) shape.erase(shape.begin());
    return array_over(batch_, buffer.data(), shape, type);
  }

 private:
  std::shared_ptr<Batch> batch_;
  bool single_;
};

nb::tuple box_tuple(const Box& box) { return nb::make_tuple(box.x0, box.y0, box.x1, box.y1); }

nb::dict placement_dict(const Placement& placement) {
  nb::dict dict;
  dict["source"] = nb::make_tuple(placement.source.height, placement.source.width);
  dict["crop"] = box_tuple(placement.crop);
  dict["inner"] = box_tuple(placement.inner);
  dict["canvas"] = nb::make_tuple(placement.canvas.height, placement.canvas.width);
  dict["transpose"] = placement.transpose;
  dict["flip_horizontal"] = placement.flip_horizontal;
  dict["flip_vertical"] = placement.flip_vertical;
  return dict;
}

// What the annotators drew, instance by instance: as many rows as there are.
nb::dict instances_dict(const std::shared_ptr<Batch>& batch, const BatchItem& item) {
  const std::size_t count = item.instances.size();
  const std::size_t one_axis[] = {count};
  std::vector<float> boxes;
  std::vector<float> prompt_boxes;
  std::vector<float> centroids;
  std::vector<std::uint32_t> class_ids;
  std::vector<std::uint32_t> numbers;
  std::vector<std::uint32_t> areas;
  const auto push = [](std::vector<float>& values, const Box& box) {
    for (const std::uint32_t side : {box.x0, box.y0, box.x1, box.y1}) {
      values.push_back(static_cast<float>(side));
    }
  };
  for (const Instance& each : item.instances) {
    push(boxes, each.box);
    push(prompt_boxes, each.prompt_box);
    centroids.push_back(static_cast<float>(each.centroid_x));
    centroids.push_back(static_cast<float>(each.centroid_y));
    class_ids.push_back(raw(each.class_id));
    numbers.push_back(each.instance);
    areas.push_back(static_cast<std::uint32_t>(each.area));
  }
  std::vector<float> coordinates;
  std::vector<std::int32_t> labels;
  for (const Point& point : item.points) {
    coordinates.push_back(static_cast<float>(point.x));
    coordinates.push_back(static_cast<float>(point.y));
    labels.push_back(point.label);
  }
  const std::size_t points = count == 0 ? 0 : item.points.size() / count;
  nb::dict dict;
  const std::size_t mask_shape[] = {count, batch->height, batch->width};
  dict["instance_masks"] = array_over(batch, item.instance_masks.data(), mask_shape, PixelType::u8);
  const std::size_t box_shape[] = {count, 4};
  dict["boxes"] = array_of(std::move(boxes), box_shape, PixelType::f32);
  dict["prompt_boxes"] = array_of(std::move(prompt_boxes), box_shape, PixelType::f32);
  const std::size_t centroid_shape[] = {count, 2};
  dict["centroids"] = array_of(std::move(centroids), centroid_shape, PixelType::f32);
  dict["class_ids"] = array_of(std::move(class_ids), one_axis, PixelType::u32);
  dict["instance_ids"] = array_of(std::move(numbers), one_axis, PixelType::u32);
  dict["areas"] = array_of(std::move(areas), one_axis, PixelType::u32);
  const std::size_t coordinates_shape[] = {count, points, 2};
  dict["point_coords"] = array_of(std::move(coordinates), coordinates_shape, PixelType::f32);
  const std::size_t label_shape[] = {count, points};
  dict["point_labels"] = array_of(std::move(labels), label_shape, PixelType::i32);
  return dict;
}

}  // namespace

nb::dict batch_arrays(const std::shared_ptr<Batch>& batch, bool single) {
  const ArrayMaker array(batch, single);
  const std::size_t n = batch->size;
  const std::size_t c = batch->channels;
  const std::size_t h = batch->height;
  const std::size_t w = batch->width;
  const std::size_t k = batch->classes;
  nb::dict dict;
  if (!batch->images.empty()) {
    dict["image"] =
        array(batch->images, batch->layout == Layout::nchw ? Shape{n, c, h, w} : Shape{n, h, w, c},
              batch->pixel_type);
  }
  if (!batch->masks.empty()) dict["masks"] = array(batch->masks, {n, k, h, w}, PixelType::u8);
  if (!batch->label_map.empty()) {
    dict["label_map"] = array(batch->label_map, {n, h, w}, batch->label_map_type);
  }
  if (!batch->label_mask.empty()) {
    dict["label_mask"] = array(batch->label_mask, {n, k}, PixelType::u8);
  }
  if (!batch->labels.empty()) dict["labels"] = array(batch->labels, {n, k}, PixelType::f32);
  return dict;
}

void bind_batch(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<Batch>(module, "Batch", "Samples of one shape; see slicebank.Loader.")
      .def("__len__", [](const Batch& batch) { return batch.size; })
      .def_ro("height", &Batch::height)
      .def_ro("width", &Batch::width)
      .def(
          "arrays",
          [](const std::shared_ptr<Batch>& batch, bool single) {
            return batch_arrays(batch, single);
          },
          "single"_a, nb::sig("def arrays(self, single: bool) -> dict[str, typing.Any]"))
      .def(
          "ids",
          [](const Batch& batch) {
            std::vector<std::uint64_t> ids;
            for (const BatchItem& item : batch.items) ids.push_back(raw(item.id));
            return id_array(std::move(ids));
          },
          nb::sig("def ids(self) -> numpy.typing.NDArray[numpy.uint64]"))
      .def(
          "source_size",
          [](const Batch& batch, std::size_t item) {
            const Size& size = batch.items.at(item).placement.source;
            return std::pair(size.height, size.width);
          },
          "item"_a)
      .def(
          "placement",
          [](const Batch& batch, std::size_t item) {
            return placement_dict(batch.items.at(item).placement);
          },
          "item"_a, nb::sig("def placement(self, item: int) -> dict[str, typing.Any]"))
      .def(
          "instances",
          [](const std::shared_ptr<Batch>& batch, std::size_t item) {
            return instances_dict(batch, batch->items.at(item));
          },
          "item"_a, nb::sig("def instances(self, item: int) -> dict[str, typing.Any]"))
      .def("skipped", [](const Batch& batch) {
        std::vector<std::pair<std::uint64_t, std::string>> skipped;
        for (const SkippedSample& each : batch.skipped) {
          skipped.emplace_back(raw(each.id), each.message);
        }
        return skipped;
      });

  nb::class_<BatchMaker>(module, "BatchMaker", "Batches at once. Any thread, any process.")
      .def(
          "__init__",
          [](BatchMaker* self, const Bank& bank, const nb::dict& spec) {
            new (self) BatchMaker(bank, batch_spec_of(spec));
          },
          "bank"_a, "spec"_a,
          nb::sig("def __init__(self, bank: Bank, spec: dict[str, typing.Any]) -> None"))
      .def(
          "sample",
          [](const BatchMaker& maker, std::uint64_t id, std::uint64_t position, std::uint64_t seed,
             std::uint64_t epoch) {
            const nb::gil_scoped_release release;
            return maker.sample(SampleId{id}, position, {seed, epoch});
          },
          "id"_a, "position"_a, "seed"_a, "epoch"_a)
      .def(
          "item",
          [](const BatchMaker& maker, std::uint64_t id, std::uint64_t position, std::uint64_t seed,
             std::uint64_t epoch, bool instances) {
            std::shared_ptr<Batch> batch;
            {
              const nb::gil_scoped_release release;
              batch = maker.sample(SampleId{id}, position, {seed, epoch});
            }
            nb::dict dict = batch_arrays(batch, true);
            if (instances) dict.update(instances_dict(batch, batch->items.front()));
            const Size& source = batch->items.front().placement.source;
            dict["id"] = id;
            dict["original_size"] = nb::make_tuple(source.height, source.width);
            return dict;
          },
          "id"_a, "position"_a, "seed"_a, "epoch"_a, "instances"_a,
          nb::sig("def item(self, id: int, position: int, seed: int, epoch: int, instances: bool) "
                  "-> dict[str, typing.Any]"))
      .def(
          "batch",
          [](const BatchMaker& maker, nb::handle ids, nb::handle positions, std::uint64_t seed,
             std::uint64_t epoch, std::uint32_t threads, bool skip) {
            const std::vector<std::uint64_t> id_numbers = numbers_of(ids);
            const std::vector<std::uint64_t> places = numbers_of(positions);
            if (id_numbers.size() != places.size()) {
              throw Error(ErrorCode::bad_argument, "a batch needs a position for each id");
            }
            std::vector<LoadItem> items;
            for (std::size_t i = 0; i < places.size(); ++i) {
              items.push_back({SampleId{id_numbers[i]}, places[i]});
            }
            const nb::gil_scoped_release release;
            return maker.batch(items, {seed, epoch}, threads,
                               skip ? OnError::skip : OnError::raise);
          },
          "ids"_a, "positions"_a, "seed"_a, "epoch"_a, "threads"_a, "skip"_a,
          nb::sig("def batch(self, ids: typing.Any, positions: typing.Any, seed: int, epoch: int, "
                  "threads: int, skip: bool) -> Batch"));
}

}  // namespace slicebank::python
