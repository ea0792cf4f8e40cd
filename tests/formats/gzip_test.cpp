#include "formats/gzip.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <chrono>
#include <functional>
#include <random>
#include <string>

#include "schema/error.h"

namespace slicebank {
namespace {

std::vector<std::byte> random_bytes(std::size_t size, unsigned below, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() % below);
  return bytes;
}

void append(std::vector<std::byte>& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

bool says(const std::string& message, const std::string& part) {
  INFO(message);
  return message.starts_with("x.gz: ") && message.find(part) != std::string::npos;
}

long peak_kib() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// One gzip member of so many zero bytes, made of pieces that are all alike.
std::vector<std::byte> megabytes_of_nothing(std::size_t count) {
  const std::vector<std::byte> piece = gzip::compress(std::vector<std::byte>(1 << 20));
  std::vector<std::byte> file;
  for (std::size_t i = 0; i < count; ++i) append(file, piece);
  return file;
}

}  // namespace

TEST_CASE("gzip: bytes of any size survive, as gzip and as zlib, at every level") {
  for (const std::size_t size : {0u, 1u, 100u, 70'000u, 1'000'000u}) {
    for (const int level : {1, 6, 12}) {
      CAPTURE(size);
      const std::vector<std::byte> before = random_bytes(size, 20, size + 1);

      const std::vector<std::byte> file = gzip::compress(before, level);
      const std::vector<std::byte> zlib = gzip::compress_zlib(before, level);

      CHECK(gzip::is_gzip(file));
      CHECK(!gzip::is_gzip(zlib));
      CHECK(gzip::inflate(file, size, "x") == before);
      CHECK(gzip::inflate(file, size + 100, "x") == before);
      CHECK(gzip::inflate(zlib, size, "x") == before);
      CHECK(gzip::inflate_exactly(file, size, "x") == before);
      CHECK(gzip::inflate_exactly(zlib, size, "x") == before);
      CHECK(gzip::compress(before, level) == file);
    }
  }
  CHECK_THROWS_AS(gzip::compress({}, 0), Error);
  CHECK_THROWS_AS(gzip::compress({}, 13), Error);
}

TEST_CASE("gzip: the header has no name and no time") {
  const std::vector<std::byte> file = gzip::compress(random_bytes(100, 256, 1));

  CHECK(file[3] == std::byte{0});
  for (std::size_t i = 4; i < 8; ++i) CHECK(file[i] == std::byte{0});
}

TEST_CASE("gzip: members follow each other, and zeros the last") {
  const std::vector<std::byte> before = random_bytes(5000, 30, 2);
  std::vector<std::byte> file = gzip::compress(Bytes(before).first(10));
  append(file, gzip::compress({}));
  append(file, gzip::compress(Bytes(before).subspan(10)));
  file.resize(file.size() + 512);

  CHECK(gzip::inflate(file, 5000, "x") == before);
  CHECK(gzip::inflate_exactly(file, 5000, "x") == before);
  CHECK(gzip::inflate_prefix(file, 400, "x") ==
        std::vector<std::byte>(before.begin(), before.begin() + 400));
  append(file, random_bytes(10, 256, 3));
  CHECK(says(message_of([&] { gzip::inflate(file, 5000, "x.gz"); }), "no gzip follow"));
  CHECK(says(message_of([&] { gzip::inflate_exactly(file, 5000, "x.gz"); }), "no gzip follow"));
}

TEST_CASE("gzip: a prefix needs only the beginning of the stream") {
  const std::vector<std::byte> before = random_bytes(200'000, 256, 4);
  const std::vector<std::byte> file = gzip::compress(before);

  const Bytes cut = Bytes(file).first(file.size() / 2);

  CHECK(gzip::inflate_prefix(cut, 352, "x") ==
        std::vector<std::byte>(before.begin(), before.begin() + 352));
  CHECK(says(message_of([&] { gzip::inflate_prefix(cut, 190'000, "x.gz"); }), "end early"));
  CHECK(gzip::inflate_prefix(file, 1'000'000, "x") == before);
}

TEST_CASE("gzip: truncated and damaged streams are errors, wherever it happened") {
  const std::vector<std::byte> before = random_bytes(3000, 8, 5);
  for (const bool zlib : {false, true}) {
    const std::vector<std::byte> file = zlib ? gzip::compress_zlib(before) : gzip::compress(before);
    for (std::size_t size = 0; size < file.size(); ++size) {
      const Bytes cut = Bytes(file).first(size);
      if (message_of([&] { gzip::inflate(cut, 3000, "x"); }).empty()) FAIL(size);
      if (message_of([&] { gzip::inflate_exactly(cut, 3000, "x"); }).empty()) FAIL(size);
    }
    // The last bytes are the checksum (and the length, of gzip).
    for (std::size_t back = 1; back <= (zlib ? 4u : 8u); ++back) {
      std::vector<std::byte> damaged = file;
      damaged[damaged.size() - back] ^= std::byte{1};
      CHECK(says(message_of([&] { gzip::inflate(damaged, 3000, "x.gz"); }), "damaged"));
      CHECK(says(message_of([&] { gzip::inflate_exactly(damaged, 3000, "x.gz"); }), "damaged"));
    }
  }
  CHECK(says(message_of([&] { gzip::inflate(before, 10, "x.gz"); }), "damaged"));
}

TEST_CASE("gzip: no more comes out than the caller allows or a header announces") {
  const std::vector<std::byte> before = random_bytes(3000, 8, 6);
  const std::vector<std::byte> file = gzip::compress(before);

  CHECK(says(message_of([&] { gzip::inflate(file, 2999, "x.gz"); }), "more than 2999 bytes"));
  CHECK(says(message_of([&] { gzip::inflate_exactly(file, 3001, "x.gz"); }), "only 3000 come out"));
  CHECK(gzip::inflate_exactly(file, 2000, "x") ==
        std::vector<std::byte>(before.begin(), before.begin() + 2000));
  const std::vector<std::byte> nothing = megabytes_of_nothing(3);
  CHECK(says(message_of([&] { gzip::inflate_exactly(nothing, 2000, "x.gz"); }), "far beyond"));
}

TEST_CASE("gzip: an empty mask of many megabytes is no bomb") {
  const std::vector<std::byte> file = megabytes_of_nothing(80);

  const std::vector<std::byte> mask = gzip::inflate_exactly(file, std::size_t{80} << 20, "x");

  CHECK(mask == std::vector<std::byte>(std::size_t{80} << 20));
}

TEST_CASE("gzip: bombs cost little time and memory, whatever they claim") {
  std::vector<std::byte> bomb = megabytes_of_nothing(1000);  // a gigabyte in one megabyte
  // ISIZE of the last member: nearly 4 GB.
  for (std::size_t i = 1; i <= 4; ++i) bomb[bomb.size() - i] = std::byte{0xf0};
  const long before_kib = peak_kib();
  const auto start = std::chrono::steady_clock::now();

  CHECK(says(message_of([&] { gzip::inflate_exactly(bomb, 100'000'000'000, "x.gz"); }),
             "cannot hold them"));
  CHECK(says(message_of([&] { gzip::inflate(bomb, 64 << 20, "x.gz"); }), "more than"));
  CHECK(says(message_of([&] { gzip::inflate_exactly(bomb, 1000, "x.gz"); }), "far beyond"));
  CHECK(gzip::inflate_prefix(bomb, 352, "x").size() == 352);

  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
  CHECK(peak_kib() - before_kib < 300 * 1024);
}

}  // namespace slicebank
