#include "formats/npz.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <time.h>

#include <fstream>

#include "python_oracle.h"
#include "schema/error.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

using npz::Array;

void write(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

std::string text(const std::vector<std::byte>& bytes, std::size_t at, std::size_t size) {
  return std::string(reinterpret_cast<const char*>(bytes.data()) + at, size);
}

// 2 x 3 x 5 elements whose bytes count up modulo 251 (modulo 2 for bool).
Array counting(const std::string& descr, std::size_t element_bytes) {
  Array array{descr, {2, 3, 5}, std::vector<std::byte>(30 * element_bytes)};
  for (std::size_t i = 0; i < array.data.size(); ++i) {
    array.data[i] = static_cast<std::byte>(i % (descr == "|b1" ? 2 : 251));
  }
  return array;
}

std::vector<npz::Member> members_of_every_type() {
  const std::vector<std::pair<std::string, std::size_t>> types = {
      {"|b1", 1}, {"|u1", 1}, {"|i1", 1}, {"<u2", 2}, {"<i2", 2}, {"<u4", 4},
      {"<i4", 4}, {"<u8", 8}, {"<i8", 8}, {"<f2", 2}, {"<f4", 4}, {"<f8", 8}};
  std::vector<npz::Member> members;
  for (std::size_t i = 0; i < types.size(); ++i) {
    members.push_back({"d" + std::to_string(i), counting(types[i].first, types[i].second)});
  }
  members.push_back({"a b(c),d", {"|u1", {100'000}, std::vector<std::byte>(100'000)}});
  return members;
}

}  // namespace

TEST_CASE("npz: the npy header is format 1.0, padded to 64, and names shape and type") {
  for (std::size_t axes = 0; axes < 8; ++axes) {
    const Array array{"<u2", std::vector<std::uint64_t>(axes, 1), std::vector<std::byte>(2)};

    const std::vector<std::byte> npy = npz::encode_npy(array);

    CHECK(text(npy, 0, 8) == std::string("\x93NUMPY\x01\x00", 8));
    const std::size_t header_bytes =
        std::to_integer<std::size_t>(npy[8]) | std::to_integer<std::size_t>(npy[9]) << 8;
    CHECK((header_bytes + 10) % 64 == 0);
    CHECK(npy.size() == header_bytes + 10 + 2);
    CHECK(text(npy, 10 + header_bytes - 1, 1) == "\n");
  }
  const std::vector<std::byte> npy =
      npz::encode_npy({"|u1", {3}, std::vector<std::byte>(3, std::byte{9})});
  CHECK(text(npy, 10, 60) == "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }   ");
}

TEST_CASE("npz: what is not an array of numbers is refused") {
  const std::vector<std::byte> two(2);

  CHECK_THROWS_AS(npz::encode_npy({"<u2", {2}, two}), Error);
  CHECK_THROWS_AS(npz::encode_npy({"|O", {1}, two}), Error);
  CHECK_THROWS_AS(npz::encode_npy({"|u2", {1}, two}), Error);
  CHECK_THROWS_AS(npz::encode_npy({">u2", {1}, two}), Error);
  CHECK_THROWS_AS(npz::encode_npy({"<f1", {2}, two}), Error);
  CHECK_THROWS_AS(npz::encode_npy({"<u2", {1ull << 63, 4}, two}), Error);
  CHECK_THROWS_AS(npz::encode_npy({"<u2", std::vector<std::uint64_t>(33, 1), two}), Error);
  for (const std::string key : {"", "/a", "a/../b", "a\nb", "\xc3\xa4", "a\\b"}) {
    CAPTURE(key);
    CHECK_THROWS_AS(npz::encode_npz({{key, {"<u2", {1}, two}}}), Error);
  }
  CHECK_THROWS_AS(npz::encode_npz({{"a", {"<u2", {1}, two}}, {"a", {"<u2", {1}, two}}}), Error);
}

TEST_CASE("npz: the same arrays give the same bytes in every time zone") {
  const std::vector<npz::Member> members = members_of_every_type();
  const char* before = ::getenv("TZ");
  const std::string kept = before == nullptr ? "" : before;
  std::vector<std::vector<std::byte>> files;

  for (const char* zone : {"UTC", "Asia/Tokyo", "America/Los_Angeles"}) {
    ::setenv("TZ", zone, 1);
    ::tzset();
    files.push_back(npz::encode_npz(members));
  }
  before == nullptr ? ::unsetenv("TZ") : ::setenv("TZ", kept.c_str(), 1);
  ::tzset();

  CHECK(files[0] == files[1]);
  CHECK(files[0] == files[2]);
}

TEST_CASE("npz: numpy loads what we write") {
  const std::string python = testing::python_with("numpy");
  if (python.empty()) return;
  const testing::TempDir folder;
  write(folder / "all.npz", npz::encode_npz(members_of_every_type()));
  write(folder / "scalar.npy", npz::encode_npy({"<u2", {}, {std::byte{2}, std::byte{1}}}));
  write(folder / "empty.npy", npz::encode_npy({"<f4", {3, 0, 7}, {}}));

  CHECK(testing::run_oracle(python, "npz_oracle.py", folder.path()));
}

}  // namespace slicebank
