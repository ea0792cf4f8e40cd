#include "formats/gzip.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <random>
#include <string>

#include "formats/internal/member_inflater.h"
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

// What comes out of one gzip member that is given and taken in pieces of these sizes, and
// whether it ended well.
struct Inflated {
  std::vector<std::byte> bytes;
  bool ended = false;
  std::size_t left = 0;  // of the input

  friend bool operator==(const Inflated&, const Inflated&) = default;
};

Inflated inflated_by(internal::MemberInflater& inflater, Bytes member, std::size_t given,
                     std::size_t taken) {
  using Step = internal::MemberInflater::Step;
  inflater.begin();
  Inflated result;
  Bytes ahead;
  while (true) {
    if (ahead.empty()) {
      ahead = member.first(std::min(given, member.size()));
      member = member.subspan(ahead.size());
    }
    std::vector<std::byte> out(taken);
    MutableBytes left = out;
    const std::size_t before = ahead.size();
    const Step step = inflater.step(ahead, left);
    out.resize(out.size() - left.size());
    append(result.bytes, out);
    result.ended = step == Step::ended;
    const bool stuck = out.empty() && ahead.size() == before && member.empty();
    if (step != Step::going_on || stuck) break;
  }
  result.left = member.size() + ahead.size();
  return result;
}

// Bytes that deflate finds something in: runs, repetitions from far back, and noise.
std::vector<std::byte> mixed_bytes(std::size_t size, std::mt19937_64& random) {
  std::vector<std::byte> bytes;
  while (bytes.size() < size) {
    const std::size_t length = 1 + random() % 700;
    const std::size_t back =
        bytes.empty() ? 0 : random() % std::min<std::size_t>(bytes.size(), 40'000);
    const auto value = static_cast<std::byte>(random());
    const auto kind = random() % 3;
    for (std::size_t i = 0; i < length; ++i) {
      if (kind == 0) bytes.push_back(static_cast<std::byte>(random() % 60));
      if (kind == 1) bytes.push_back(value);
      if (kind == 2) bytes.push_back(back == 0 ? value : bytes[bytes.size() - back]);
    }
  }
  bytes.resize(size);
  return bytes;
}

// Fixed Huffman codes, stored blocks and other blocks, header fields: what zlib can write
// and libdeflate does not.
std::vector<std::byte> deflated_by_zlib(Bytes bytes, int level, int strategy, bool header) {
  z_stream state = {};
  deflateInit2(&state, level, Z_DEFLATED, 15 + 16, 8, strategy);
  gz_header fields = {};
  std::string name = "a name.nii";
  std::string comment = "and a comment";
  std::string extra = "extra field";
  fields.name = reinterpret_cast<Bytef*>(name.data());
  fields.comment = reinterpret_cast<Bytef*>(comment.data());
  fields.extra = reinterpret_cast<Bytef*>(extra.data());
  fields.extra_len = static_cast<uInt>(extra.size());
  fields.hcrc = 1;
  if (header) deflateSetHeader(&state, &fields);
  std::vector<std::byte> out(deflateBound(&state, static_cast<uLong>(bytes.size())) + 200);
  state.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  state.avail_in = static_cast<uInt>(bytes.size());
  state.next_out = reinterpret_cast<Bytef*>(out.data());
  state.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&state, Z_FINISH) == Z_STREAM_END);
  out.resize(state.total_out);
  deflateEnd(&state);
  return out;
}

std::vector<std::byte> read_in_pieces(gzip::Reader& reader, std::size_t piece) {
  std::vector<std::byte> all;
  while (true) {
    std::vector<std::byte> some(piece);
    const std::size_t got = reader.read(some);
    append(all, Bytes(some).first(got));
    if (got < piece) return all;
  }
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

TEST_CASE("gzip: the fast inflater says what zlib says, of sound and of damaged members") {
  const std::uint64_t seed = 8;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto fast = internal::make_member_inflater(true);
  const auto slow = internal::make_zlib_inflater(true);
  std::size_t sound = 0;
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    const std::vector<std::byte> before = mixed_bytes(random() % 150'000, random);
    constexpr int kStrategies[] = {Z_DEFAULT_STRATEGY, Z_FIXED, Z_RLE, Z_HUFFMAN_ONLY};
    std::vector<std::byte> member =
        round % 2 == 0 ? gzip::compress(before, 1 + static_cast<int>(random() % 12))
                       : deflated_by_zlib(before, static_cast<int>(random() % 10),
                                          kStrategies[random() % 4], random() % 2 == 0);
    append(member, Bytes(before).first(std::min<std::size_t>(before.size(), random() % 9)));
    const auto damage = random() % 4;
    if (damage == 1) member.resize(random() % member.size());
    if (damage == 2) member[random() % member.size()] ^= static_cast<std::byte>(1 + random() % 255);
    if (damage == 3) member[10 + random() % 60 % (member.size() - 10)] ^= std::byte{4};
    const std::size_t given = 1 + random() % (random() % 2 == 0 ? 64 : 100'000);
    const std::size_t taken = 1 + random() % (random() % 2 == 0 ? 300 : 200'000);

    const Inflated ours = inflated_by(*fast, member, given, taken);
    const Inflated theirs = inflated_by(*slow, member, member.size(), 200'000);

    CHECK(ours.ended == theirs.ended);
    if (ours.ended) {
      CHECK(ours == theirs);
      ++sound;
    }
    // Of a damaged member the two may stop elsewhere, but say the same until then.
    const std::size_t both = std::min(ours.bytes.size(), theirs.bytes.size());
    CHECK(std::equal(ours.bytes.begin(), ours.bytes.begin() + static_cast<long>(both),
                     theirs.bytes.begin()));
  }
  CHECK(sound > 60);
  CHECK(sound < 240);
}

TEST_CASE("gzip: a reader gives the same bytes in pieces of any size") {
  const std::uint64_t seed = 9;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const std::vector<std::byte> before = mixed_bytes(700'000, random);
  std::vector<std::byte> file;
  std::size_t from = 0;
  for (const std::size_t length : {1u, 199'999u, 0u, 490'000u, 10'000u}) {
    append(file, gzip::compress(Bytes(before).subspan(from, length)));
    from += length;
    if (length == 0) file.resize(file.size() + 300'000);  // more zeros than a buffer holds
  }
  file.resize(file.size() + 5);
  const std::vector<std::byte> zlib = gzip::compress_zlib(before);
  for (const std::size_t piece : {1u, 7u, 4096u, 32'768u, 65'537u, 700'000u, 1'000'000u}) {
    CAPTURE(piece);
    const MemorySource source(file);
    gzip::Reader reader(source, "x");
    CHECK(read_in_pieces(reader, piece) == before);
    CHECK(reader.skip(10) == 0);
    const MemorySource zlib_source(zlib);
    gzip::Reader zlib_reader(zlib_source, "x");
    CHECK(read_in_pieces(zlib_reader, piece) == before);

    gzip::Reader skipping(source, "x");
    CHECK(skipping.skip(123'456) == 123'456);
    std::vector<std::byte> behind(1000);
    CHECK(skipping.read(behind) == 1000);
    CHECK(std::equal(behind.begin(), behind.end(), before.begin() + 123'456));
    CHECK(skipping.skip(1'000'000) == 700'000 - 124'456);
  }
}

TEST_CASE("gzip: a reader of a damaged or cut off stream never comes to a good end") {
  std::mt19937_64 random(10);
  const std::vector<std::byte> before = mixed_bytes(4000, random);
  std::vector<std::byte> file = gzip::compress(Bytes(before).first(1500));
  const std::size_t first = file.size();
  append(file, gzip::compress(Bytes(before).subspan(1500)));
  const auto read_all = [&](Bytes stream) {
    return message_of([&] {
      const MemorySource source(stream);
      gzip::Reader reader(source, "x.gz");
      read_in_pieces(reader, 100);
    });
  };

  CHECK(read_all(file).empty());
  for (std::size_t size = 0; size < file.size(); ++size) {
    if (size != first && !says(read_all(Bytes(file).first(size)), "")) FAIL(size);
  }
  // The checksum and the length of both members.
  for (const std::size_t end : {first, file.size()}) {
    for (std::size_t back = 1; back <= 8; ++back) {
      std::vector<std::byte> damaged = file;
      damaged[end - back] ^= std::byte{1};
      CHECK(says(read_all(damaged), "damaged"));
    }
  }
  append(file, random_bytes(2, 200, 11));
  CHECK(says(read_all(file), "no gzip follow"));
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
