#include "store/internal/literal_frame.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "store/internal/ready_codes.h"
#include "store/internal/zstd.h"
#include "tests/support/samples.h"

namespace slicebank {
namespace {

using testing::Random;

using Content = std::vector<std::byte>;

// Bytes of which the first few values are the commonest; `spread` 0: all alike.
Content random_content(std::size_t size, unsigned spread, Random& random) {
  Content content(size);
  for (std::byte& byte : content) {
    std::uint64_t value = 0;
    while (value < 255 && random.below(spread + 1) != 0) ++value;
    byte = static_cast<std::byte>((value & 1) != 0 ? 256 - value / 2 - 1 : value / 2);
  }
  return content;
}

// zstd itself is the judge of what a frame holds.
Content decoded(const Content& frame, std::size_t size) {
  Content content(size, std::byte{0xaa});
  zstd::decompress_magicless(frame, nullptr, content);
  return content;
}

void check_round_trip(const Content& content) {
  Content frame{std::byte{1}};  // what is there stays in front
  const std::size_t size = zstd::append_literals(content, frame);
  CHECK(size + 1 == frame.size());
  frame.erase(frame.begin());
  CHECK(decoded(frame, content.size()) == content);
  CHECK(frame.size() <= content.size() + 2 + 3 * (content.size() / 131072 + 1));

  const huffman::Code* code = huffman::ready_code(content);
  if (code == nullptr) return;
  Content ready;
  zstd::append_literals(content, *code, ready);
  CHECK(decoded(ready, content.size()) == content);
}

TEST_CASE("literal frame: content of every size and spread comes back") {
  Random random(20);
  for (std::size_t size = 0; size < 1100; ++size) {
    check_round_trip(random_content(size, static_cast<unsigned>(random.below(9)), random));
  }
  for (const std::size_t size : {4095u, 4096u, 16383u, 16384u, 70000u, 131072u, 131073u, 300000u}) {
    for (const unsigned spread : {0u, 1u, 3u, 12u, 60u}) {
      CAPTURE(size);
      CAPTURE(spread);
      check_round_trip(random_content(size, spread, random));
    }
  }
}

TEST_CASE("literal frame: few values, all values and noise come back") {
  Random random(21);
  for (unsigned values = 1; values <= 256; ++values) {
    CAPTURE(values);
    Content content(1500);
    for (std::size_t i = 0; i < content.size(); ++i) {
      content[i] = static_cast<std::byte>((255 - i % values) & 255);
    }
    check_round_trip(content);
    // One value alone at either end of the range.
    std::fill(content.begin(), content.end() - 1, std::byte{0});
    content.back() = static_cast<std::byte>(values - 1);
    check_round_trip(content);
  }
  Content noise(5000);
  for (std::byte& byte : noise) byte = static_cast<std::byte>(random.below(256));
  check_round_trip(noise);
}

TEST_CASE("literal frame: no code is longer than asked for, and all of them are used up") {
  Random random(22);
  for (int round = 0; round < 500; ++round) {
    huffman::Counts counts{};
    const std::uint64_t values = 2 + random.below(255);
    // Counts that double make the longest codes there are.
    for (std::uint64_t i = 0; i < values; ++i) {
      counts[i] =
          round % 2 == 0 ? 1u << (i % 24) : static_cast<std::uint32_t>(1 + random.below(3000));
    }
    for (unsigned most = 8; most <= huffman::kBitsMost; ++most) {
      if (values > 1u << most) continue;
      const huffman::Lengths lengths = huffman::shortest_lengths(counts, most);
      std::uint32_t taken = 0;
      for (std::size_t value = 0; value < 256; ++value) {
        CHECK((lengths[value] == 0) == (counts[value] == 0));
        CHECK(lengths[value] <= most);
        if (lengths[value] != 0) taken += 1u << (most - lengths[value]);
      }
      CHECK(taken == 1u << most);
    }
  }
}

TEST_CASE("literal frame: as small as what zstd makes of the same bytes") {
  Random random(23);
  std::size_t own = 0;
  std::size_t zstds = 0;
  for (const unsigned spread : {1u, 2u, 5u, 12u, 30u}) {
    for (const std::size_t size : {784u, 4096u, 20000u}) {
      const Content content = random_content(size, spread, random);
      Content frame;
      own += zstd::append_literals(content, frame);
      zstds += zstd::append_frame(content, {.huffman_only = true, .magicless = true}, frame);
    }
  }
  CHECK(own * 1000 <= zstds * 1005);
}

TEST_CASE("literal frame: a code that is at hand costs a few hundredths on differences") {
  Random random(24);
  CHECK(huffman::ready_code(random_content(4096, 1, random)) == nullptr);
  for (unsigned spread = 3; spread <= 40; spread += 3) {
    const Content content = random_content(4096, spread, random);
    const huffman::Code* code = huffman::ready_code(content);
    CAPTURE(spread);
    REQUIRE(code != nullptr);
    Content frame;
    const std::size_t own = zstd::append_literals(content, frame);
    const std::size_t ready = zstd::append_literals(content, *code, frame);
    CHECK(ready * 100 <= own * 110);
  }
}

}  // namespace
}  // namespace slicebank
