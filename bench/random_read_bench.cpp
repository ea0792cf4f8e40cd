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
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bench/support/contenders.h"
#include "bench/support/read_material.h"
#include "schema/error.h"

namespace slicebank::bench {
namespace {

using nlohmann::ordered_json;

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

std::vector<Order> split(const Order& order, std::uint32_t workers) {
  std::vector<Order> parts(workers);
  for (std::size_t i = 0; i < order.size(); ++i) parts[i % workers].push_back(order[i]);
  return parts;
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
  std::map<std::string, std::vector<double>> cpu_seconds;
};

Result measure(const Material& material, const std::string& kind, const Order& all,
               std::uint32_t workers, const Options& options,
               const std::vector<Contender>& contenders) {
  Result result{kind, workers, 0, {}, {}};
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
      const Timing timing = contender.run(split(order, workers));
      if (round == 0) continue;
      const auto reads = static_cast<double>(order.size());
      result.seconds[contender.name].push_back(timing.wall_seconds / reads);
      result.cpu_seconds[contender.name].push_back(timing.cpu_seconds / reads);
    }
  }
  return result;
}

// The rounds' ratios: how many times as fast as `peer` the bank was.
std::vector<double> ratios(const std::map<std::string, std::vector<double>>& seconds,
                           const std::string& peer) {
  std::vector<double> out;
  const auto& ours = seconds.at("slicebank");
  const auto& theirs = seconds.at(peer);
  for (std::size_t i = 0; i < ours.size(); ++i) out.push_back(theirs[i] / ours[i]);
  return out;
}

std::string ratio_text(const Result& result, const std::string& peer) {
  const auto wall = ratios(result.seconds, peer);
  const auto [least, greatest] = std::minmax_element(wall.begin(), wall.end());
  return fmt::format("{:.1f}x [{:.1f}..{:.1f}] cpu {:.1f}x", median(wall), *least, *greatest,
                     median(ratios(result.cpu_seconds, peer)));
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
    std::printf("   %-30s", ratio_text(result, contender.name).c_str());
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
      const auto all = ratios(result.seconds, name);
      entry["times_as_fast_as"][name] = {{"median", median(all)},
                                         {"min", *std::min_element(all.begin(), all.end())},
                                         {"max", *std::max_element(all.begin(), all.end())},
                                         {"cpu_median", median(ratios(result.cpu_seconds, name))}};
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
    if (contender.name != "slicebank") std::printf("   against %-22s", contender.name.c_str());
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

// What was asked for; nothing, and a word on it, when that cannot be understood.
std::optional<Options> parse(const std::vector<std::string>& arguments, std::string& problem) {
  Options options;
  MaterialOptions& material = options.material;
  material.work = "build/bench-data";
  material.shared_data = SLICEBANK_SHARED_DATA;
  std::string work;
  std::string shared_data;
  std::uint32_t seed = static_cast<std::uint32_t>(material.seed);
  const std::map<std::string, std::string*> texts = {{"--work", &work},
                                                     {"--shared", &shared_data},
                                                     {"--python", &material.python},
                                                     {"--json", &options.json}};
  const std::map<std::string, std::uint32_t*> numbers = {{"--side", &material.side},
                                                         {"--reads", &options.reads},
                                                         {"--rounds", &options.rounds},
                                                         {"--threads", &options.threads},
                                                         {"--seed", &seed}};
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string& name = arguments[i];
    const bool known = texts.count(name) + numbers.count(name) > 0 || name == "--gigabytes";
    if (!known || i + 1 == arguments.size()) {
      problem = known ? name + " needs a value" : "no option '" + name + "'";
      return std::nullopt;
    }
    const std::string& value = arguments[i + 1];
    if (const auto text = texts.find(name); text != texts.end()) {
      *text->second = value;
      continue;
    }
    char* end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    if (value.empty() || *end != '\0' || !(number > 0 && number < 1e9)) {
      problem = fmt::format("{} needs a number above 0, not '{}'", name, value);
      return std::nullopt;
    }
    if (name == "--gigabytes") material.gigabytes = number;
    if (const auto whole = numbers.find(name); whole != numbers.end()) {
      *whole->second = std::max(1u, static_cast<std::uint32_t>(number));
    }
  }
  if (!work.empty()) material.work = work;
  if (!shared_data.empty()) material.shared_data = shared_data;
  material.seed = seed;
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
    const auto options = slicebank::bench::parse({argv + 1, argv + argc}, problem);
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
