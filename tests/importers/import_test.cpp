#include "importers/import.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "importer_helpers.h"
#include "schema/error.h"
#include "source_builder.h"
#include "store/writer.h"

namespace slicebank {
namespace {

using testing::import_into;
using testing::SaMed2dBuilder;
using testing::TempDir;
using testing::Told;
using Strings = std::vector<std::string>;

// `cases` scans of four slices and a few masks, in two datasets; every fifth slice is of
// one value, so that there are notes.
struct Source : SaMed2dBuilder {
  explicit Source(int cases = 6) {
    for (const std::string dataset : {"LiTS", "ACDC"}) {
      classes(dataset, "liver", "0001");
      classes(dataset, "weird thing of " + dataset, "0002");
    }
    for (int i = 0; i < cases; ++i) {
      for (int z = 0; z < 4; ++z) {
        const std::string name = stem(i, z);
        slice(name, {"0001_000", "0002_000", "0001_001"}, static_cast<std::uint64_t>(i * 10 + z),
              90, 70, z == 0 ? 3 : 1);
        if ((i * 4 + z) % 5 == 4) {
          bytes(
              "images/" + name + ".png",
              png::encode(Image{{PixelType::u8, 70, 90, 1}, std::vector<std::byte>(6300)}.view()));
        }
      }
    }
    finish();
  }

  static std::string stem(int i, int z) {
    const std::string dataset = i % 2 == 0 ? "ct_00--LiTS" : "mr_t1--ACDC";
    return dataset + "--case_" + std::to_string(i) + "--z_000" + std::to_string(z);
  }
  static std::string image_of(int i, int z) { return "images/" + stem(i, z) + ".png"; }
};

// What a bank says of every sample, ids included.
Strings listing(const Bank& bank) {
  return testing::column(
      bank,
      "SELECT s.id || ' ' || s.volume_id || ' ' || s.subject_id || ' ' || s.name || ' ' || "
      "s.image_hash || ' ' || s.record_bytes || ' ' || (SELECT group_concat(m.class || m.instance "
      "|| m.area) FROM masks m WHERE m.sample_id = s.id) FROM samples s ORDER BY s.id");
}

ImportOptions with_jobs(unsigned jobs) {
  ImportOptions options;
  options.jobs = jobs;
  options.batch_bytes = 4000;
  return options;
}

Strings problem_kinds(const Bank& bank, const std::string& path) {
  Strings kinds;
  Rows rows = select(bank, "SELECT kind FROM problems WHERE path = ? ORDER BY id", {path});
  while (rows.next()) kinds.emplace_back(rows.text(0));
  return kinds;
}

}  // namespace

TEST_CASE("import: one thread and four give the same ids and the same bank") {
  const Source source(12);
  const TempDir folder;

  const auto one = import_into(folder / "1.bank", source.root(), nullptr, with_jobs(1));
  const auto four = import_into(folder / "4.bank", source.root(), nullptr, with_jobs(4));

  CHECK(one.items_new == 48);
  CHECK(one.samples == 48);
  CHECK(one.masks == 144);
  CHECK(four.record_bytes == one.record_bytes);
  const Bank a = Bank::open(folder / "1.bank");
  const Bank b = Bank::open(folder / "4.bank");
  CHECK(listing(a).size() == 48);
  CHECK(listing(a) == listing(b));
  CHECK(a.logical_digest(true) == b.logical_digest(true));
  CHECK(a.generation() == b.generation());
  CHECK(one.datasets.size() == 2);
  CHECK(one.datasets[0].name == "ACDC");
  CHECK(one.datasets[0].items == 24);
  CHECK(one.datasets[0].volumes == 6);
  CHECK(one.datasets[0].subjects == 6);
}

TEST_CASE("import: a second run adds nothing, not even a generation") {
  const Source source;
  const TempDir folder;
  import_into(folder / "a.bank", source.root());
  const Strings before = listing(Bank::open(folder / "a.bank"));
  const Generation generation = Bank::open(folder / "a.bank").generation();

  const ImportReport again = import_into(folder / "a.bank", source.root());

  CHECK(again.items == 24);
  CHECK(again.items_unchanged == 24);
  CHECK(again.items_new == 0);
  CHECK(again.samples == 0);
  const Bank bank = Bank::open(folder / "a.bank");
  CHECK(listing(bank) == before);
  CHECK(bank.generation() == generation);
  CHECK(testing::column(bank, "SELECT count(*) FROM imports") == Strings{"1"});
}

TEST_CASE("import: stopped again and again, it ends as if it had never been stopped") {
  const Source source(10);
  const TempDir folder;
  import_into(folder / "whole.bank", source.root());
  int runs = 0;
  bool interrupted = true;
  while (interrupted && runs < 50) {
    std::stop_source stop;
    ImportOptions options = with_jobs(2);
    options.batch_bytes = 1;
    options.stop = stop.get_token();
    int notes = 0;
    options.tool_version = "test";
    options.problem = [&](const Problem&) {
      if (++notes == 2) stop.request_stop();
    };
    interrupted = import_source(folder / "parts.bank", source.root(), options).interrupted;
    ++runs;
  }

  CHECK(runs >= 2);
  CHECK_FALSE(interrupted);
  const Bank whole = Bank::open(folder / "whole.bank");
  const Bank parts = Bank::open(folder / "parts.bank");
  CHECK(parts.logical_digest(true) == whole.logical_digest(true));
  CHECK(listing(parts).size() == 40);
}

TEST_CASE("import: a stop before the first item leaves an empty bank and says so") {
  const Source source;
  const TempDir folder;
  std::stop_source stop;
  stop.request_stop();
  ImportOptions options;
  options.stop = stop.get_token();

  const ImportReport report = import_into(folder / "a.bank", source.root(), nullptr, options);

  CHECK(report.interrupted);
  CHECK(report.samples == 0);
  CHECK(testing::all_ids(Bank::open(folder / "a.bank")).empty());
}

TEST_CASE("import: a changed file replaces its sample, and only that") {
  Source source;
  const TempDir folder;
  import_into(folder / "a.bank", source.root());
  const Strings before = listing(Bank::open(folder / "a.bank"));
  const Image changed = source.image(Source::image_of(1, 1), 90, 70, 1, 4711);
  source.touch(Source::image_of(1, 1));

  const ImportReport report = import_into(folder / "a.bank", source.root());

  CHECK(report.items_replaced == 1);
  CHECK(report.items_unchanged == 23);
  const Bank bank = Bank::open(folder / "a.bank");
  const Strings after = listing(bank);
  CHECK(after.size() == before.size());
  const auto kept = std::count_if(after.begin(), after.end(), [&](const std::string& line) {
    return std::find(before.begin(), before.end(), line) != before.end();
  });
  CHECK(kept == 23);
  CHECK(testing::samples_by_name(bank).at(Source::stem(1, 1)).image == changed);
  CHECK(Writer::open(folder / "a.bank").superseding_entries().empty());
  CHECK(import_into(folder / "a.bank", source.root()).items_unchanged == 24);
}

TEST_CASE("import: a replacement that was cut off is ended by the next run") {
  const Source source;
  const TempDir folder;
  import_into(folder / "a.bank", source.root());
  const std::string scope = "sa-med2d:SAMed2Dv1";
  {
    // As after a crash between the new sample's commit and the old one's deletion: the
    // first sample is named as an old version of the last item.
    Writer writer = Writer::open(folder / "a.bank");
    auto entry = writer.ledger(scope, Source::image_of(5, 3));
    const auto old = writer.ledger(scope, Source::image_of(0, 0));
    REQUIRE(entry.has_value());
    REQUIRE(old.has_value());
    entry->superseded = old->samples;
    writer.put_ledger(*entry);
    writer.commit();
  }

  import_into(folder / "a.bank", source.root());

  CHECK(listing(Bank::open(folder / "a.bank")).size() == 23);
  CHECK(Writer::open(folder / "a.bank").superseding_entries().empty());
}

TEST_CASE("import: a mask that appears later comes in, and its problem goes") {
  Source source;
  const TempDir folder;
  const std::string mask = "masks/" + Source::stem(2, 2) + "--0001_000.png";
  std::filesystem::rename(source.root() / mask, source.root() / "kept.png");
  import_into(folder / "a.bank", source.root());
  CHECK(problem_kinds(Bank::open(folder / "a.bank"), mask) == Strings{"missing-mask"});
  std::filesystem::rename(source.root() / "kept.png", source.root() / mask);

  const ImportReport report = import_into(folder / "a.bank", source.root());

  CHECK(report.items_replaced == 1);
  const Bank bank = Bank::open(folder / "a.bank");
  CHECK(problem_kinds(bank, mask).empty());
  CHECK(testing::samples_by_name(bank).at(Source::stem(2, 2)).masks.size() == 3);
}

TEST_CASE("import: a failed item is tried again, and changes nothing while it fails") {
  Source source;
  const TempDir folder;
  source.truncate(Source::image_of(3, 1));
  const ImportReport first = import_into(folder / "a.bank", source.root());
  CHECK(first.items_failed == 1);
  CHECK(first.items_new == 23);
  const Generation generation = Bank::open(folder / "a.bank").generation();

  const ImportReport second = import_into(folder / "a.bank", source.root());
  CHECK(second.items_failed == 1);
  CHECK(second.items_unchanged == 23);
  CHECK(second.skipped == 1);
  CHECK(Bank::open(folder / "a.bank").generation() == generation);
  CHECK(problem_kinds(Bank::open(folder / "a.bank"), Source::image_of(3, 1)) == Strings{"bad-png"});

  ImportOptions options;
  options.retry_failed = false;
  const ImportReport third = import_into(folder / "a.bank", source.root(), nullptr, options);
  CHECK(third.items_unchanged == 24);
  CHECK(third.items_failed == 0);

  source.image(Source::image_of(3, 1), 90, 70);
  const ImportReport mended = import_into(folder / "a.bank", source.root(), nullptr, options);
  CHECK(mended.items_new == 1);
  CHECK(problem_kinds(Bank::open(folder / "a.bank"), Source::image_of(3, 1)).empty());
  CHECK(import_into(folder / "a.bank", source.root()).items_unchanged == 24);
}

TEST_CASE("import: a file that became unreadable takes nothing out of the bank") {
  Source source;
  const TempDir folder;
  import_into(folder / "a.bank", source.root());
  const Strings before = listing(Bank::open(folder / "a.bank"));
  source.truncate(Source::image_of(3, 1));

  CHECK(import_into(folder / "a.bank", source.root()).items_failed == 1);
  CHECK(listing(Bank::open(folder / "a.bank")) == before);
  const Generation generation = Bank::open(folder / "a.bank").generation();
  CHECK(import_into(folder / "a.bank", source.root()).items_failed == 1);
  CHECK(Bank::open(folder / "a.bank").generation() == generation);

  const Image mended = source.image(Source::image_of(3, 1), 90, 70, 1, 99);
  CHECK(import_into(folder / "a.bank", source.root()).items_replaced == 1);
  const auto samples = testing::samples_by_name(Bank::open(folder / "a.bank"));
  CHECK(samples.size() == before.size());
  CHECK(samples.at(Source::stem(3, 1)).image == mended);
}

TEST_CASE("import: a limit takes the first items, and a larger one the rest") {
  const Source source;
  const TempDir folder;
  ImportOptions options;
  options.limit = 5;
  CHECK(import_into(folder / "a.bank", source.root(), nullptr, options).items_new == 5);
  options.limit = 7;
  const ImportReport more = import_into(folder / "a.bank", source.root(), nullptr, options);
  CHECK(more.items == 7);
  CHECK(more.items_new == 2);
  CHECK(more.items_unchanged == 5);
}

TEST_CASE("import: a dry run counts and writes nothing") {
  const Source source;
  const TempDir folder;
  ImportOptions options;
  options.dry_run = true;

  const ImportReport report = import_into(folder / "a.bank", source.root(), nullptr, options);

  CHECK_FALSE(std::filesystem::exists(folder / "a.bank"));
  CHECK(report.items == 24);
  CHECK(report.samples == 0);
  REQUIRE(report.datasets.size() == 2);
  CHECK(report.datasets[1].name == "LiTS");
  CHECK(report.datasets[1].items == 12);
  CHECK(report.datasets[1].volumes == 3);
}

TEST_CASE("import: asked to stop on an error, it names it and keeps what came before") {
  Source source;
  const TempDir folder;
  source.truncate(Source::image_of(3, 1));
  ImportOptions options;
  options.stop_on_error = true;

  try {
    import_into(folder / "a.bank", source.root(), nullptr, options);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find(Source::image_of(3, 1)) != std::string::npos);
    CHECK(std::string(error.what()).find("bad-png") != std::string::npos);
  }
  CHECK(listing(Bank::open(folder / "a.bank")).size() == 13);
}

TEST_CASE("import: the layout is recognised, and what fits twice or never is asked for") {
  Source source;
  const TempDir folder;
  source.text("image2label_train.json", "{}");
  try {
    import_into(folder / "a.bank", source.root());
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::bad_format);
    CHECK(std::string(error.what()).find("sa-med2d") != std::string::npos);
    CHECK(std::string(error.what()).find("sam-med2d") != std::string::npos);
    CHECK(error.hint().find("--format") != std::string::npos);
  }
  ImportOptions options;
  options.format = "sa-med2d";
  CHECK(import_into(folder / "a.bank", source.root(), nullptr, options).items_new == 24);
  options.format = "nonsense";
  CHECK_THROWS_AS(import_into(folder / "b.bank", source.root(), nullptr, options), Error);
  CHECK_THROWS_AS(import_into(folder / "b.bank", folder.path()), Error);
  CHECK_THROWS_AS(import_into(folder / "b.bank", folder / "absent"), Error);
  CHECK_FALSE(std::filesystem::exists(folder / "b.bank"));
}

TEST_CASE("import: a list that breaks off is an error with its place, and no bank is made") {
  Source source;
  const TempDir folder;
  source.truncate("SAMed2D_v1.json");
  try {
    import_into(folder / "a.bank", source.root());
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("SAMed2D_v1.json: line ") != std::string::npos);
  }
  CHECK_FALSE(std::filesystem::exists(folder / "a.bank"));
}

TEST_CASE("import: many tiny images get a dictionary, and come back pixel by pixel") {
  SaMed2dBuilder source;
  source.classes("Cells", "cell", "0000");
  std::map<std::string, Image> written;
  for (int i = 0; i < 2100; ++i) {
    const std::string stem = "ct_00--Cells--c" + std::to_string(i) + "--2d_none";
    written[stem] = source.slice(stem, {"0000_000"}, static_cast<std::uint64_t>(i) / 4, 28, 28);
  }
  source.finish();
  const TempDir folder;

  const ImportReport report = import_into(folder / "a.bank", source.root());

  CHECK(report.samples == 2100);
  const Bank bank = Bank::open(folder / "a.bank");
  const auto samples = testing::samples_by_name(bank);
  REQUIRE(samples.size() == 2100);
  bool equal = true;
  for (const auto& [name, image] : written) equal = equal && samples.at(name).image == image;
  CHECK(equal);
  const DatasetId dataset = bank.find_dataset("Cells")->id;
  CHECK(Writer::open(folder / "a.bank").find_dictionary(dataset, {PixelType::u8, 28, 28, 1}) !=
        nullptr);
}

TEST_CASE("import: memory does not grow with the number of items") {
  SaMed2dBuilder source;
  source.classes("Big", "disc", "0000");
  const std::uint32_t side = 1000;
  Image image{{PixelType::u8, side, side, 3}, std::vector<std::byte>(side * side * 3)};
  for (std::size_t i = 0; i < image.image_hwc.size(); ++i) {
    image.image_hwc[i] = static_cast<std::byte>(i / 4000 % 256);
  }
  source.bytes("images/first.png", png::encode(image.view(), 1));
  for (int i = 0; i < 60; ++i) {
    const std::string path = "images/ct_00--Big--c" + std::to_string(i) + "--2d_none.png";
    std::filesystem::create_hard_link(source.root() / "images/first.png", source.root() / path);
    source.list(path, {});
  }
  source.finish();
  const TempDir folder;
  rusage before = {};
  ::getrusage(RUSAGE_SELF, &before);

  const ImportReport report = import_into(folder / "a.bank", source.root(), nullptr, with_jobs(2));

  rusage after = {};
  ::getrusage(RUSAGE_SELF, &after);
  CHECK(report.pixel_bytes == 60ull * side * side * 3);  // 180 MB
#ifdef __SANITIZE_THREAD__
  constexpr long kGrowthMax = 160'000;  // it shadows memory
#else
  constexpr long kGrowthMax = 80'000;  // kB
#endif
#ifndef __SANITIZE_ADDRESS__  // which keeps what was freed
  CHECK(after.ru_maxrss - before.ru_maxrss < kGrowthMax);
#else
  static_cast<void>(kGrowthMax);
#endif
}

TEST_CASE("import: progress counts up to the end and problems are told") {
  Source source;
  source.truncate(Source::image_of(0, 1));
  const TempDir folder;
  std::vector<ImportProgress> said;
  ImportOptions options;
  options.progress = [&](const ImportProgress& progress) { said.push_back(progress); };
  Told told;

  const ImportReport report = import_into(folder / "a.bank", source.root(), &told, options);

  REQUIRE_FALSE(said.empty());
  CHECK(said.back().items_done == 24);
  CHECK(said.back().items_total == 24);
  CHECK(said.back().samples == 23);
  CHECK(said.back().pixel_bytes == report.pixel_bytes);
  CHECK(told.problems.size() == report.notes + report.skipped);
}

TEST_CASE("import: two folders live in one bank, each with its own ledger") {
  const Source source;
  testing::SourceBuilder other("demo");
  other.image("images/us_7_1.png");
  other.text("image2label_train.json", R"({"images/us_7_1.png": []})");
  const TempDir folder;

  CHECK(import_into(folder / "a.bank", source.root()).items_new == 24);
  CHECK(import_into(folder / "a.bank", other.root()).items_new == 1);
  CHECK(import_into(folder / "a.bank", source.root()).items_unchanged == 24);
  CHECK(import_into(folder / "a.bank", other.root()).items_unchanged == 1);
  CHECK(Bank::open(folder / "a.bank").datasets().size() == 3);
}

// What each of them does with its own layout, the conformance suite says.
TEST_CASE("importers: each is found by its name, and they are in order") {
  std::string last;
  for (const auto& importer : importers()) {
    CAPTURE(importer->name());
    CHECK(std::string(importer->name()) > last);
    last = importer->name();
    CHECK(find_importer(importer->name()) == importer.get());
    CHECK_FALSE(importer->summary().empty());
  }
  CHECK(find_importer("nonsense") == nullptr);
}

}  // namespace slicebank
