#include "exporters/export.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "exporters/internal/xxh3.h"
#include "tests/exporters/export_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

namespace fs = std::filesystem;
using namespace slicebank;
using namespace slicebank::testing;

// Two datasets, one with everything known about it, one with nothing; five samples.
void fill(BankBuilder& builder) {
  DatasetInfo known;
  known.name = "AMOS22";
  known.version = "1.1";
  known.source_url = "https://example.org/amos";
  known.citation = "Ji et al., AMOS, 2022.\nSecond line.";
  known.image_licence = {"Creative Commons Attribution 4.0", "CC-BY-4.0", "the data page"};
  known.label_licence = {"for research", "research-only", "an e-mail"};
  const DatasetId amos = builder.dataset(known);
  const DatasetId bare = builder.dataset("bare set");
  VolumeInfo volume;
  volume.key = "ct_00--amos_0001";
  volume.source_modality = "ct_00";
  const VolumeId scan = builder.volume(amos, volume, "amos_0001");
  for (std::uint32_t slice = 0; slice < 4; ++slice) {
    Sample sample;
    sample.axis = Axis::z;
    sample.slice_index = slice;
    sample.image = pattern(PixelType::u8, 20, 30, 1, slice);
    sample.masks.push_back(builder.mask(amos, "liver", sample.image.shape, {2, 3, 10, 9}, 0));
    builder.add(sample, scan);
  }
  VolumeInfo photo;
  photo.key = "photo";
  photo.source_modality = "dermoscopy_00";
  Sample sample;
  sample.image = pattern(PixelType::u8, 11, 13, 3, 9);
  sample.masks.push_back(builder.mask(bare, "lesion", sample.image.shape, {0, 0, 5, 5}));
  builder.add(sample, builder.volume(bare, photo, "anna"));
}

std::string hash_of(const fs::path& file) {
  exporting::Xxh3Stream hash;
  const std::string text = read_text(file);
  hash.update(std::as_bytes(std::span(text)));
  return hash.hex();
}

}  // namespace

TEST_CASE("export: formats are listed by name and an unknown one names the nearest") {
  std::vector<std::string> names;
  for (const auto& exporter : exporters()) {
    names.emplace_back(exporter->name());
    CHECK_FALSE(exporter->summary().empty());
    CHECK(find_exporter(exporter->name()) == exporter.get());
  }
  CHECK(std::is_sorted(names.begin(), names.end()));
  for (const char* name : {"sa-med2d", "sam-med2d", "medsam-npz", "images"}) {
    CHECK(std::find(names.begin(), names.end(), name) != names.end());
  }
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  fill(builder);
  const Selection selection = builder.selection();
  try {
    export_to(selection, temp / "out", "medsam_nz");
    FAIL("an unknown format was taken");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::not_found);
    CHECK(error.hint().find("medsam-npz") != std::string::npos);
  }
  CHECK_FALSE(fs::exists(temp / "out.partial"));
}

TEST_CASE("export: a setting that is not known is refused, with the nearest") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  fill(builder);
  const Selection selection = builder.selection();
  for (const auto& exporter : exporters()) {
    const std::string format(exporter->name());
    CAPTURE(format);
    try {
      export_to(selection, temp / "out", format, {{"windw", "40/400"}});
      FAIL("an unknown setting was taken");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::bad_argument);
      CHECK(error.hint().find("window") != std::string::npos);
    }
    CHECK(files_below(temp / "out").empty());
    CHECK_FALSE(fs::exists(temp / "out.partial"));
  }
  CHECK(error_code_of([&] {
          export_to(selection, temp / "out", "sam-med2d", {{"mode", "trian"}});
        }) == ErrorCode::bad_argument);
}

TEST_CASE("export: the manifest lists every file with size and hash, and no other is there") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  fill(builder);
  const Selection selection = builder.selection();
  for (const auto& exporter : exporters()) {
    const std::string format(exporter->name());
    CAPTURE(format);
    const fs::path out = temp / ("out-" + format);
    const ExportReport report = export_to(selection, out, format);
    const auto manifest = read_json(out / "MANIFEST.json");
    std::set<std::string> listed = {"MANIFEST.json"};
    std::uint64_t bytes = 0;
    for (const auto& file : manifest.at("files")) {
      const std::string path = file.at("path");
      CAPTURE(path);
      CHECK(listed.insert(path).second);
      CHECK(fs::file_size(out / path) == file.at("bytes").get<std::uint64_t>());
      CHECK(hash_of(out / path) == file.at("xxh3_128").get<std::string>());
      bytes += fs::file_size(out / path);
    }
    CHECK(files_below(out) == listed);
    CHECK(listed.contains("LICENCES.md"));
    CHECK(listed.contains("CITATIONS.md"));
    CHECK(report.files == listed.size() - 1);
    CHECK(report.bytes == bytes);
    CHECK(report.samples == 5);
    CHECK(report.masks == 5);
    CHECK(report.format == format);
    CHECK(fs::equivalent(report.destination, out));
    CHECK(manifest.at("bank").at("uuid") == uuid_text(selection.bank().uuid()));
    CHECK(manifest.at("bank").at("generation") == raw(selection.generation()));
    CHECK(manifest.at("selection").at("fingerprint") == selection.fingerprint());
    CHECK(manifest.at("selection").at("samples") == 5);
    CHECK(manifest.at("written").at("masks") == 5);
    CHECK_FALSE(manifest.at("tool").get<std::string>().empty());
    CHECK(manifest.at("losses_total") == report.losses_total);
    CHECK(manifest.at("losses").size() == report.losses.size());
    CHECK(manifest.at("datasets").size() == 2);
  }
}

TEST_CASE("export: settings, query and tool version are kept in the manifest") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  fill(builder);
  const Selection all = builder.selection();
  const Selection selection(all.bank(), all.ids(), all.generation(), "class = 'liver'");
  ExportOptions options;
  options.format = "images";
  options.settings["window"] = "40/400";
  options.tool_version = "slicebank 9.9.9";
  export_selection(selection, temp / "out", options);
  const auto manifest = read_json(temp / "out/MANIFEST.json");
  CHECK(manifest.at("tool") == "slicebank 9.9.9");
  CHECK(manifest.at("format") == "images");
  CHECK(manifest.at("settings").at("window") == "40/400");
  CHECK(manifest.at("selection").at("query") == "class = 'liver'");
}

TEST_CASE("export: licences and citations ride along, and the unknown is said loudly") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  fill(builder);
  export_to(builder.selection(), temp / "out", "images");
  const std::string licences = read_text(temp / "out/LICENCES.md");
  for (const char* words :
       {"## AMOS22, version 1.1", "4 samples", "https://example.org/amos", "CC-BY-4.0",
        "> Creative Commons Attribution 4.0", "the data page", "research-only", "an e-mail",
        "Read them first", "## bare set", "1 sample of this export", "UNKNOWN", "- bare set\n"}) {
    CAPTURE(words);
    CHECK(licences.find(words) != std::string::npos);
  }
  CHECK(licences.find("- AMOS22\n") == std::string::npos);
  const std::string citations = read_text(temp / "out/CITATIONS.md");
  CHECK(citations.find("> Ji et al., AMOS, 2022.\n> Second line.\n") != std::string::npos);
  CHECK(citations.find("holds no citation") != std::string::npos);
}

TEST_CASE("export: hostile licence texts and names cannot become headings or controls") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  DatasetInfo info;
  info.name = "a\n# b\x1b[31m";
  info.image_licence = {"x\n# Licence: free for all\n\x1b]0;title\x07", "other", "s\n# t"};
  const DatasetId dataset = builder.dataset(info);
  Sample sample;
  sample.image = pattern(PixelType::u8, 4, 4, 1, 1);
  builder.add(sample, builder.volume(dataset, VolumeInfo{}, "p"));
  export_to(builder.selection(), temp / "out", "images");
  const std::string text = read_text(temp / "out/LICENCES.md");
  CHECK(text.find("\n# Licence: free") == std::string::npos);
  CHECK(text.find("\n# b") == std::string::npos);
  CHECK(text.find("\n# t") == std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("export: the number of threads changes no byte") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  fill(builder);
  const Selection selection = builder.selection();
  for (const auto& exporter : exporters()) {
    ExportOptions options;
    options.format = exporter->name();
    CAPTURE(options.format);
    // Same last part, which sam-med2d writes into its lists.
    options.jobs = 1;
    export_selection(selection, temp / (options.format + "1") / "out", options);
    options.jobs = 5;
    export_selection(selection, temp / (options.format + "5") / "out", options);
    const auto one = read_json(temp / (options.format + "1") / "out/MANIFEST.json");
    const auto five = read_json(temp / (options.format + "5") / "out/MANIFEST.json");
    CHECK(one.at("files") == five.at("files"));
  }
}

TEST_CASE("export: progress counts to the end, on the caller's thread") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  fill(builder);
  const Selection selection = builder.selection();
  for (const auto& exporter : exporters()) {
    ExportOptions options;
    options.format = exporter->name();
    std::uint64_t last = 0;
    std::uint64_t of = 0;
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      CHECK(done > last);
      last = done;
      of = total;
    };
    export_selection(selection, temp / options.format, options);
    CHECK(last == 5);
    CHECK(of == 5);
  }
}

TEST_CASE("export: a stop leaves nothing behind and another export may follow") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  fill(builder);
  const Selection selection = builder.selection();
  for (const auto& exporter : exporters()) {
    std::stop_source stop;
    ExportOptions options;
    options.format = exporter->name();
    CAPTURE(options.format);
    options.stop = stop.get_token();
    options.progress = [&](std::uint64_t done, std::uint64_t) {
      if (done >= 1) stop.request_stop();
    };
    const fs::path out = temp / options.format / "out";
    CHECK(error_code_of([&] { export_selection(selection, out, options); }) ==
          ErrorCode::interrupted);
    CHECK(fs::is_empty(temp / options.format));
    CHECK(export_to(selection, out, options.format).samples == 5);
  }
}

TEST_CASE("export: an export that was killed is started over") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  fill(builder);
  const Selection selection = builder.selection();
  fs::create_directories(temp / "out.partial/images");
  std::ofstream(temp / "out.partial/images/half.png") << "half";
  std::ofstream(temp / "out.partial/.slicebank-1.tmp") << "half";
  std::ofstream(temp / "out.partial/.slicebank-export") << "slicebank unfinished export\n";
  export_to(selection, temp / "out", "sa-med2d");
  export_to(selection, temp / "fresh/out", "sa-med2d");
  CHECK(files_below(temp / "out") == files_below(temp / "fresh/out"));
}

TEST_CASE("export: samples deleted meanwhile are losses; all losses are kept in a file") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  fill(builder);
  const Selection all = builder.selection();
  std::vector<SampleId> ids = all.ids();
  const std::vector<SampleId> deleted = {ids[1]};
  builder.writer().delete_samples(deleted);
  for (std::uint64_t i = 0; i < 1500; ++i) ids.push_back(SampleId{1'000'000 + i});
  const Selection selection(all.bank(), ids, all.generation(), "");
  for (const auto& exporter : exporters()) {
    const std::string format(exporter->name());
    CAPTURE(format);
    const fs::path out = temp / format;
    const ExportReport report = export_to(selection, out, format);
    CHECK(report.samples == 4);
    CHECK(report.losses.size() == 1000);
    CHECK(report.losses_total >= 1501);
    CHECK(has_loss(report, ids[1], "deleted"));
    const std::string lines = read_text(out / "LOSSES.jsonl");
    CHECK(static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n')) ==
          report.losses_total);
    CHECK(read_json(out / "MANIFEST.json").at("losses").size() == 1000);
  }
}

TEST_CASE("export: a destination with content is refused before anything is written") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  fill(builder);
  const Selection selection = builder.selection();
  export_to(selection, temp / "out", "images");
  const auto before = files_below(temp.path());
  CHECK(error_code_of([&] { export_to(selection, temp / "out", "images"); }) ==
        ErrorCode::already_exists);
  CHECK(files_below(temp.path()) == before);
}

TEST_CASE("export: a selection of nothing is an export of nothing, and whole") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  fill(builder);
  const Selection selection = builder.selection().head(0);
  for (const auto& exporter : exporters()) {
    const std::string format(exporter->name());
    const ExportReport report = export_to(selection, temp / format, format);
    CHECK(report.samples == 0);
    CHECK(fs::exists(temp / format / "MANIFEST.json"));
    check_with_python(format, temp / format);
  }
}
