// How much of the speed at which a volume can be had at all an import keeps.
//
// The volume is 512 x 512 x 300 int16 in Hounsfield units with a label map beside it, both
// .nii.gz at zlib's level 6: an abdominal CT as it is published, 157 MB of pixels.
//
// The peer inflates both files with the fastest inflater there is here, parses them and
// cuts all slices, in one thread, and throws them away; once holding the volumes whole, as
// a caller of nifti::decode() would (this is what the column "of whole" compares with), and
// once slice by slice, as the import reads them ("of streamed", the harder one). More
// threads do not help a peer that has one image to inflate: deflate cannot be shared. The
// import does the same and encodes, hashes, indexes and commits. Each run is a process of
// its own, in turns; ratios are medians over the rounds. "CPU" is what all its threads took.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "bench/phantom.h"
#include "formats/nifti.h"
#include "formats/source_tree.h"
#include "importers/import.h"
#include "schema/error.h"

namespace slicebank::bench {
namespace {

namespace fs = std::filesystem;

const char* const kUsage =
    "usage: import_bench [--work DIR] [--slices N] [--side N] [--volumes N] [--rounds N]\n"
    "                    [--jobs N] [--json FILE]\n";

struct Options {
  fs::path work = "build/bench-data/import";
  std::uint32_t slices = 300;
  std::uint32_t side = 512;
  std::uint32_t volumes = 1;
  std::uint32_t rounds = 5;
  std::uint32_t jobs = 0;
  std::string json;
};

void write_file(const fs::path& path, const std::vector<std::byte>& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

std::vector<std::byte> read_file(const fs::path& path) {
  std::vector<std::byte> bytes(fs::file_size(path));
  std::ifstream(path, std::ios::binary)
      .read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

void make_volume(const Options& options, const fs::path& root, std::uint32_t number) {
  Volume image;
  image.type = ElementType::i16;
  image.size_ijk = {options.side, options.side, options.slices};
  image.spacing_ijk_mm = {0.7, 0.7, 1.5};
  image.affine = Affine{-0.7, 0, 0, 180, 0, -0.7, 0, 180, 0, 0, 1.5, -200, 0, 0, 0, 1};
  Volume labels = image;
  labels.type = ElementType::u8;
  for (std::uint32_t slice = 0; slice < options.slices; ++slice) {
    const Image plane = phantom::make_ct_hounsfield(11, number, slice, options.side);
    image.voxels.insert(image.voxels.end(), plane.image_hwc.begin(), plane.image_hwc.end());
    const Sample marked = phantom::make_slice("ct", 11, number, slice, options.side);
    std::vector<std::byte> map(std::size_t{options.side} * options.side);
    for (const Mask& mask : marked.masks) {
      for (std::size_t i = 0; i < map.size(); ++i) {
        if (mask.mask_hw[i] != 0) map[i] = static_cast<std::byte>(mask.raw_class);
      }
    }
    labels.voxels.insert(labels.voxels.end(), map.begin(), map.end());
  }
  const std::string name = fmt::format("case_{:03}.nii.gz", number);
  write_file(root / "imagesTr" / name, nifti::encode(image));
  write_file(root / "labelsTr" / name, nifti::encode(labels));
}

// A Decathlon task, so that the import has classes to map.
void make_source(const Options& options, const fs::path& root) {
  nlohmann::ordered_json json = {{"name", "ImportBench"},
                                 {"description", "phantom CT"},
                                 {"licence", "CC0"},
                                 {"release", "1.0"},
                                 {"tensorImageSize", "3D"},
                                 {"modality", {{"0", "CT"}}},
                                 {"labels", {{"0", "background"}}},
                                 {"numTraining", options.volumes},
                                 {"numTest", 0},
                                 {"training", nlohmann::json::array()},
                                 {"test", nlohmann::json::array()}};
  const auto& names = phantom::class_names("ct");
  for (std::size_t i = 0; i < names.size(); ++i) json["labels"][std::to_string(i + 1)] = names[i];
  for (std::uint32_t number = 0; number < options.volumes; ++number) {
    make_volume(options, root, number);
    const std::string name = fmt::format("case_{:03}.nii.gz", number);
    json["training"].push_back({{"image", "./imagesTr/" + name}, {"label", "./labelsTr/" + name}});
  }
  std::ofstream(root / "dataset.json") << json.dump(2);
}

// What has to be done in any case: read, inflate, parse, cut. Whole files, then slices.
std::uint64_t inflate_and_slice(const fs::path& root) {
  std::uint64_t sum = 0;
  for (const char* folder : {"imagesTr", "labelsTr"}) {
    for (const auto& entry : fs::directory_iterator(root / folder)) {
      const Volume volume = nifti::decode(read_file(entry.path()), entry.path().string()).volume;
      for (std::uint32_t index = 0; index < slices(volume, Axis::z); ++index) {
        const Image slice = slice_of(volume, Axis::z, index);
        sum += std::to_integer<std::uint64_t>(slice.image_hwc[slice.image_hwc.size() / 2]);
      }
    }
  }
  return sum;
}

// The same without ever holding a volume.
std::uint64_t inflate_slice_by_slice(const fs::path& root) {
  std::uint64_t sum = 0;
  const SourceTree tree(root);
  for (const char* folder : {"imagesTr", "labelsTr"}) {
    for (const auto& entry : fs::directory_iterator(root / folder)) {
      const auto file = tree.open(folder + ("/" + entry.path().filename().string()));
      nifti::Reader reader(*file, entry.path().string());
      const Volume& volume = reader.volume();
      std::vector<std::byte> slice(voxel_bytes(volume) / volume.size_ijk[2]);
      for (std::uint32_t index = 0; index < volume.size_ijk[2]; ++index) {
        reader.read(slice);
        sum += std::to_integer<std::uint64_t>(slice[slice.size() / 2]);
      }
      reader.finish();
    }
  }
  return sum;
}

struct Run {
  double seconds = 0;
  double cpu_seconds = 0;
  double peak_mb = 0;
};

Run in_a_process(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      work();
    } catch (const std::exception& error) {
      fmt::print(stderr, "import_bench: {}\n", error.what());
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw Error(ErrorCode::io, "a run failed");
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
          seconds(usage.ru_utime) + seconds(usage.ru_stime),
          static_cast<double>(usage.ru_maxrss) / 1024};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Contender {
  std::string name;
  std::function<void()> work;
  std::vector<double> seconds{};
  std::vector<double> cpu_seconds{};
  std::vector<double> of_whole{};
  std::vector<double> of_streamed{};
  double peak_mb = 0;
};

int run(const Options& options) {
  const fs::path root = options.work / fmt::format("ImportBench_{}x{}x{}", options.side,
                                                   options.slices, options.volumes);
  if (!fs::exists(root / "dataset.json")) {
    fmt::print(stderr, "making {} volumes below {} (once) ...\n", options.volumes, root.string());
    make_source(options, root);
  }
  const auto import = [&](unsigned jobs, Effort effort) {
    return [&root, &options, jobs, effort] {
      const fs::path bank = options.work / "a.bank";
      fs::remove_all(bank);
      ImportOptions wanted;
      wanted.format = "msd";
      wanted.jobs = jobs;
      wanted.effort = effort;
      const ImportReport report = import_source(bank, root, wanted);
      if (report.samples != std::uint64_t{options.slices} * options.volumes) {
        throw Error(ErrorCode::io, "not all slices were imported");
      }
    };
  };
  const unsigned cores = options.jobs != 0 ? options.jobs : std::thread::hardware_concurrency();
  std::vector<Contender> contenders = {
      {"inflate and slice, whole files", [&] { inflate_and_slice(root); }},
      {"inflate and slice, streamed", [&] { inflate_slice_by_slice(root); }},
      {"import, 1 thread", import(1, Effort::balanced)},
      {fmt::format("import, {} threads", cores), import(cores, Effort::balanced)},
      {fmt::format("import, {} threads, fast", cores), import(cores, Effort::fast)}};
  for (std::uint32_t round = 0; round < options.rounds; ++round) {
    for (Contender& contender : contenders) {
      const Run run = in_a_process(contender.work);
      contender.seconds.push_back(run.seconds);
      contender.peak_mb = std::max(contender.peak_mb, run.peak_mb);
      contender.cpu_seconds.push_back(run.cpu_seconds);
    }
    for (Contender& contender : contenders) {
      const double seconds = contender.seconds.back();
      contender.of_whole.push_back(contenders[0].seconds.back() / seconds);
      contender.of_streamed.push_back(contenders[1].seconds.back() / seconds);
    }
  }
  const double pixels = 2e-6 * options.side * options.side * options.slices * options.volumes;
  fmt::print(
      "import_bench: {} volumes of {} x {} x {} int16 with labels, {:.0f} MB of pixels; "
      "medians of {} rounds\n",
      options.volumes, options.side, options.side, options.slices, pixels, options.rounds);
  fmt::print("{:<32}{:>9}{:>9}{:>9}{:>20}{:>20}{:>10}\n", "", "seconds", "CPU", "MB/s", "of whole",
             "of streamed", "peak MB");
  const auto spread = [](const std::vector<double>& ratios) {
    const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
    return fmt::format("{:.2f} [{:.2f}..{:.2f}]", median(ratios), *least, *most);
  };
  nlohmann::ordered_json report = nlohmann::json::array();
  for (const Contender& contender : contenders) {
    const double seconds = median(contender.seconds);
    const double cpu_seconds = median(contender.cpu_seconds);
    fmt::print("{:<32}{:>9.3f}{:>9.3f}{:>9.0f}{:>20}{:>20}{:>10.0f}\n", contender.name, seconds,
               cpu_seconds, pixels / seconds, spread(contender.of_whole),
               spread(contender.of_streamed), contender.peak_mb);
    report.push_back({{"name", contender.name},
                      {"seconds", seconds},
                      {"cpu_seconds", cpu_seconds},
                      {"ratio", median(contender.of_whole)},
                      {"ratio_streamed", median(contender.of_streamed)},
                      {"peak_mb", contender.peak_mb}});
  }
  if (!options.json.empty()) std::ofstream(options.json) << report.dump(2) << '\n';
  return 0;
}

int main_with(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    const std::string& value = words[i + 1];
    const auto number = [&] { return static_cast<std::uint32_t>(std::stoul(value)); };
    if (words[i] == "--work")
      options.work = value;
    else if (words[i] == "--slices")
      options.slices = number();
    else if (words[i] == "--side")
      options.side = number();
    else if (words[i] == "--volumes")
      options.volumes = number();
    else if (words[i] == "--rounds")
      options.rounds = number();
    else if (words[i] == "--jobs")
      options.jobs = number();
    else if (words[i] == "--json")
      options.json = value;
    else {
      fmt::print(stderr, "{}", kUsage);
      return 2;
    }
  }
  return run(options);
}

}  // namespace
}  // namespace slicebank::bench

int main(int argc, char** argv) {
  try {
    return slicebank::bench::main_with({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "import_bench: {}\n", error.what());
    return 1;
  }
}
