// Splits and samplers at the size they are meant for.
//
// What: (1) 100,000 subjects with 500 labels split in 0.8/0.1/0.1, in how many seconds and how
// evenly; (2) five folds of a smaller collection, the same rows for us, scikit-learn's
// StratifiedGroupKFold and iterative-stratification's MultilabelStratifiedKFold, with
// each one's time, worst and mean deviation, and subjects on several folds; (3) near
// duplicates: a hash, and the search among 100,000; (4) samplers over as many items as
// SA-Med2D-20M has masks: built, drawn from, and resumed.
// Why these: the first is what `slicebank split` waits for, the peers are what people use
// instead, and 19.7 M items is where torch's WeightedRandomSampler stops (2^24).
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "query/audit_near.h"
#include "query/sampler_rank.h"
#include "query/sampler_weights.h"
#include "query/split_list.h"

namespace {

using namespace slicebank;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// SplitMix64, so that every machine has the same rows.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t bound) {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (x ^ (x >> 31)) % bound;
  }

 private:
  std::uint64_t state_;
};

// Subjects of many datasets with 1 to 4 scans each. A dataset has labels of its own that its
// scans mostly share, and some rare ones; half of the labels are in one scan of a thousand.
std::vector<CaseRow> make_rows(std::uint64_t subjects, std::uint64_t labels) {
  Random random(7);
  std::vector<CaseRow> rows;
  for (std::uint64_t subject = 0; subject < subjects; ++subject) {
    const std::uint64_t dataset = random.below(50);
    const std::uint64_t scans = random.below(4) == 0 ? 1 + random.below(4) : 1;
    for (std::uint64_t scan = 0; scan < scans; ++scan) {
      CaseRow row;
      row.dataset = fmt::format("D{}", dataset);
      row.subject = fmt::format("s{}", subject);
      row.key = fmt::format("s{}_{}", subject, scan);
      row.file = row.dataset + "/" + row.key;
      std::set<std::uint64_t> own;
      for (int i = 0; i < 10; ++i) own.insert((dataset * 9 + random.below(14)) % (labels / 2));
      if (random.below(3) == 0) own.insert(labels / 2 + random.below(labels / 2));
      for (const std::uint64_t label : own) row.classes.push_back(fmt::format("c{}", label));
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

struct Quality {
  double mean = 0;
  double worst = 0;
  std::uint64_t torn = 0;  // subjects on several folds
};

// By the definition of SplitBalance::deviation, over classes and the number of rows.
Quality quality_of(const std::vector<CaseRow>& rows, const std::vector<int>& folds, int count) {
  std::map<std::string, std::vector<double>> counts;
  std::map<std::string, std::set<int>> stands;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto add = [&](const std::string& label) {
      auto& own = counts[label];
      own.resize(static_cast<std::size_t>(count), 0);
      own[static_cast<std::size_t>(folds[row])] += 1;
    };
    add("samples");
    for (const std::string& name : rows[row].classes) add("class=" + name);
    stands[rows[row].dataset + "/" + rows[row].subject].insert(folds[row]);
  }
  Quality quality;
  for (const auto& [label, own] : counts) {
    double total = 0, deviation = 0;
    for (const double got : own) total += got;
    for (const double got : own) {
      deviation = std::max(deviation, std::abs(got - total / count) / total);
    }
    quality.mean += deviation / static_cast<double>(counts.size());
    quality.worst = std::max(quality.worst, deviation);
  }
  for (const auto& [subject, sides] : stands) quality.torn += sides.size() > 1 ? 1U : 0U;
  return quality;
}

Json large_split(std::uint64_t subjects, std::uint64_t labels) {
  const std::vector<CaseRow> rows = make_rows(subjects, labels);
  ListPlan plan;
  plan.options.ratios = {{"train", 0.8}, {"val", 0.1}, {"test", 0.1}};
  plan.options.stratify = {"class"};
  const double cpu = cpu_seconds();
  const auto start = Clock::now();
  const ListSplit split = make_list_split(rows, plan);
  const double wall = seconds_since(start);
  fmt::print(
      "split        {:>7} subjects, {} rows, {} labels: {:.2f} s ({:.2f} s CPU), mean deviation "
      "{:.4f} %, worst {:.4f} %\n",
      subjects, rows.size(), split.report.balances.size() - 1, wall, cpu_seconds() - cpu,
      100 * split.report.deviation_mean, 100 * split.report.deviation_worst);
  return {{"subjects", subjects},
          {"rows", rows.size()},
          {"labels", split.report.balances.size() - 1},
          {"seconds", wall},
          {"deviation_mean", split.report.deviation_mean},
          {"deviation_worst", split.report.deviation_worst}};
}

void print_peer(const std::string& name, double seconds, const Quality& quality) {
  fmt::print("  {:<44} {:>8.2f} s  mean {:>8.4f} %  worst {:>8.4f} %  {} subjects torn\n", name,
             seconds, 100 * quality.mean, 100 * quality.worst, quality.torn);
}

Json against_peers(const std::filesystem::path& work, const std::string& python,
                   std::uint64_t subjects, std::uint64_t labels) {
  constexpr int kFolds = 5;
  const std::vector<CaseRow> rows = make_rows(subjects, labels);
  fmt::print("five folds of {} subjects, {} rows, {} labels\n", subjects, rows.size(), labels);
  ListPlan plan;
  plan.options.folds = kFolds;
  plan.options.stratify = {"class"};
  const auto start = Clock::now();
  const ListSplit split = make_list_split(rows, plan);
  const double wall = seconds_since(start);
  Json results = Json::array();
  const auto keep = [&](const std::string& name, double seconds, const std::vector<int>& folds) {
    const Quality quality = quality_of(rows, folds, kFolds);
    print_peer(name, seconds, quality);
    results.push_back({{"name", name},
                       {"seconds", seconds},
                       {"deviation_mean", quality.mean},
                       {"deviation_worst", quality.worst},
                       {"subjects_torn", quality.torn}});
  };
  keep("slicebank", wall, {split.members.begin(), split.members.end()});
  if (python.empty()) {
    fmt::print(
        "  SKIPPED: no Python with scikit-learn and iterative-stratification; the peers are "
        "left out\n");
    return results;
  }
  std::filesystem::create_directories(work);
  const auto rows_file = work / "rows.tsv";
  {
    std::ofstream out(rows_file);
    for (const CaseRow& row : rows) {
      out << row.dataset << '/' << row.subject << '\t'
          << fmt::format("{}", fmt::join(row.classes, ",")) << '\n';
    }
  }
  const auto result_file = work / "peers.json";
  std::filesystem::remove(result_file);
  const std::string command = fmt::format("'{}' bench/peers/split_peers.py '{}' '{}' {}", python,
                                          rows_file.string(), result_file.string(), kFolds);
  std::fflush(stdout);
  if (std::system(command.c_str()) != 0 || !std::filesystem::exists(result_file)) {
    fmt::print("  SKIPPED: the peers could not be run ({})\n", command);
    return results;
  }
  const Json peers = Json::parse(std::ifstream(result_file));
  for (const Json& peer : peers) {
    keep(peer.at("name"), peer.at("seconds"), peer.at("folds").get<std::vector<int>>());
  }
  return results;
}

Json samplers(std::uint64_t items) {
  fmt::print("samplers over {} items\n", items);
  Json result;
  Random random(3);
  std::vector<double> weights(items);
  for (double& weight : weights) weight = static_cast<double>(1 + random.below(1000));

  auto start = Clock::now();
  RankSampler sampler(weighted_order(weights, 7));
  result["weighted_build_seconds"] = seconds_since(start);
  fmt::print("  weighted, built                 {:>10.3f} s\n", seconds_since(start));

  constexpr std::size_t kDraws = 1'000'000;
  start = Clock::now();
  const auto drawn = sampler.next_batch(kDraws);
  result["weighted_draw_1m_seconds"] = seconds_since(start);
  std::uint64_t sum = 0;
  for (const std::uint64_t item : drawn) sum += item;
  fmt::print("  weighted, 1,000,000 draws       {:>10.3f} ms  (sum {})\n",
             1e3 * seconds_since(start), sum);

  RankSampler ahead(weighted_order(weights, 7));
  ahead.seek(1'234'567);
  const std::string state = ahead.state();
  start = Clock::now();
  sampler.resume(state);
  std::uint64_t item = 0;
  sampler.next(&item);
  const double resumed = seconds_since(start);
  std::uint64_t wanted = 0;
  ahead.next(&wanted);
  result["resume_seconds"] = resumed;
  result["state_bytes"] = state.size();
  fmt::print("  resumed at draw 1,234,567       {:>10.4f} ms  state of {} bytes; {}\n",
             1e3 * resumed, state.size(), item == wanted ? "the same draw" : "ANOTHER DRAW");

  std::vector<std::uint8_t> seen(items, 0);
  start = Clock::now();
  std::uint64_t given = 0;
  for (std::uint64_t rank = 0; rank < 8; ++rank) {
    RankSampler one(permutation_order(items, 7), rank, 8);
    for (auto batch = one.next_batch(65536); !batch.empty(); batch = one.next_batch(65536)) {
      for (const std::uint64_t i : batch) ++seen[i];
      given += batch.size();
    }
  }
  const bool exact = given == items && std::all_of(seen.begin(), seen.end(),
                                                   [](std::uint8_t times) { return times == 1; });
  result["union_exact"] = exact;
  fmt::print("  shuffled, 8 ranks' whole epoch  {:>10.3f} s   every item {}\n",
             seconds_since(start), exact ? "exactly once" : "NOT ONCE");

  ItemLabels labels;
  labels.begins.reserve(items + 1);
  for (std::uint64_t i = 0; i < items; ++i) {
    labels.labels.push_back(static_cast<std::uint32_t>(random.below(1 + random.below(219))));
    labels.begins.push_back(i + 1);
  }
  labels.label_count = 219;
  start = Clock::now();
  const auto balanced = weighted_order(balanced_weights(labels, 2), 7);
  result["balanced_build_seconds"] = seconds_since(start);
  fmt::print("  balanced by 219 classes, built  {:>10.3f} s\n", seconds_since(start));
  start = Clock::now();
  const auto repeated = repeat_order(repeat_factors(labels), 7);
  result["repeat_build_seconds"] = seconds_since(start);
  fmt::print("  repeat factors, built           {:>10.3f} s   {} draws an epoch\n",
             seconds_since(start), repeated->draws());
  return result;
}

// What a trainer's slices cost: hashing one, and finding near pairs among many.
Json near_duplicates_of(std::uint64_t images) {
  Json result;
  Random random(5);
  Image image;
  image.shape = {PixelType::u16, 512, 512, 1};
  image.image_hwc.resize(static_cast<std::size_t>(image.shape.bytes()));
  for (std::byte& byte : image.image_hwc) byte = static_cast<std::byte>(random.below(256));
  auto start = Clock::now();
  constexpr int kRounds = 20;
  std::uint64_t bits = 0;
  for (int round = 0; round < kRounds; ++round) bits ^= perceptual_hash(image).bits;
  result["hash_seconds"] = seconds_since(start) / kRounds;
  fmt::print("near duplicates\n  perceptual hash of 512 x 512 u16 {:>8.3f} ms  ({:x})\n",
             1e3 * seconds_since(start) / kRounds, bits);
  // Scans of 50 slices, each a few bits from the one before, as neighbours are.
  std::vector<std::uint64_t> hashes;
  std::uint64_t hash = 0;
  for (std::uint64_t i = 0; i < images; ++i) {
    if (i % 50 == 0) hash = random.below(~std::uint64_t{0});
    for (int flip = 0; flip < 3; ++flip) hash ^= std::uint64_t{1} << random.below(64);
    hashes.push_back(hash);
  }
  start = Clock::now();
  std::uint64_t pairs = 0;
  for_each_near(hashes, 4, [&](std::size_t, std::size_t, unsigned) { ++pairs; });
  result["images"] = images;
  result["search_seconds"] = seconds_since(start);
  fmt::print("  {} hashes within 4 bits      {:>8.3f} s   {} pairs\n", images, seconds_since(start),
             pairs);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  std::string python, json;
  std::filesystem::path work = "build/bench-data/split";
  std::uint64_t subjects = 100'000, labels = 500, items = 19'700'000, peer_subjects = 10'000;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool last = i + 1 == argc;
    if (word == "--help" || last) {
      fmt::print(
          "split_bench [--subjects N] [--labels N] [--items N] [--peer-subjects N]\n"
          "            [--python COMMAND] [--work DIR] [--json FILE]\n");
      return word == "--help" ? 0 : 2;
    }
    const char* value = argv[++i];
    if (word == "--python")
      python = value;
    else if (word == "--work")
      work = value;
    else if (word == "--json")
      json = value;
    else if (word == "--subjects")
      subjects = std::strtoull(value, nullptr, 10);
    else if (word == "--labels")
      labels = std::strtoull(value, nullptr, 10);
    else if (word == "--items")
      items = std::strtoull(value, nullptr, 10);
    else if (word == "--peer-subjects")
      peer_subjects = std::strtoull(value, nullptr, 10);
    else {
      fmt::print(stderr, "split_bench: there is no option {}\n", word);
      return 2;
    }
  }
  if (labels < 100 || subjects == 0 || items < 2'000'000 || peer_subjects == 0) {
    fmt::print(stderr, "split_bench: at least 100 labels and 2,000,000 items\n");
    return 2;
  }
  Json results;
  results["split"] = large_split(subjects, labels);
  results["peers"] = against_peers(work, python, peer_subjects, 200);
  results["near_duplicates"] = near_duplicates_of(subjects);
  results["samplers"] = samplers(items);
  if (!json.empty()) std::ofstream(json) << results.dump(1) << "\n";
  return results["samplers"]["union_exact"] == true ? 0 : 1;
}
