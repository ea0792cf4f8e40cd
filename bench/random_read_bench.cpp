// Random reads of whole slices: a bank against a folder of PNG files.
//
// Measures what a trainer's worker does a million times: pick a picture by chance, have
// its pixels in memory. Everything is in the page cache; the disk is not measured. The
// peers are libpng in this process, and OpenCV in Python processes of its own. Each round
// runs all of them after one another, in turns, so that a busy machine disturbs all alike;
// what is printed is the median of the rounds' ratios.
//
// Size: 2.1 GB of decoded pixels by default, so that neither the records nor the files of
// a round lie in the processor's caches, and few enough to be made in minutes.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "bench/support/child.h"
#include "bench/support/png_folder.h"
#include "bench/support/read_material.h"
#include "schema/error.h"
#include "store/reader.h"

namespace slicebank::bench {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::ordered_json;
namespace fs = std::filesystem;

const char* const kUsage =
    "usage: random_read_bench [--work DIR] [--shared DIR] [--gigabytes X] [--side N]\n"
    "                         [--reads N] [--rounds N] [--threads N] [--seed N]\n"
    "                         [--python COMMAND] [--json FILE]\n"
    "\n"
    "Random reads of slices from a bank and from a folder of PNG files.\n"
    "\n"
    "  --work DIR        where the material is made, and found again (build/bench-data)\n"
    "  --shared DIR      folder of real sample files; phantom slices where it is absent\n"
    "  --gigabytes X     decoded pixels in all (2.1)\n"
    "  --side N          height and width of a slice (512)\n"
    "  --reads N         reads a measurement (600)\n"
    "  --rounds N        measurements of each reader (5)\n"
    "  --threads N       1, and this many (2)\n"
    "  --python COMMAND  a Python with cv2 (python3)\n"
    "  --json FILE       the results as JSON too\n";

struct Options {
  MaterialOptions material;
  std::uint32_t reads = 600;
  std::uint32_t rounds = 5;
  std::uint32_t threads = 2;
  std::string json;
};

using Order = std::vector<std::size_t>;  // places in Material::pictures

// A way to read pictures. `run` reads each part with a worker of its own, all at once,
// and returns the seconds until the last one is done.
struct Contender {
  std::string name;
  std::function<double(const std::vector<Order>& parts)> run;
};

std::vector<Order> split(const Order& order, std::uint32_t workers) {
  std::vector<Order> parts(workers);
  for (std::size_t i = 0; i < order.size(); ++i) parts[i % workers].push_back(order[i]);
  return parts;
}

// Seconds that `body(part)` takes on as many threads as there are parts. The threads are
// started before the clock.
double time_threads(const std::vector<Order>& parts,
                    const std::function<void(const Order&)>& body) {
  std::barrier gate(static_cast<std::ptrdiff_t>(parts.size()) + 1);
  std::vector<std::jthread> workers;
  for (const Order& part : parts) {
    workers.emplace_back([&gate, &body, &part] {
      gate.arrive_and_wait();
      body(part);
      gate.arrive_and_wait();
    });
  }
  gate.arrive_and_wait();
  const auto start = Clock::now();
  gate.arrive_and_wait();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::size_t largest_picture(const Material& material) {
  std::size_t largest = 0;
  for (const Picture& picture : material.pictures) {
    largest = std::max<std::size_t>(largest, picture.decoded_bytes);
  }
  return largest;
}

Contender bank_contender(const Material& material) {
  return {"slicebank", [&material](const std::vector<Order>& parts) {
            const Reader reader = material.bank.reader();
            return time_threads(parts, [&](const Order& part) {
              std::vector<std::byte> pixels(largest_picture(material));
              for (const std::size_t place : part) {
                const Picture& picture = material.pictures[place];
                reader.image_into(picture.id, MutableBytes(pixels).first(picture.decoded_bytes));
              }
            });
          }};
}

Contender libpng_contender(const Material& material) {
  return {"libpng", [&material](const std::vector<Order>& parts) {
            return time_threads(parts, [&](const Order& part) {
              std::vector<std::byte> pixels(largest_picture(material));
              PngFolderReader reader;
              for (const std::size_t place : part) {
                const Picture& picture = material.pictures[place];
                reader.read_into(picture.png, MutableBytes(pixels).first(picture.decoded_bytes));
              }
            });
          }};
}

// One Python process a worker, kept for all rounds. Nothing when cv2 cannot be had.
class OpenCv {
 public:
  OpenCv(const Material& material, const std::string& python, std::uint32_t workers) {
    for (std::uint32_t i = 0; i < workers; ++i) {
      Child child({python, baseline_script()});
      const std::string hello = child.read_line().value_or("error no answer from " + python);
      if (hello.rfind("ready ", 0) != 0) {
        reason_ = hello;
        children_.clear();
        return;
      }
      version_ = hello.substr(6);
      child.write_line("list " + fs::absolute(material.list).string());
      child.read_line();
      children_.push_back(std::move(child));
    }
  }

  bool is_there() const { return !children_.empty(); }
  const std::string& reason() const { return reason_; }
  const std::string& version() const { return version_; }

  // Each process times itself; the slowest counts.
  double run(const std::vector<Order>& parts) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      std::string line = "read";
      for (const std::size_t place : parts[i]) line += fmt::format(" {}", place);
      children_[i].write_line(line);
    }
    double slowest = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      slowest = std::max(slowest, std::atof(answer(i).c_str()));
    }
    return slowest;
  }

  std::uint64_t sum(std::size_t place) {
    children_[0].write_line(fmt::format("sum {}", place));
    return std::strtoull(answer(0).c_str(), nullptr, 10);
  }

 private:
  std::string answer(std::size_t child) {
    const auto line = children_[child].read_line();
    if (!line || line->rfind("error", 0) == 0) {
      throw Error(ErrorCode::io, "bench: the OpenCV baseline says: " + line.value_or("nothing"));
    }
    return *line;
  }

  std::vector<Child> children_;
  std::string version_;
  std::string reason_;
};

// The readers must agree before their times mean anything.
void check_agreement(const Material& material, OpenCv& opencv) {
  const Reader reader = material.bank.reader();
  PngFolderReader files;
  for (std::size_t i = 0; i < 30; ++i) {
    const std::size_t place = i * (material.pictures.size() - 1) / 29;
    const Picture& picture = material.pictures[place];
    const Image stored = png_form(reader.image(picture.id));
    std::vector<std::byte> decoded(stored.image_hwc.size());
    files.read_into(picture.png, decoded);
    if (decoded != stored.image_hwc) {
      throw Error(ErrorCode::corrupt, "bench: the bank and " + picture.png.string() + " differ");
    }
    if (!opencv.is_there()) continue;
    std::uint64_t sum = 0;
    const std::size_t step = pixel_bytes(stored.shape.pixel_type);
    for (std::size_t at = 0; at < decoded.size(); at += step) {
      sum += std::to_integer<std::uint64_t>(decoded[at]);
      if (step == 2) sum += std::to_integer<std::uint64_t>(decoded[at + 1]) << 8;
    }
    if (opencv.sum(place) != sum) {
      throw Error(ErrorCode::corrupt, "bench: OpenCV reads " + picture.png.string() + " otherwise");
    }
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// What one kind of pictures gave with one number of workers.
struct Result {
  std::string kind;
  std::uint32_t workers = 0;
  std::uint64_t bytes_a_read = 0;                      // decoded, mean
  std::map<std::string, std::vector<double>> seconds;  // a read, by contender and round
};

Result measure(const Material& material, const std::string& kind, const Order& all,
               std::uint32_t workers, const Options& options,
               const std::vector<Contender>& contenders) {
  Result result{kind, workers, 0, {}};
  std::uint64_t bytes = 0;
  for (const std::size_t place : all) bytes += material.pictures[place].decoded_bytes;
  result.bytes_a_read = bytes / all.size();
  std::mt19937_64 random(options.material.seed + workers);
  for (std::uint32_t round = 0; round <= options.rounds; ++round) {
    Order order;
    for (std::uint32_t i = 0; i < options.reads; ++i) order.push_back(all[random() % all.size()]);
    // Round 0 warms up: memory, the page cache, the other processes.
    if (round == 0) order.resize(std::max<std::size_t>(workers, order.size() / 10));
    for (std::size_t turn = 0; turn < contenders.size(); ++turn) {
      const Contender& contender = contenders[(turn + round) % contenders.size()];
      const double seconds = contender.run(split(order, workers));
      if (round > 0) {
        result.seconds[contender.name].push_back(seconds / static_cast<double>(order.size()));
      }
    }
  }
  return result;
}

// The rounds' ratios: how many times as fast as `peer` the bank was.
std::vector<double> ratios(const Result& result, const std::string& peer) {
  std::vector<double> out;
  const auto& ours = result.seconds.at("slicebank");
  const auto& theirs = result.seconds.at(peer);
  for (std::size_t i = 0; i < ours.size(); ++i) out.push_back(theirs[i] / ours[i]);
  return out;
}

std::string ratio_text(const std::vector<double>& values) {
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  return fmt::format("{:.1f}x [{:.1f}..{:.1f}]", median(values), *least, *greatest);
}

struct Sizes {
  std::uint64_t pictures = 0;
  std::uint64_t decoded = 0;
  std::uint64_t records = 0;
  std::uint64_t pngs = 0;
};

std::map<std::string, Sizes> sizes_of(const Material& material) {
  std::map<std::string, Sizes> sizes;
  for (const Picture& picture : material.pictures) {
    for (const std::string kind : {kind_name(picture.kind), "all"}) {
      Sizes& sum = sizes[kind];
      ++sum.pictures;
      sum.decoded += picture.decoded_bytes;
      sum.records += picture.record_bytes;
      sum.pngs += picture.png_bytes;
    }
  }
  return sizes;
}

void print_sizes(const Material& material) {
  std::printf("\nBytes (decoded pixels, bank records, PNG level 6):\n");
  std::printf("%-6s %9s %12s %11s %9s %10s\n", "kind", "pictures", "decoded MB", "records MB",
              "PNG MB", "bank/PNG");
  const auto sizes = sizes_of(material);
  const auto line = [&](const std::string& kind) {
    const Sizes& sum = sizes.at(kind);
    const auto mega = [](std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; };
    std::printf("%-6s %9llu %12.1f %11.1f %9.1f %10.3f\n", kind.c_str(),
                static_cast<unsigned long long>(sum.pictures), mega(sum.decoded), mega(sum.records),
                mega(sum.pngs), mega(sum.records) / mega(sum.pngs));
  };
  for (const SliceKind kind : kSliceKinds) line(kind_name(kind));
  line("all");
  std::printf(
      "The bank's files (records and index) take %.1f MB, %.3f of the sum of its records.\n",
      static_cast<double>(material.bank_file_bytes) / 1e6,
      static_cast<double>(material.bank_file_bytes) / static_cast<double>(sizes.at("all").records));
}

void print_result(const Result& result, const std::vector<Contender>& contenders) {
  std::printf("%-6s %u ", result.kind.c_str(), result.workers);
  for (const Contender& contender : contenders) {
    const double seconds = median(result.seconds.at(contender.name));
    std::printf("  %8.1f us %5.0f MB/s", seconds * 1e6,
                static_cast<double>(result.bytes_a_read) / seconds / 1e6);
  }
  for (const Contender& contender : contenders) {
    if (contender.name == "slicebank") continue;
    std::printf("   %-20s", ratio_text(ratios(result, contender.name)).c_str());
  }
  std::printf("\n");
  std::fflush(stdout);
}

ordered_json to_json(const Material& material, const std::vector<Result>& results,
                     const Options& options, const std::string& opencv) {
  ordered_json out;
  out["bench"] = "random_read";
  out["side"] = options.material.side;
  out["reads"] = options.reads;
  out["rounds"] = options.rounds;
  out["opencv"] = opencv;
  out["sources"] = material.sources;
  for (const auto& [kind, sum] : sizes_of(material)) {
    out["bytes"][kind] = {
        {"pictures", sum.pictures},
        {"decoded", sum.decoded},
        {"records", sum.records},
        {"png6", sum.pngs},
        {"records_over_png6", static_cast<double>(sum.records) / static_cast<double>(sum.pngs)}};
  }
  out["bank_file_bytes"] = material.bank_file_bytes;
  for (const Result& result : results) {
    ordered_json entry{{"kind", result.kind}, {"workers", result.workers}};
    for (const auto& [name, seconds] : result.seconds) {
      entry["us_a_read"][name] = median(seconds) * 1e6;
      entry["mb_a_second"][name] = static_cast<double>(result.bytes_a_read) / median(seconds) / 1e6;
      if (name == "slicebank") continue;
      const auto all = ratios(result, name);
      entry["times_as_fast_as"][name] = {{"median", median(all)},
                                         {"min", *std::min_element(all.begin(), all.end())},
                                         {"max", *std::max_element(all.begin(), all.end())}};
    }
    out["results"].push_back(entry);
  }
  return out;
}

long cache_megabytes() {
  const long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
  return bytes > 0 ? bytes / 1'000'000 : 0;
}

int run(const Options& options) {
  const Material material = prepare_material(options.material);
  OpenCv opencv(material, options.material.python, options.threads);
  check_agreement(material, opencv);

  std::vector<Contender> contenders = {bank_contender(material), libpng_contender(material)};
  if (opencv.is_there()) {
    contenders.push_back(
        {"opencv", [&](const std::vector<Order>& parts) { return opencv.run(parts); }});
  } else {
    std::fprintf(stderr,
                 "OpenCV is left out (%s). Install it: pip install opencv-python-headless\n",
                 opencv.reason().c_str());
  }

  const auto sizes = sizes_of(material);
  std::printf(
      "random_read_bench: %zu pictures of %u x %u, %.2f GB decoded, %.2f GB of records, "
      "%.2f GB of PNG%s\n",
      material.pictures.size(), options.material.side, options.material.side,
      static_cast<double>(sizes.at("all").decoded) / 1e9,
      static_cast<double>(sizes.at("all").records) / 1e9,
      static_cast<double>(sizes.at("all").pngs) / 1e9,
      material.reused ? ", made by an earlier run" : "");
  std::printf(
      "Why this size: random reads shall find neither records nor files in the processor's "
      "caches (this one's last level: %ld MB), and both in the page cache; the disk is not "
      "measured.\n",
      cache_megabytes());
  std::printf("Cut from:");
  for (const std::string& source : material.sources) std::printf(" [%s]", source.c_str());
  std::printf("\n%u rounds of %u reads, readers in turns; one core a worker; medians%s.\n",
              options.rounds, options.reads,
              opencv.is_there() ? fmt::format("; OpenCV {}", opencv.version()).c_str() : "");
  print_sizes(material);

  std::printf(
      "\nTime a read, and how many times as fast the bank is (median of the rounds, least "
      "and greatest):\n%-6s %s ",
      "kind", "w");
  for (const Contender& contender : contenders) std::printf("  %-22s", contender.name.c_str());
  for (const Contender& contender : contenders) {
    if (contender.name != "slicebank") std::printf("   against %-12s", contender.name.c_str());
  }
  std::printf("\n");

  std::map<std::string, Order> places;
  for (std::size_t place = 0; place < material.pictures.size(); ++place) {
    places[kind_name(material.pictures[place].kind)].push_back(place);
    places["all"].push_back(place);
  }
  std::vector<Result> results;
  for (std::uint32_t workers = 1; workers <= options.threads; ++workers) {
    if (workers != 1 && workers != options.threads) continue;
    for (const std::string kind : {"gray", "rgb", "int16", "all"}) {
      results.push_back(measure(material, kind, places.at(kind), workers, options, contenders));
      print_result(results.back(), contenders);
    }
  }
  if (!options.json.empty()) {
    std::ofstream file(options.json);
    file << to_json(material, results, options, opencv.version()).dump(1) << "\n";
    file.close();
    if (!file) throw Error(ErrorCode::io, "bench: cannot write " + options.json);
  }
  return 0;
}

// The value of each option, or a word on what is wrong.
std::optional<Options> parse(int argc, char** argv, std::string& problem) {
  Options options;
  options.material.work = "build/bench-data";
  options.material.shared_data = SLICEBANK_SHARED_DATA;
  std::map<std::string, std::string> values;
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i];
    const std::size_t equals = name.find('=');
    if (equals != std::string::npos) {
      values[name.substr(0, equals)] = name.substr(equals + 1);
    } else if (i + 1 < argc) {
      values[name] = argv[++i];
    } else {
      problem = name + " needs a value";
      return std::nullopt;
    }
  }
  for (const auto& [name, value] : values) {
    char* end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    const bool is_number = !value.empty() && *end == '\0' && number > 0 && number < 1e9;
    const auto whole = static_cast<std::uint32_t>(is_number ? number : 0);
    const bool text =
        name == "--work" || name == "--shared" || name == "--python" || name == "--json";
    if (!text && (!is_number || (name != "--gigabytes" && whole == 0))) {
      problem = fmt::format("{} '{}'", name, value);
      return std::nullopt;
    }
    if (name == "--work")
      options.material.work = value;
    else if (name == "--shared")
      options.material.shared_data = value;
    else if (name == "--python")
      options.material.python = value;
    else if (name == "--json")
      options.json = value;
    else if (name == "--gigabytes")
      options.material.gigabytes = number;
    else if (name == "--side")
      options.material.side = whole;
    else if (name == "--reads")
      options.reads = whole;
    else if (name == "--rounds")
      options.rounds = whole;
    else if (name == "--threads")
      options.threads = whole;
    else if (name == "--seed")
      options.material.seed = whole;
    else {
      problem = "no option " + name;
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace
}  // namespace slicebank::bench

int main(int argc, char** argv) {
  if (argc == 2 && (std::string(argv[1]) == "--help" || std::string(argv[1]) == "-h")) {
    std::fputs(slicebank::bench::kUsage, stdout);
    return 0;
  }
  try {
    std::string problem;
    const auto options = slicebank::bench::parse(argc, argv, problem);
    if (!options) {
      std::fprintf(stderr, "random_read_bench: %s\n%s", problem.c_str(), slicebank::bench::kUsage);
      return 2;
    }
    return slicebank::bench::run(*options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "random_read_bench: %s\n", error.what());
    return 1;
  }
}
