#include "importers/internal/npz_row_window.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "formats/npz.h"
#include "importers/importer.h"
#include "tests/support/temp_dir.h"

namespace {

namespace fs = std::filesystem;
using namespace slicebank;
using namespace slicebank::testing;
using internal::NpzRowWindow;
using internal::NpzRowWindows;

constexpr std::uint64_t kSide = 28;

// Row n is n in every pixel but the first four, which hold n whole; where `noise`, every
// pixel is one of sixteen values, so that deflate has something to do.
npz::Array images(std::uint64_t rows, bool noise = false) {
  npz::Array array{"|u1", {rows, kSide, kSide}, std::vector<std::byte>(rows * kSide * kSide)};
  std::uint32_t state = 1;
  for (std::uint64_t row = 0; row < rows; ++row) {
    std::byte* pixels = array.data.data() + row * kSide * kSide;
    for (std::uint64_t i = 4; i < kSide * kSide; ++i) {
      state = state * 1664525u + 1013904223u;
      pixels[i] = static_cast<std::byte>(noise ? state >> 28 : row);
    }
    for (std::uint64_t i = 0; i < 4; ++i) pixels[i] = static_cast<std::byte>(row >> (8 * i));
  }
  return array;
}

std::uint32_t number_in(const Array& row) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    number |= std::to_integer<std::uint32_t>(row.data[i]) << (8 * i);
  }
  return number;
}

void write(const fs::path& path, const std::vector<std::byte>& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  REQUIRE(file.good());
}

}  // namespace

TEST_CASE("npz rows: threads that ask nearly in order share one pass") {
  const std::vector<std::byte> file = npz::encode_npz({{"a", images(5000)}});
  NpzRowWindow window(NpzReader(file, "a.npz"), "a");
  std::atomic<std::uint64_t> next = 0;
  std::atomic<std::uint64_t> wrong = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t row = next++; row < 5000; row = next++) {
        if (number_in(window.row(row)) != row) ++wrong;
      }
    });
  }
  threads.clear();
  CHECK(wrong == 0);
  CHECK(window.passes() == 1);
}

TEST_CASE("npz rows: rows that were passed are kept, and a pass begins again for others") {
  const std::vector<std::byte> file = npz::encode_npz({{"a", images(5000)}});
  NpzRowWindow window(NpzReader(file, "a.npz"), "a");
  CHECK(number_in(window.row(4000)) == 4000);
  CHECK(number_in(window.row(3999)) == 3999);
  CHECK(number_in(window.row(4000 - NpzRowWindow::kRowsKept)) == 4000 - NpzRowWindow::kRowsKept);
  CHECK(window.passes() == 1);
  CHECK(number_in(window.row(3999)) == 3999);  // it was given away
  CHECK(window.passes() == 2);
  CHECK(number_in(window.row(5)) == 5);
  CHECK(window.passes() == 3);
  CHECK_THROWS_AS(window.row(5000), Error);
  CHECK(number_in(window.row(4999)) == 4999);
  CHECK(window.passes() == 3);
}

TEST_CASE("npz rows: behind damage every row fails at once, before it none does") {
  std::vector<std::byte> file = npz::encode_npz({{"a", images(3000, true)}});
  for (std::size_t i = 0; i < 300; ++i) file[file.size() / 2 + i] = std::byte{0xff};
  NpzRowWindow window(NpzReader(file, "a.npz"), "a");
  std::uint64_t good = 0;
  try {
    while (good < 3000 && number_in(window.row(good)) == good) ++good;
  } catch (const Error& error) {
    CHECK(std::string(error.what()).starts_with("a.npz"));
  }
  CHECK(good > 1000);
  CHECK(good < 3000);
  for (std::uint64_t row = good; row < 3000; ++row) CHECK_THROWS_AS(window.row(row), Error);
  CHECK(window.passes() == 1);
  CHECK(number_in(window.row(7)) == 7);
  CHECK(window.passes() == 2);
}

TEST_CASE("npz rows: a tree keeps the windows that were used last") {
  const TempDir temp;
  write(temp / "a.npz", npz::encode_npz({{"a", images(10)}, {"b", images(10)}}));
  const SourceTree source(temp.path());
  const auto windows = NpzRowWindows::of(source);
  CHECK(windows == NpzRowWindows::of(source));
  for (std::uint64_t row = 0; row < 10; ++row) {
    CHECK(number_in(windows->row(source, "a.npz", "a", row)) == row);
    CHECK(number_in(windows->row(source, "a.npz", "b", row)) == row);
  }
  CHECK(windows->passes() == 2);
  CHECK_THROWS_AS(windows->row(source, "a.npz", "c", 0), Error);
  CHECK_THROWS_AS(windows->row(source, "b.npz", "a", 0), Error);
}

TEST_CASE("npz rows: medmnist decodes a whole split in one pass with two threads") {
  constexpr std::uint64_t kRows = 20'000;
  const TempDir temp;
  npz::Array labels{"|u1", {kRows, 1}, std::vector<std::byte>(kRows)};
  write(temp / "octmnist.npz",
        npz::encode_npz({{"train_images", images(kRows)}, {"train_labels", std::move(labels)}}));
  const Importer* importer = find_importer("medmnist");
  REQUIRE(importer != nullptr);
  const SourceTree source(temp.path());
  std::vector<SourceItem> items;
  importer->scan(source, [&](SourceItem&& item) {
    items.push_back(std::move(item));
    return true;
  });
  REQUIRE(items.size() == kRows);
  CHECK(NpzRowWindows::of(source)->passes() == 0);  // a list inflates no picture
  std::atomic<std::uint64_t> next = 0;
  std::atomic<std::uint64_t> right = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t at = next++; at < kRows; at = next++) {
        importer->decode(source, items[at], {}, [&](Sample&& sample) {
          if (sample.image.image_hwc[0] == static_cast<std::byte>(at)) ++right;
        });
      }
    });
  }
  threads.clear();
  CHECK(right == kRows);
  CHECK(NpzRowWindows::of(source)->passes() == 1);
}
