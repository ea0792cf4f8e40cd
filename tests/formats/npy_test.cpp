#include "formats/npy.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <random>

#include "formats/npz.h"
#include "formats/npz_reader.h"
#include "formats/source_tree.h"
#include "oracle_cases.h"
#include "python_oracle.h"
#include "schema/error.h"
#include "schema/limits.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using testing::read_bytes;

std::vector<std::byte> random_bytes(std::size_t size, std::mt19937_64& random) {
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

void write(const fs::path& path, const std::vector<std::byte>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

Array read_either(const fs::path& path, const std::string& key) {
  const std::vector<std::byte> file = read_bytes(path);
  if (path.extension() == ".npy") return npy::decode(file, path.filename().string());
  return NpzReader(file, path.filename().string()).read(key);
}

std::string shape_text(const Array& array) {
  std::string text;
  for (const std::uint64_t side : array.shape) text += "x" + std::to_string(side);
  return text.empty() ? "" : text.substr(1);
}

// What reading says, or nothing when it goes well.
std::string refusal(const fs::path& path, const std::string& key) {
  try {
    read_either(path, key);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

// The most memory that this process has had.
long peak_kilobytes() {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// rows x 16 x 16 u16, each row full of its own number.
npz::Array numbered(std::uint16_t rows) {
  npz::Array array{"<u2", {rows, 16, 16}, {}};
  for (std::uint16_t row = 0; row < rows; ++row) {
    for (int i = 0; i < 256; ++i) {
      array.data.push_back(static_cast<std::byte>(row & 0xff));
      array.data.push_back(static_cast<std::byte>(row >> 8));
    }
  }
  return array;
}

void check_row(std::uint64_t index, const Array& row) {
  REQUIRE(row.shape == std::vector<std::uint64_t>{16, 16});
  REQUIRE(row.type == ElementType::u16);
  for (std::uint64_t i = 0; i < 256; i += 51) {
    REQUIRE(element_at(row, i) == static_cast<double>(index));
  }
}

}  // namespace

TEST_CASE("npy: what numpy wrote in every type, order and version comes out as numpy has it") {
  SLICEBANK_SHARED_OR_SKIP(numpy_files, "numpy");
  const std::string python = testing::python_with("numpy");
  if (python.empty()) return;
  const testing::TempDir folder;
  testing::write_list(folder / "list.txt", testing::shared_files({".npy", ".npz"}));
  REQUIRE(testing::run_oracle(python, "npy_oracle.py", folder.path()));

  int equal = 0;
  int refused = 0;
  for (const std::vector<std::string>& fields : testing::read_cases(folder.path())) {
    CAPTURE(fields[0]);
    CAPTURE(fields[1]);
    if (fields[2] == "refused") {
      const std::string why = refusal(fields[0], fields[1]);
      CAPTURE(why);
      CHECK(why.starts_with(fs::path(fields[0]).filename().string()));
      CHECK(why.find(fields[3]) != std::string::npos);
      ++refused;
      continue;
    }
    const Array array = read_either(fields[0], fields[1]);
    CHECK(element_type_name(array.type) == fields[2]);
    CHECK(shape_text(array) == fields[3]);
    CHECK(array.data == read_bytes(fields[4]));
    ++equal;
  }
  CHECK(equal > 400);
  CHECK(refused > 45);
}

TEST_CASE("npy: the real object arrays are named and never loaded") {
  SLICEBANK_SHARED_OR_SKIP(numpy_files, "numpy");

  const std::string npy = refusal(numpy_files / "py2-objarr.npy", "");
  const NpzReader npz(SourceTree(numpy_files).open("py3-objarr.npz"), "py3-objarr.npz");

  CHECK(npy.find("never loaded") != std::string::npos);
  REQUIRE(npz.members().size() == 1);
  CHECK(npz.members()[0].refused.find("never loaded") != std::string::npos);
  CHECK_THROWS_AS(npz.read(npz.members()[0].key), Error);
  CHECK_THROWS_AS(npz.rows(npz.members()[0].key), Error);
}

TEST_CASE("npy: every type and shape survives encode and decode") {
  const std::uint64_t seed = 31;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int type = 0; type <= static_cast<int>(ElementType::f64); ++type) {
    for (const std::vector<std::uint64_t>& shape :
         std::vector<std::vector<std::uint64_t>>{{}, {3}, {0}, {2, 3, 4}, {7, 1, 0, 2}}) {
      Array array{static_cast<ElementType>(type), shape, {}};
      array.data = random_bytes(array.elements() * element_bytes(array.type), random);
      if (array.type == ElementType::boolean) {
        for (std::byte& value : array.data) value &= std::byte{1};
      }
      CHECK(npy::decode(npy::encode(array), "x.npy") == array);
    }
  }
  CHECK_THROWS_AS(npy::encode({ElementType::u16, {2}, std::vector<std::byte>(3)}), Error);
  CHECK_THROWS_AS(npy::encode({ElementType::u8, {1ull << 63, 4}, {}}), Error);
}

TEST_CASE("npy: a file cut anywhere is an error that names it") {
  const std::vector<std::byte> file =
      npy::encode({ElementType::u8, {5}, std::vector<std::byte>(5)});
  for (std::size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    try {
      npy::decode(Bytes(file).first(size), "x.npy");
      FAIL("decoded");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::bad_format);
      CHECK(std::string(error.what()).starts_with("x.npy"));
    }
  }
}

TEST_CASE("npz_reader: what our writer wrote is listed and read back") {
  const npz::Array rows = numbered(9);
  const std::vector<std::byte> file =
      npz::encode_npz({{"rows", rows}, {"a/b", {"|b1", {2}, std::vector<std::byte>(2)}}});

  const NpzReader reader(file, "x.npz");

  REQUIRE(reader.members().size() == 2);
  CHECK(reader.members()[0].key == "rows");
  CHECK(reader.members()[0].shape == std::vector<std::uint64_t>{9, 16, 16});
  CHECK(reader.members()[1].type == ElementType::boolean);
  CHECK(reader.find("a/b") == &reader.members()[1]);
  CHECK(reader.find("b") == nullptr);
  CHECK(reader.read("rows").data == rows.data);
}

TEST_CASE("npz_reader: rows come in order from any place, from memory and from disk") {
  const testing::TempDir folder;
  const std::vector<std::byte> file = npz::encode_npz({{"rows", numbered(700)}});
  write(folder / "x.npz", file);
  const NpzReader memory(file, "x.npz");
  const NpzReader disk(SourceTree(folder.path()).open("x.npz"), "x.npz");
  for (const NpzReader* reader : {&memory, &disk}) {
    for (const auto& [first, count] :
         {std::pair{0, 700}, {0, 1}, {699, 1}, {350, 20}, {700, 0}, {0, 0}}) {
      auto expected = static_cast<std::uint64_t>(first);
      const auto rows = static_cast<std::uint64_t>(count);
      reader->for_each_row("rows", expected, rows, [&](std::uint64_t index, const Array& row) {
        CHECK(index == expected++);
        check_row(index, row);
      });
      CHECK(expected == static_cast<std::uint64_t>(first) + rows);
    }
    CHECK_THROWS_AS(reader->for_each_row("rows", 1, 700, [](std::uint64_t, const Array&) {}),
                    Error);
    CHECK_THROWS_AS(reader->for_each_row("rows", 701, 0, [](std::uint64_t, const Array&) {}),
                    Error);
  }
}

TEST_CASE("npz_reader: a member beyond any memory is walked row by row") {
  const testing::TempDir folder;
  const std::string python = testing::python_with("numpy");
  if (python.empty()) return;
  REQUIRE(testing::run_oracle(python, "npz_huge.py", folder.path()));
  const NpzReader reader(SourceTree(folder.path()).open("huge.npz"), "huge.npz");
  const NpzMember* member = reader.find("train_images");
  REQUIRE(member != nullptr);
  REQUIRE(member->shape == std::vector<std::uint64_t>{3072, 1024, 1024});

  const long before = peak_kilobytes();
  CHECK_THROWS_AS(reader.read("train_images"), Error);
  NpzRows rows = reader.rows("train_images");
  for (std::uint64_t i = 0; i < 30; ++i) {
    const Array row = rows.next();
    REQUIRE(row.data.size() == 1u << 20);
    REQUIRE(element_at(row, 0) == static_cast<double>(i));
  }
  CHECK(rows.row() == 30);
  CHECK(rows.rows() == 3072);
  CHECK(peak_kilobytes() - before < 32 * 1024);
}

TEST_CASE("npz_reader: a row at a time finds the wrong checksum at its end, a whole read before") {
  std::vector<std::byte> file = npz::encode_npz({{"rows", numbered(3)}});
  const std::string text(reinterpret_cast<const char*>(file.data()), file.size());
  const std::size_t entry = text.find(std::string("PK\x01\x02", 4));
  file[entry + 16] ^= std::byte{1};
  const NpzReader reader(file, "x.npz");

  CHECK_THROWS_AS(reader.read("rows"), Error);
  NpzRows rows = reader.rows("rows");
  CHECK_NOTHROW(rows.next());
  CHECK_NOTHROW(rows.skip(1));
  CHECK_THROWS_AS(rows.next(), Error);
}

TEST_CASE("npz_reader: what has no rows says so") {
  const std::vector<std::byte> file = npz::encode_npz({{"scalar", {"<u2", {}, {{}, {}}}},
                                                       {"hollow", {"<u2", {1ull << 50, 0}, {}}},
                                                       {"empty", {"<u2", {0, 5}, {}}}});
  const NpzReader reader(file, "x.npz");

  CHECK_THROWS_AS(reader.rows("scalar"), Error);
  CHECK_THROWS_AS(reader.rows("hollow"), Error);
  CHECK_THROWS_AS(reader.rows("absent"), Error);
  CHECK(reader.rows("empty").rows() == 0);
}

TEST_CASE("npz_reader: a file that changes while it is read is an error") {
  const testing::TempDir folder;
  std::mt19937_64 random(3);
  const std::uint64_t size = 1u << 20;
  write(folder / "x.npz", npz::encode_npz({{"x", {"|u1", {size}, random_bytes(size, random)}}}));
  const NpzReader reader(SourceTree(folder.path()).open("x.npz"), "x.npz");

  fs::resize_file(folder / "x.npz", 1000);

  CHECK_THROWS_AS(reader.read("x"), Error);
}

}  // namespace slicebank
