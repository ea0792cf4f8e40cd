// A bank, its entities, and samples out of it.
#include "store/bank.h"

#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>

#include "python/native/native.h"
#include "schema/error.h"
#include "store/reader.h"
#include "store/reindex.h"
#include "store/split_data.h"
#include "store/verify.h"
#include "store/version.h"

namespace slicebank::python {
namespace {

nb::object image_array(Image&& image) {
  const ImageShape shape = image.shape;
  if (shape.channels == 1) {
    const std::size_t sides_hw[] = {shape.height, shape.width};
    return array_of(std::move(image.image_hwc), sides_hw, shape.pixel_type);
  }
  const std::size_t sides_hwc[] = {shape.height, shape.width, shape.channels};
  return array_of(std::move(image.image_hwc), sides_hwc, shape.pixel_type);
}

// (class_id, raw_class, instance, mask (H, W) of bool) for each mask.
nb::list mask_list(std::vector<Mask>&& masks, const ImageShape& shape) {
  nb::list list;
  for (Mask& mask : masks) {
    auto owner = std::make_shared<std::vector<std::uint8_t>>(std::move(mask.mask_hw));
    const std::size_t sides_hw[] = {shape.height, shape.width};
    void* data = owner->data();
    list.append(nb::make_tuple(raw(mask.class_id), mask.raw_class, mask.instance,
                               bool_array_over(std::move(owner), data, sides_hw)));
  }
  return list;
}

// What slicebank/_sample.py makes a Sample of.
nb::tuple sample_tuple(std::uint64_t id, Sample&& sample, bool with_image) {
  nb::list labels;
  for (const Label& label : sample.labels) {
    labels.append(nb::make_tuple(raw(label.class_id), label.raw_class, label.value));
  }
  const ImageShape shape = sample.image.shape;
  nb::list masks = mask_list(std::move(sample.masks), shape);
  nb::object image = nb::none();
  if (with_image) image = image_array(std::move(sample.image));
  return nb::make_tuple(id, std::move(image), std::move(masks), std::move(labels),
                        axis_name(sample.axis), sample.slice_index, sample.name, shape.height,
                        shape.width);
}

ReadParts parts_of(bool image, bool masks, const std::vector<std::uint32_t>& classes) {
  return {.image = image, .masks = masks, .classes = class_ids_of(classes)};
}

nb::tuple read_sample(const Bank& bank, std::uint64_t id, bool image, bool masks,
                      const std::vector<std::uint32_t>& classes) {
  Sample sample;
  {
    const nb::gil_scoped_release release;
    sample = bank.reader().sample(SampleId{id}, parts_of(image, masks, classes));
  }
  return sample_tuple(id, std::move(sample), image);
}

nb::tuple crop_sample(const Bank& bank, std::uint64_t id,
                      const std::array<std::int64_t, 4>& box_xyxy, bool image, bool masks) {
  std::array<std::uint32_t, 4> sides{};
  for (std::size_t i = 0; i < sides.size(); ++i) {
    const bool fits = box_xyxy[i] >= 0 && box_xyxy[i] <= std::numeric_limits<std::int32_t>::max();
    if (!fits) {
      throw Error(ErrorCode::bad_argument, "a crop from or to " + std::to_string(box_xyxy[i]),
                  "x0, y0, x1, y1 inside of the image");
    }
    sides[i] = static_cast<std::uint32_t>(box_xyxy[i]);
  }
  Sample sample;
  {
    const nb::gil_scoped_release release;
    sample = bank.reader().crop(SampleId{id}, {sides[0], sides[1], sides[2], sides[3]},
                                parts_of(image, masks, {}));
  }
  return sample_tuple(id, std::move(sample), image);
}

nb::list read_samples(const Bank& bank, nb::handle sequence, bool image, bool masks,
                      const std::vector<std::uint32_t>& classes, unsigned threads) {
  const std::vector<SampleId> ids = ids_of(sequence);
  std::vector<Sample> samples(ids.size());
  {
    const nb::gil_scoped_release release;
    const ReadParts parts = parts_of(image, masks, classes);
    const Reader reader = bank.reader();
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::exception_ptr failed;
    const auto work = [&] {
      try {
        for (std::size_t i = next++; i < ids.size(); i = next++) {
          samples[i] = reader.sample(ids[i], parts);
        }
      } catch (...) {
        next = ids.size();
        const std::lock_guard lock(mutex);
        if (!failed) failed = std::current_exception();
      }
    };
    {
      std::vector<std::jthread> helpers;
      const std::size_t wanted = std::min<std::size_t>(std::max(threads, 1u), ids.size());
      for (std::size_t i = 1; i < wanted; ++i) helpers.emplace_back(work);
      work();
    }
    if (failed) std::rethrow_exception(failed);
  }
  nb::list list;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    list.append(sample_tuple(raw(ids[i]), std::move(samples[i]), image));
  }
  return list;
}

nb::object image_of(const Bank& bank, std::uint64_t id) {
  Image image;
  {
    const nb::gil_scoped_release release;
    image = bank.reader().image(SampleId{id});
  }
  return image_array(std::move(image));
}

nb::dict licence_dict(const Licence& licence) {
  nb::dict dict;
  dict["text"] = licence.text;
  dict["tag"] = licence.tag;
  dict["source"] = licence.source;
  return dict;
}

const char* region_name(const Taxonomy& taxonomy, RegionId id) {
  const RegionInfo* region = taxonomy.region(id);
  return region == nullptr ? "" : region->name.c_str();
}

nb::dict dataset_dict(const Taxonomy& taxonomy, const DatasetInfo& info) {
  nb::list classes;
  for (const RawClass& each : info.classes) {
    const ClassInfo* known = taxonomy.class_info(each.class_id);
    nb::dict entry;
    entry["name"] = each.name;
    entry["code"] = each.code;
    entry["class"] = known == nullptr ? std::string() : known->name;
    classes.append(entry);
  }
  nb::dict dict;
  dict["id"] = raw(info.id);
  dict["name"] = info.name;
  dict["version"] = info.version;
  dict["source_url"] = info.source_url;
  dict["citation"] = info.citation;
  dict["image_licence"] = licence_dict(info.image_licence);
  dict["label_licence"] = licence_dict(info.label_licence);
  dict["region"] = region_name(taxonomy, info.region);
  dict["classes"] = classes;
  return dict;
}

nb::dict volume_dict(const Bank& bank, const VolumeInfo& info) {
  const auto taxonomy = bank.taxonomy();
  const ModalityInfo* modality = taxonomy->modality(info.modality);
  const SequenceInfo* sequence = taxonomy->sequence(info.sequence);
  const auto dataset = bank.dataset(info.dataset_id);
  const auto subject = bank.subject(info.subject_id);
  nb::list coverage;
  for (const ClassId id : info.coverage) {
    const ClassInfo* known = taxonomy->class_info(id);
    if (known != nullptr) coverage.append(known->name);
  }
  nb::dict dict;
  dict["dataset"] = dataset ? dataset->name : std::string();
  dict["patient"] = subject ? subject->patient_id : std::string();
  dict["volume"] = info.key;
  dict["volume_id"] = raw(info.id);
  dict["modality"] = modality == nullptr ? std::string() : modality->name;
  dict["sequence"] = sequence == nullptr ? std::string() : sequence->name;
  dict["region"] = dataset ? region_name(*taxonomy, dataset->region) : "";
  dict["official_split"] = info.official_split;
  dict["channel_names"] = info.channel_names;
  if (info.spacing_xyz_mm) {
    const auto& [x, y, z] = *info.spacing_xyz_mm;
    dict["spacing_xyz_mm"] = nb::make_tuple(x, y, z);
  } else {
    dict["spacing_xyz_mm"] = nb::none();
  }
  dict["affine_4x4"] = info.affine_4x4;
  dict["source_path"] = info.source_path;
  dict["coverage"] = coverage;
  return dict;
}

nb::dict meta_of(const Bank& bank, std::uint64_t id) {
  const SampleInfo info = bank.reader().info(SampleId{id});
  const auto volume = bank.volume(info.volume_id);
  if (!volume) {
    throw Error(ErrorCode::corrupt,
                "sample " + std::to_string(id) + " belongs to a volume that is not there",
                "slicebank verify says more");
  }
  nb::dict dict = volume_dict(bank, *volume);
  dict["id"] = id;
  dict["name"] = info.name;
  dict["axis"] = axis_name(info.axis);
  dict["slice"] = info.slice_index;
  dict["height"] = info.shape.height;
  dict["width"] = info.shape.width;
  dict["channels"] = info.shape.channels;
  dict["pixel_type"] = pixel_type_name(info.shape.pixel_type);
  return dict;
}

nb::dict info_dict(const Bank& bank) {
  const BankInfo info = bank.info();
  nb::dict dict;
  dict["path"] = info.path.string();
  dict["uuid"] = info.uuid_text;
  dict["format"] = nb::make_tuple(info.format.major, info.format.minor);
  dict["created_by"] = info.created_by;
  dict["generation"] = raw(info.generation);
  dict["samples"] = info.samples;
  dict["masks"] = info.masks;
  dict["labels"] = info.labels;
  dict["volumes"] = info.volumes;
  dict["subjects"] = info.subjects;
  dict["datasets"] = info.datasets;
  dict["record_file_bytes"] = info.record_file_bytes;
  dict["index_file_bytes"] = info.index_file_bytes;
  dict["readers"] = info.readers;
  return dict;
}

std::string class_name(const Bank& bank, std::uint32_t id) {
  const auto taxonomy = bank.taxonomy();
  const ClassInfo* known = taxonomy->class_info(ClassId{id});
  return known == nullptr ? "class " + std::to_string(id) : known->name;
}

std::uint32_t class_id(const Bank& bank, const std::string& name) {
  const auto taxonomy = bank.taxonomy();
  if (const auto id = taxonomy->find_class(name)) return raw(*id);
  std::vector<std::string> names;
  for (const ClassInfo& each : taxonomy->classes()) names.push_back(each.name);
  const auto near = nearest_name(name, names);
  throw Error(ErrorCode::not_found, "there is no class '" + name + "'",
              near ? "did you mean '" + *near + "'?" : "slicebank.Bank.classes lists them");
}

std::vector<std::uint32_t> class_members(const Bank& bank, std::uint32_t id) {
  std::vector<std::uint32_t> numbers;
  for (const ClassId each : bank.taxonomy()->members(ClassId{id})) numbers.push_back(raw(each));
  return numbers;
}

nb::dict verify_dict(const std::string& path, int level) {
  VerifyReport report;
  run_interruptibly(
      [&](std::stop_token) { report = verify(path, static_cast<VerifyLevel>(level)); });
  nb::list findings;
  for (const VerifyFinding& each : report.findings) {
    findings.append(nb::make_tuple(each.kind, raw(each.sample), each.message));
  }
  nb::dict dict;
  dict["sound"] = report.sound();
  dict["records"] = report.records;
  dict["rows"] = report.rows;
  dict["bytes"] = report.bytes;
  dict["findings_total"] = report.findings_total;
  dict["findings"] = findings;
  dict["notes"] = report.notes;
  return dict;
}

}  // namespace

void bind_bank(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<Bank>(module, "Bank", "A bank that is open for reading. Any thread, any process.")
      .def_static(
          "open",
          [](const std::string& path, bool check) {
            const nb::gil_scoped_release release;
            return Bank::open(path, {.check_structure = check});
          },
          "path"_a, "check"_a = false)
      .def_static(
          "create",
          [](const std::string& path) {
            const nb::gil_scoped_release release;
            return Bank::create(path);
          },
          "path"_a)
      .def_prop_ro("path", [](const Bank& bank) { return bank.path().string(); })
      .def_prop_ro("uuid", [](const Bank& bank) { return uuid_text(bank.uuid()); })
      .def("generation", [](const Bank& bank) { return raw(bank.generation()); })
      .def("info", &info_dict, nb::sig("def info(self) -> dict[str, typing.Any]"))
      .def("read", &read_sample, "id"_a, "image"_a, "masks"_a, "classes"_a,
           nb::sig("def read(self, id: int, image: bool, masks: bool, classes: "
                   "collections.abc.Sequence[int]) -> tuple[typing.Any, ...]"))
      .def("crop", &crop_sample, "id"_a, "box_xyxy"_a, "image"_a, "masks"_a,
           nb::sig("def crop(self, id: int, box_xyxy: tuple[int, int, int, int], image: bool, "
                   "masks: bool) -> tuple[typing.Any, ...]"))
      .def("read_many", &read_samples, "ids"_a, "image"_a, "masks"_a, "classes"_a, "threads"_a,
           nb::sig("def read_many(self, ids: typing.Any, image: bool, masks: bool, classes: "
                   "collections.abc.Sequence[int], threads: int) -> list[tuple[typing.Any, ...]]"))
      .def("image", &image_of, "id"_a,
           nb::sig("def image(self, id: int) -> numpy.typing.NDArray[typing.Any]"))
      .def("meta", &meta_of, "id"_a, nb::sig("def meta(self, id: int) -> dict[str, typing.Any]"))
      .def(
          "volume",
          [](const Bank& bank, std::uint64_t id) -> nb::object {
            const auto info = bank.volume(VolumeId{id});
            if (!info) return nb::none();
            return volume_dict(bank, *info);
          },
          "id"_a, nb::sig("def volume(self, id: int) -> dict[str, typing.Any] | None"))
      .def(
          "datasets",
          [](const Bank& bank) {
            nb::list list;
            for (const DatasetInfo& each : bank.datasets()) {
              list.append(dataset_dict(*bank.taxonomy(), each));
            }
            return list;
          },
          nb::sig("def datasets(self) -> list[dict[str, typing.Any]]"))
      .def("class_name", &class_name, "id"_a)
      .def("class_id", &class_id, "name"_a)
      .def("class_members", &class_members, "id"_a)
      .def(
          "splits",
          [](const Bank& bank) {
            nb::dict dict;
            for (const SplitData& each : list_splits(bank)) dict[each.name.c_str()] = each.sides;
            return dict;
          },
          nb::sig("def splits(self) -> dict[str, list[str]]"))
      .def("saved_selections",
           [](const Bank& bank) {
             std::vector<std::string> names;
             for (const SavedSelection& each : list_saved_selections(bank)) {
               names.push_back(each.name);
             }
             return names;
           })
      .def(
          "logical_digest",
          [](const Bank& bank, bool decode) {
            const nb::gil_scoped_release release;
            return bank.logical_digest(decode);
          },
          "decode"_a);

  module.def(
      "is_bank", [](const std::string& path) { return Bank::is_bank(path); }, "path"_a);
  module.def("verify", &verify_dict, "path"_a, "level"_a,
             nb::sig("def verify(path: str, level: int) -> dict[str, typing.Any]"));
  module.def(
      "build_versions",
      [] {
        nb::dict dict;
        for (const auto& [name, version] : build_versions()) dict[name.c_str()] = version;
        return dict;
      },
      nb::sig("def build_versions() -> dict[str, str]"));
}

}  // namespace slicebank::python
