// Small banks for the tests of exporters, and looks at what came out.
#pragma once

#include <doctest/doctest.h>
#include <stdio.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "exporters/export.h"
#include "formats/png.h"
#include "query/selection.h"
#include "schema/error.h"
#include "store/bank.h"
#include "store/record.h"
#include "store/writer.h"

namespace slicebank::testing {

// Every pixel differs from its neighbours and from the same place in another sample.
inline Image pattern(PixelType type, std::uint32_t height, std::uint32_t width,
                     std::uint32_t channels, std::uint32_t seed) {
  Image image{{type, height, width, channels}, {}};
  image.image_hwc.resize(image.shape.bytes());
  for (std::size_t i = 0; i < image.image_hwc.size(); ++i) {
    image.image_hwc[i] = static_cast<std::byte>((i * 7 + seed * 31 + i / 11) % 251);
  }
  return image;
}

class BankBuilder {
 public:
  explicit BankBuilder(const std::filesystem::path& path)
      : path_((Bank::create(path), path)), writer_(Writer::open(path)) {}

  DatasetId dataset(const DatasetInfo& info) { return writer_.dataset(info); }
  DatasetId dataset(const std::string& name) {
    DatasetInfo info;
    info.name = name;
    return writer_.dataset(info);
  }

  VolumeId volume(DatasetId dataset, VolumeInfo info, const std::string& patient = "p") {
    info.dataset_id = dataset;
    if (info.key.empty()) info.key = "volume";
    info.subject_id = writer_.subject(dataset, patient);
    if (const auto match = writer_.taxonomy().find_modality(info.source_modality)) {
      info.modality = match->modality;
      info.sequence = match->sequence;
    }
    return writer_.volume(info);
  }

  // A rectangle of a class, `box` in pixels.
  Mask mask(DatasetId dataset, const std::string& name, const ImageShape& shape, Box box,
            std::uint32_t instance = 0, const std::string& code = "") {
    Mask mask;
    mask.raw_class = writer_.raw_class(dataset, name, code);
    mask.class_id = writer_.dataset_info(dataset).classes[mask.raw_class - 1].class_id;
    mask.instance = instance;
    mask.mask_hw.resize(shape.pixels());
    for (std::uint32_t y = box.y0; y < box.y1; ++y) {
      for (std::uint32_t x = box.x0; x < box.x1; ++x) {
        mask.mask_hw[std::size_t{y} * shape.width + x] = 1;
      }
    }
    return mask;
  }

  SampleId add(const Sample& sample, VolumeId volume) {
    ids_.push_back(writer_.add(encode_sample(sample), volume));
    return ids_.back();
  }

  Writer& writer() { return writer_; }

  // All samples that were added, in their order.
  Selection selection() {
    writer_.commit();
    Bank bank = Bank::open(path_);
    const Generation generation = bank.generation();
    return Selection(std::move(bank), ids_, generation, "");
  }

 private:
  std::filesystem::path path_;
  Writer writer_;
  std::vector<SampleId> ids_;
};

inline ExportReport export_to(const Selection& selection, const std::filesystem::path& destination,
                              const std::string& format,
                              const std::map<std::string, std::string>& settings = {}) {
  ExportOptions options;
  options.format = format;
  options.settings = settings;
  return export_selection(selection, destination, options);
}

inline std::string read_text(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline nlohmann::json read_json(const std::filesystem::path& file) {
  return nlohmann::json::parse(read_text(file));
}

// Paths below `root`, relative to it, ascending; folders are left out.
inline std::set<std::string> files_below(const std::filesystem::path& root) {
  std::set<std::string> files;
  if (!std::filesystem::exists(root)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_directory()) {
      files.insert(std::filesystem::relative(entry.path(), root).generic_string());
    }
  }
  return files;
}

inline png::Decoded read_png(const std::filesystem::path& file) {
  const std::string text = read_text(file);
  return png::decode(std::as_bytes(std::span(text)), file.string());
}

inline bool has_loss(const ExportReport& report, SampleId sample, const std::string& words) {
  return std::any_of(report.losses.begin(), report.losses.end(), [&](const ExportLoss& loss) {
    return loss.sample == sample && loss.message.find(words) != std::string::npos;
  });
}

template <typename Call>
std::optional<ErrorCode> error_code_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

// Runs tests/exporters/check_export.py, an independent reader of a layout, and gives what
// it prints. Nothing, said loudly, where there is no python3 with numpy.
inline std::optional<std::string> check_with_python(const std::string& format,
                                                    const std::filesystem::path& folder) {
  const std::string script = std::string(SLICEBANK_SOURCE_DIR) + "/tests/exporters/check_export.py";
  const std::string command =
      "python3 '" + script + "' " + format + " '" + folder.string() + "' 2>&1";
  FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  char buffer[4096];
  for (std::size_t got = 0; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    output.append(buffer, got);
  }
  const int status = pclose(pipe);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code == 77 || code == 127) {
    std::fprintf(stderr, "SKIPPED: python3 with numpy is not there\n");
    return std::nullopt;
  }
  CHECK_MESSAGE(code == 0, output);
  return output;
}

}  // namespace slicebank::testing
