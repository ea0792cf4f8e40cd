// Questions to an index of the size of SA-Med2D-20M, each asked again and again.
//
// Everything is warm: what is measured is the question, not the disk. The same questions go
// to DuckDB and pandas over the same rows (bench/peers/index_peers.py), in the same run.
// The size is the largest public collection's: 4.6 million samples, 19.7 million masks.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "bench/index_bank.h"
#include "query/facet_panel.h"
#include "query/sample_row.h"
#include "query/selection.h"
#include "query/sql.h"
#include "query/stats.h"
#include "schema/error.h"
#include "store/bank.h"
#include "store/reindex.h"

namespace slicebank::bench {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::ordered_json;

const char* const kUsage =
    "usage: index_bench [--work DIR] [--samples N] [--masks N] [--rounds N] [--reindex]\n"
    "                   [--json FILE]\n"
    "\n"
    "Questions to an index of the size of SA-Med2D-20M.\n"
    "\n"
    "  --work DIR    where the bank is made, and found again (build/bench-data/index)\n"
    "  --samples N   images (4600000), --masks N masks (19700000)\n"
    "  --rounds N    times each question is asked (15)\n"
    "  --reindex     also build the index anew from the records, and say how fast\n"
    "  --json FILE   results, and the questions for bench/peers/index_peers.py\n";

struct Options {
  std::filesystem::path work = "build/bench-data/index";
  IndexBankOptions bank;
  int rounds = 15;
  bool reindex = false;
  std::string json;
};

// A question: what it is called, its answer's size, and how long it may take.
struct Question {
  std::string name;
  double goal_ms = 0;
  std::function<std::uint64_t()> ask;
};

struct Answer {
  std::string name;
  double goal_ms = 0;
  double first_ms = 0;
  double median_ms = 0;
  double worst_ms = 0;
  std::uint64_t size = 0;
};

double milliseconds(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

Answer measure(const Question& question, int rounds) {
  Answer answer{question.name, question.goal_ms, 0, 0, 0, 0};
  auto start = Clock::now();
  answer.size = question.ask();
  answer.first_ms = milliseconds(start);
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    start = Clock::now();
    if (question.ask() != answer.size) throw Error(ErrorCode::corrupt, "two answers differ");
    times.push_back(milliseconds(start));
  }
  std::sort(times.begin(), times.end());
  answer.median_ms = times[times.size() / 2];
  answer.worst_ms = times.back();
  return answer;
}

// Words that the questions and their SQL share.
struct Words {
  std::string five = "'liver', 'spleen', 'pancreas', 'left kidney', 'right kidney'";
  std::string three;
};

std::vector<std::pair<std::string, std::string>> filters(const Words& words) {
  const std::string five = fmt::format(
      "mask(class IN ({}) AND area_fraction > 0.01) AND dataset IN ({})", words.five, words.three);
  return {{"ids: CT and liver", "modality = 'CT' AND class = 'liver'"},
          {"ids: five classes over 1 %, three datasets", five},
          {"ids: the same with NOT", five + " AND NOT class = 'gallbladder'"},
          {"ids: the same with absent()", five + " AND absent('stomach')"},
          {"ids: the same with a split", five + " AND split('main') = 'train'"}};
}

std::vector<Question> questions(const Bank& bank, const Words& words, const Selection& liver) {
  std::vector<Question> all;
  all.push_back({"count: CT and liver", 1,
                 [&bank] { return count_samples(bank, "modality = 'CT' AND class = 'liver'"); }});
  all.push_back({"counts: modality x class x dataset", 10, [&bank] {
                   StatsOptions options;
                   options.subjects = false;
                   return stats(bank, {"modality", "class", "dataset"}, {}, options).rows.size();
                 }});
  const double goals[] = {5, 20, 50, 50, 50};
  std::size_t place = 0;
  for (const auto& [name, text] : filters(words)) {
    all.push_back(
        {name, goals[place++], [&bank, text = text] { return select_samples(bank, text).size(); }});
  }
  all.push_back(
      {"by subject: CT and liver", 20, [&bank] {
         return count_subjects(select_samples(bank, "modality = 'CT' AND class = 'liver'")).size();
       }});
  all.push_back(
      {"side panel of: CT and liver", 20, [&liver] { return facet_panel(liver).size(); }});
  const auto at = std::make_shared<std::size_t>(0);
  all.push_back({"a sample's row by its id (mean of 1,000)", 20e-3 * 1000, [&bank, &liver, at] {
                   std::uint64_t found = 0;
                   for (int i = 0; i < 1000; ++i) {
                     *at = (*at + 7919) % liver.size();
                     found += find_sample_row(bank, liver.ids()[*at]) ? 1u : 0u;
                   }
                   return found;
                 }});
  return all;
}

std::string sql_text(const std::string& text) {
  std::string result = "'";
  for (const char letter : text) result.append(letter == '\'' ? 2 : 1, letter);
  return result + "'";
}

// The questions once more as filters inside of SQL, which docs/query_language.md recommends
// for long answers.
std::vector<std::pair<std::string, std::string>> matching_questions(const Words& words) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [name, filter] : filters(words)) {
    all.emplace_back("sql matching() " + name,
                     fmt::format("SELECT id FROM matching({})", sql_text(filter)));
  }
  all.emplace_back("sql matching() by subject: CT and liver",
                   fmt::format("SELECT subject_id, count(*) FROM matching({}) GROUP BY 1",
                               sql_text("modality = 'CT' AND class = 'liver'")));
  return all;
}

std::vector<std::pair<std::string, std::string>> sql_questions(const Words& words) {
  const std::string five = fmt::format(
      "SELECT DISTINCT sample_id FROM masks WHERE class IN ({}) AND area_fraction > 0.01 "
      "AND dataset IN ({})",
      words.five, words.three);
  return {{"sql count: CT and liver",
           "SELECT sum(samples) FROM mask_counts WHERE modality = 'CT' AND class = 'liver'"},
          {"sql counts: modality x class x dataset", "SELECT * FROM mask_counts"},
          {"sql ids: CT and liver",
           "SELECT DISTINCT sample_id FROM masks WHERE class = 'liver' AND modality = 'CT'"},
          {"sql ids: five classes over 1 %, three datasets", five},
          {"sql ids: the same with a split",
           five + " AND sample_id IN (SELECT sample_id FROM splits WHERE split = 'main' AND side "
                  "= 'train')"},
          {"sql by subject: CT and liver",
           "SELECT s.subject_id, count(*) FROM samples s WHERE s.id IN (SELECT sample_id FROM "
           "masks WHERE class = 'liver' AND modality = 'CT') GROUP BY 1"}};
}

std::uint64_t rows_of(const Bank& bank, const std::string& sql) {
  std::uint64_t rows = 0;
  run_sql(
      bank, sql, {}, [](const std::vector<std::string>&) {},
      [&rows](const std::vector<SqlValue>&) { return ++rows != 0; });
  return rows;
}

void print(const Answer& answer) {
  const char* verdict = answer.goal_ms == 0                  ? ""
                        : answer.median_ms <= answer.goal_ms ? "ok"
                                                             : "OVER";
  fmt::print("{:<52} {:>10} {:>10.3f} {:>10.3f} {:>10.3f} {:>8g} {}\n", answer.name, answer.size,
             answer.first_ms, answer.median_ms, answer.worst_ms, answer.goal_ms, verdict);
  std::fflush(stdout);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const auto value = [&]() -> std::string {
      if (++i == argc) throw Error(ErrorCode::bad_argument, flag + " needs a value");
      return argv[i];
    };
    if (flag == "--work") {
      options.work = value();
    } else if (flag == "--samples") {
      options.bank.samples = std::stoull(value());
    } else if (flag == "--masks") {
      options.bank.masks = std::stoull(value());
    } else if (flag == "--rounds") {
      options.rounds = std::stoi(value());
    } else if (flag == "--reindex") {
      options.reindex = true;
    } else if (flag == "--json") {
      options.json = value();
    } else {
      throw Error(ErrorCode::bad_argument, "unknown option " + flag, kUsage);
    }
  }
  return options;
}

std::filesystem::path bank_of(const Options& options) {
  const auto path = options.work / fmt::format("sa-med2d-{}.bank", options.bank.samples);
  if (Bank::is_bank(path)) return path;
  std::filesystem::create_directories(options.work);
  const auto made = options.work / "unfinished.bank";
  std::filesystem::remove_all(made);
  fmt::print(stderr, "making the bank, once: {}\n", path.string());
  const IndexBankReport report = make_index_bank(made, options.bank);
  fmt::print("made: {} samples, {} masks in {:.0f} s ({:.0f} masks/s, records and rows)\n",
             report.samples, report.masks, report.seconds,
             static_cast<double>(report.masks) / report.seconds);
  std::filesystem::rename(made, path);
  return path;
}

int run(const Options& options) {
  const auto path = bank_of(options);
  if (options.reindex) {
    const auto start = Clock::now();
    reindex(path);
    const double seconds = milliseconds(start) / 1e3;
    const BankInfo info = Bank::open(path).info();
    fmt::print("reindex: {} samples, {} masks in {:.1f} s, {:.2f} M masks/s on one core\n",
               info.samples, info.masks, seconds, static_cast<double>(info.masks) / seconds / 1e6);
  }
  const Bank bank = Bank::open(path);
  const BankInfo info = bank.info();
  fmt::print("{} samples, {} masks, {} subjects, {} datasets; index {:.0f} MB, records {:.0f} MB\n",
             info.samples, info.masks, info.subjects, info.datasets,
             static_cast<double>(info.index_file_bytes) / 1e6,
             static_cast<double>(info.record_file_bytes) / 1e6);
  Words words;
  int taken = 0;
  StatsOptions counts;
  counts.subjects = false;
  for (const StatsRow& row : stats(bank, {"dataset"}, "modality = 'CT' AND class = 'liver'").rows) {
    if (taken++ == 3) break;
    words.three += (taken == 1 ? "'" : ", '") + row.keys[0] + "'";
  }
  const Selection liver = select_samples(bank, "modality = 'CT' AND class = 'liver'");
  fmt::print("\n{:<52} {:>10} {:>10} {:>10} {:>10} {:>8}\n", "question", "answer", "first ms",
             "median ms", "worst ms", "goal ms");
  ordered_json results;
  results["bank"] = path.string();
  results["three"] = words.three;
  results["five"] = words.five;
  const auto keep = [&](const Answer& answer) {
    print(answer);
    results["answers"].push_back({{"name", answer.name},
                                  {"size", answer.size},
                                  {"first_ms", answer.first_ms},
                                  {"median_ms", answer.median_ms},
                                  {"goal_ms", answer.goal_ms}});
  };
  for (const Question& question : questions(bank, words, liver)) {
    keep(measure(question, options.rounds));
  }
  auto statements = sql_questions(words);
  for (auto& question : matching_questions(words)) statements.push_back(std::move(question));
  for (const auto& [name, sql] : statements) {
    keep(measure({name, 120, [&bank, sql = sql] { return rows_of(bank, sql); }},
                 std::max(3, options.rounds / 3)));
  }
  if (!options.json.empty()) std::ofstream(options.json) << results.dump(2) << '\n';
  return 0;
}

}  // namespace
}  // namespace slicebank::bench

int main(int argc, char** argv) {
  try {
    return slicebank::bench::run(slicebank::bench::parse(argc, argv));
  } catch (const slicebank::Error& error) {
    std::fprintf(stderr, "index_bench: %s\n%s\n", error.what(), error.hint().c_str());
    return 1;
  }
}
