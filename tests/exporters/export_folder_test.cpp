#include "exporters/internal/export_folder.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string>

#include "schema/error.h"
#include "tests/support/temp_dir.h"

namespace {

namespace fs = std::filesystem;
using slicebank::Bytes;
using slicebank::Error;
using slicebank::ErrorCode;
using slicebank::exporting::ExportFolder;
using slicebank::testing::TempDir;

std::string text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void put(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }

void write(ExportFolder& folder, const std::string& path, const std::string& text) {
  auto file = folder.open(path);
  file.write(text);
  file.finish();
}

template <typename Call>
std::optional<ErrorCode> code_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

constexpr const char* kMarker = ".slicebank-export";

}  // namespace

TEST_CASE("export_folder: the destination appears whole, with nothing of ours in it") {
  const TempDir temp;
  const fs::path out = temp / "deep/er/out";
  ExportFolder folder(out);
  write(folder, "images/a/1.png", "one");
  write(folder, "MANIFEST.json", "{}");
  CHECK_FALSE(fs::exists(out));
  CHECK(fs::exists(temp / "deep/er/out.partial/images/a/1.png"));
  folder.publish();
  CHECK(text_of(out / "images/a/1.png") == "one");
  CHECK_FALSE(fs::exists(temp / "deep/er/out.partial"));
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(out)) files += entry.is_regular_file();
  CHECK(files == 2);
}

TEST_CASE("export_folder: sizes and hashes are those of the file, also of long ones") {
  const TempDir temp;
  ExportFolder folder(temp / "out");
  auto small = folder.open("small");
  small.write(std::string_view("abc"));
  const auto written = small.finish();
  CHECK(written.bytes == 3);
  // printf abc | xxhsum -H2
  CHECK(written.xxh3_128 == "06b05ab6733a618578af5f94892f3950");
  auto large = folder.open("large");
  std::string all;
  for (int i = 0; i < 700; ++i) {
    const std::string piece(static_cast<std::size_t>(i) * 17 + 1, static_cast<char>('a' + i % 26));
    large.write(piece);
    all += piece;
  }
  CHECK(large.finish().bytes == all.size());
  CHECK(text_of(temp / "out.partial/large") == all);
  auto same = folder.open("same");
  same.write(all);
  auto other = folder.open("other");
  other.write(all + "x");
  const auto same_hash = same.finish().xxh3_128;
  CHECK(same_hash != other.finish().xxh3_128);
}

TEST_CASE("export_folder: without publish everything is removed again") {
  const TempDir temp;
  {
    ExportFolder folder(temp / "out");
    write(folder, "a/b/c", "x");
    const auto unfinished = folder.open("d");
  }
  CHECK(fs::is_empty(temp.path()));
}

TEST_CASE("export_folder: what an interrupted export left is emptied and used again") {
  const TempDir temp;
  fs::create_directories(temp / "out.partial/images");
  put(temp / "out.partial/images/old.png", "old");
  put(temp.path() / "out.partial" / kMarker, "slicebank unfinished export\nwhatever\n");
  ExportFolder folder(temp / "out");
  write(folder, "new", "new");
  folder.publish();
  CHECK(fs::exists(temp / "out/new"));
  CHECK_FALSE(fs::exists(temp / "out/images"));
  CHECK_FALSE(fs::exists(temp.path() / "out" / kMarker));
}

TEST_CASE("export_folder: a partial folder that is not ours is refused and left as it is") {
  const TempDir temp;
  fs::create_directories(temp / "out.partial");
  put(temp / "out.partial/thesis.tex", "years of work");
  const auto open = [&] { ExportFolder folder(temp / "out"); };
  CHECK(code_of(open) == ErrorCode::already_exists);
  CHECK(text_of(temp / "out.partial/thesis.tex") == "years of work");
  // A file of the marker's name that says something else does not make it ours.
  put(temp.path() / "out.partial" / kMarker, "something else entirely, long enough");
  CHECK(code_of(open) == ErrorCode::already_exists);
  CHECK(text_of(temp / "out.partial/thesis.tex") == "years of work");
}

TEST_CASE("export_folder: a partial folder that is a link elsewhere is refused") {
  const TempDir temp;
  fs::create_directories(temp / "elsewhere");
  put(temp / "elsewhere/kept", "kept");
  put(temp.path() / "elsewhere" / kMarker, "slicebank unfinished export\n");
  fs::create_directory_symlink(temp / "elsewhere", temp / "out.partial");
  CHECK(code_of([&] { ExportFolder folder(temp / "out"); }) == ErrorCode::already_exists);
  CHECK(text_of(temp / "elsewhere/kept") == "kept");
}

TEST_CASE("export_folder: links inside a leftover are removed, not followed") {
  const TempDir temp;
  fs::create_directories(temp / "elsewhere");
  put(temp / "elsewhere/kept", "kept");
  { put(temp / "x", ""); }
  fs::create_directories(temp / "out.partial");
  put(temp.path() / "out.partial" / kMarker, "slicebank unfinished export\n");
  fs::create_directory_symlink(temp / "elsewhere", temp / "out.partial/images");
  ExportFolder folder(temp / "out");
  write(folder, "images/a.png", "a");
  CHECK(text_of(temp / "elsewhere/kept") == "kept");
  CHECK_FALSE(fs::exists(temp / "elsewhere/a.png"));
}

TEST_CASE("export_folder: a link that appears inside is not followed") {
  const TempDir temp;
  fs::create_directories(temp / "elsewhere");
  ExportFolder folder(temp / "out");
  fs::create_directory_symlink(temp / "elsewhere", temp / "out.partial/images");
  CHECK(code_of([&] { write(folder, "images/a.png", "a"); }) == ErrorCode::io);
  CHECK(fs::is_empty(temp / "elsewhere"));
}

TEST_CASE("export_folder: a destination with content is refused, an empty one is filled") {
  const TempDir temp;
  fs::create_directories(temp / "full");
  put(temp / "full/file", "x");
  fs::create_directories(temp / "empty");
  put(temp / "file", "x");
  CHECK(code_of([&] { ExportFolder folder(temp / "full"); }) == ErrorCode::already_exists);
  CHECK(code_of([&] { ExportFolder folder(temp / "file"); }) == ErrorCode::already_exists);
  CHECK_FALSE(fs::exists(temp / "full.partial"));
  ExportFolder folder(temp / "empty/");
  write(folder, "a", "a");
  folder.publish();
  CHECK(text_of(temp / "empty/a") == "a");
}

TEST_CASE("export_folder: a destination that gets content meanwhile is not replaced") {
  const TempDir temp;
  ExportFolder folder(temp / "out");
  write(folder, "a", "a");
  fs::create_directories(temp / "out");
  put(temp / "out/file", "theirs");
  CHECK(code_of([&] { folder.publish(); }) == ErrorCode::already_exists);
  CHECK(text_of(temp / "out/file") == "theirs");
}

TEST_CASE("export_folder: two exports to one destination: the second waits for nobody") {
  const TempDir temp;
  ExportFolder first(temp / "out");
  write(first, "a", "a");
  CHECK(code_of([&] { ExportFolder second(temp / "out"); }) == ErrorCode::locked);
  first.publish();
  CHECK(text_of(temp / "out/a") == "a");
}

TEST_CASE("export_folder: a name is given once, and no path leads out") {
  const TempDir temp;
  ExportFolder folder(temp / "out");
  write(folder, "images/a.png", "first");
  CHECK(code_of([&] { write(folder, "images/a.png", "second"); }) == ErrorCode::already_exists);
  CHECK(text_of(temp / "out.partial/images/a.png") == "first");
  CHECK(std::distance(fs::directory_iterator(temp / "out.partial/images"), {}) == 1);
  for (const char* path : {"../x", "a/../../x", "/x", "", "a//b", "a/", ".", "a/./b", ".."}) {
    CAPTURE(path);
    CHECK(code_of([&] { write(folder, path, "x"); }) == ErrorCode::bad_argument);
  }
  CHECK(code_of([&] { write(folder, std::string("a\0b", 3), "x"); }) == ErrorCode::bad_argument);
  CHECK(std::distance(fs::directory_iterator(temp.path()), {}) == 1);
}

TEST_CASE("export_folder: many folders are no trouble") {
  const TempDir temp;
  ExportFolder folder(temp / "out");
  for (int i = 0; i < 300; ++i) {
    write(folder, "images/d" + std::to_string(i) + "/x/a.png", std::to_string(i));
  }
  write(folder, "images/d0/x/b.png", "again");
  folder.publish();
  CHECK(text_of(temp / "out/images/d299/x/a.png") == "299");
  CHECK(text_of(temp / "out/images/d0/x/b.png") == "again");
}

TEST_CASE("export_folder: a full disk is said as such") {
  const slicebank::exporting::Descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  REQUIRE(full.open());
  const std::string text(100, 'x');
  try {
    slicebank::exporting::write_all(full.get(), std::as_bytes(std::span(text)), "images/a.png");
    FAIL("a full device took the bytes");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::out_of_space);
    CHECK(std::string(error.what()).find("images/a.png") != std::string::npos);
    CHECK_FALSE(error.hint().empty());
  }
}
