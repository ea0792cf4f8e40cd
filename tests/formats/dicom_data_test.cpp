// Every DICOM file of the real sample data, decoded and compared with pydicom.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "formats/dicom.h"
#include "schema/error.h"
#include "tests/formats/python_oracle.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

std::vector<std::byte> file_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(text.size());
  std::transform(text.begin(), text.end(), bytes.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  return bytes;
}

std::string list_of(const auto& values) {
  std::string text;
  for (const auto& value : values) text += fmt::format("{}{}", text.empty() ? "" : ",", value);
  return text;
}

template <typename Value>
std::string maybe(const std::optional<Value>& value) {
  if (!value) return "-";
  if constexpr (requires { value->size(); }) {
    return list_of(*value);
  } else {
    return fmt::format("{}", *value);
  }
}

// One `key<tab>value` a line, for the oracle.
void write_header(const dicom::Instance& instance, const std::filesystem::path& path) {
  std::ofstream out(path);
  const auto line = [&](const char* key, const std::string& value) {
    out << key << '\t' << value << '\n';
  };
  const dicom::Frame& frame = instance.first;
  line("SOPClassUID", instance.sop_class_uid);
  line("StudyInstanceUID", instance.study_instance_uid);
  line("SeriesInstanceUID", instance.series_instance_uid);
  line("SOPInstanceUID", instance.sop_instance_uid);
  line("FrameOfReferenceUID", instance.frame_of_reference_uid);
  line("PatientID", instance.patient_id);
  line("Modality", instance.modality);
  line("BodyPartExamined", instance.body_part_examined);
  line("SeriesDescription", instance.series_description);
  line("PhotometricInterpretation", instance.photometric);
  line("SeriesNumber", maybe(instance.series_number));
  line("InstanceNumber", maybe(instance.instance_number));
  line("ImagePositionPatient", maybe(frame.position));
  line("ImageOrientationPatient", maybe(frame.orientation));
  line("PixelSpacing", maybe(frame.spacing_yx));
  line("SliceThickness", maybe(frame.slice_thickness));
  line("SpacingBetweenSlices", maybe(frame.spacing_between_slices));
  line("WindowCenter", list_of(instance.window_centre));
  line("WindowWidth", list_of(instance.window_width));
  line("slope", fmt::format("{}", frame.slope));
  line("intercept", fmt::format("{}", frame.intercept));
  line("transfer_syntax", instance.transfer_syntax_uid);
  line("pixels", fmt::format("{}", instance.has_pixels));
  if (!instance.has_pixels) return;
  line("Rows", fmt::format("{}", instance.rows));
  line("Columns", fmt::format("{}", instance.columns));
  line("SamplesPerPixel", fmt::format("{}", instance.samples));
  line("BitsAllocated", fmt::format("{}", instance.bits_allocated));
  line("BitsStored", fmt::format("{}", instance.bits_stored));
  line("HighBit", fmt::format("{}", instance.high_bit));
  line("frames", fmt::format("{}", instance.frames));
  line("padding", maybe(instance.pixel_padding_value));
  for (std::uint32_t i = 0; i < instance.frame_list.size(); ++i) {
    const dicom::Frame& each = instance.frame(i);
    line("frame_position", maybe(each.position));
    line("frame_orientation", maybe(each.orientation));
    line("frame_spacing", maybe(each.spacing_yx));
    line("frame_rescale", fmt::format("{},{}", each.slope, each.intercept));
    line("frame_segment", fmt::format("{}", each.segment));
  }
}

void write_frames(const dicom::File& file, const std::filesystem::path& path,
                  dicom::PaletteAs palette) {
  std::ofstream out(path, std::ios::binary);
  for (std::uint32_t frame = 0; frame < file.instance().frames; ++frame) {
    const Image image = file.decode(frame, palette);
    REQUIRE(image.image_hwc.size() == image.shape.bytes());
    if (frame == 0) {
      out << fmt::format("{} {} {} {} {}\n", pixel_type_name(image.shape.pixel_type),
                         file.instance().frames, image.shape.height, image.shape.width,
                         image.shape.channels);
    }
    out.write(reinterpret_cast<const char*>(image.image_hwc.data()),
              static_cast<std::streamsize>(image.image_hwc.size()));
  }
}

}  // namespace

TEST_CASE("dicom: every real file decodes as pydicom has it, or is refused for a listed reason") {
  SLICEBANK_SHARED_OR_SKIP(root, "pydicom");
  const std::string python = testing::python_with("numpy, pydicom");
  if (python.empty()) return;
  const testing::TempDir folder;
  const std::filesystem::path data = root.parent_path();
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::ofstream list(folder / "list.txt");
  list << data.string() << '\n';
  int number = 0;
  for (const auto& path : paths) {
    const std::vector<std::byte> bytes = file_bytes(path);
    if (!dicom::looks_like(bytes)) continue;
    const std::string name = std::filesystem::relative(path, data).string();
    std::string problem;
    try {
      const dicom::File file(bytes, name);
      const dicom::Instance header = dicom::read_header(bytes, name);
      CHECK(header.sop_instance_uid == file.instance().sop_instance_uid);
      CHECK(header.frames == file.instance().frames);
      write_header(file.instance(), folder / fmt::format("{}.header", number));
      if (file.instance().has_pixels) {
        write_frames(file, folder / fmt::format("{}.frames", number), dicom::PaletteAs::indices);
        if (file.instance().photometric == "PALETTE COLOR") {
          write_frames(file, folder / fmt::format("{}.colours", number), dicom::PaletteAs::colours);
        }
      }
    } catch (const Error& error) {
      problem = error.what();
      CHECK_MESSAGE(problem.find(name) == 0, problem);
    }
    list << name << '\t' << problem << '\n';
    ++number;
  }
  list.close();
  CHECK(number > 60);
  CHECK(testing::run_oracle(python, "dicom_oracle.py", folder.path()));
}

}  // namespace slicebank
