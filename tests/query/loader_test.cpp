// Order, determinism, errors, memory, threads and forks of the loader.
#include "query/loader.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "query/sampler.h"
#include "schema/error.h"
#include "store/reader.h"
#include "store/writer.h"
#include "tests/query/loader_bank.h"

namespace slicebank {
namespace {

using testing::blob;
using testing::DrawnSample;
using testing::LoaderBank;
using testing::random_image;

constexpr std::uint64_t kSeed = 7;

// Slices of different sizes, each with a liver and a tumor somewhere.
void fill(LoaderBank& drawn, std::uint32_t count) {
  SplitMix random(kSeed);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto height = static_cast<std::uint32_t>(30 + random.below(40));
    const auto width = static_cast<std::uint32_t>(30 + random.below(40));
    DrawnSample sample;
    sample.volume = "v" + std::to_string(i / 4);
    sample.coverage = {"liver"};
    sample.image = random_image<std::uint8_t>(PixelType::u8, height, width, 1, 256, random);
    sample.masks.push_back({"liver", 1, blob(height, width, {2, 3, width - 5, height - 9})});
    if (i % 3 != 0) sample.masks.push_back({"spleen", 2, blob(height, width, {10, 10, 20, 22})});
    drawn.add(std::move(sample));
  }
}

// Everything that is random, and every kind of target.
BatchSpec busy_spec(const LoaderBank& drawn) {
  BatchSpec spec;
  spec.size = Size{24, 24};
  spec.resize = ResizeKind::fit;
  spec.crop.where = CropSpec::Where::foreground;
  spec.crop.size = Size{28, 26};
  spec.crop.probability = 0.5;
  spec.augment = {0.5, 0.5, true};
  spec.intensity.kind = IntensitySpec::Kind::z_score;
  spec.targets.classes = {drawn.class_id("liver"), drawn.class_id("spleen")};
  spec.targets.mask_channels = true;
  spec.targets.label_map = true;
  spec.targets.labels = true;
  spec.targets.instances = true;
  spec.targets.instance = {true, 1, 3, 2, 4};
  return spec;
}

void append(std::string& text, const Buffer& buffer) {
  text.append(reinterpret_cast<const char*>(buffer.data()), buffer.size());
}

template <typename T>
void append_value(std::string& text, const T& value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Everything that a batch holds, as bytes.
std::string bytes_of(const Batch& batch) {
  std::string text;
  for (const std::uint32_t each :
       {batch.size, batch.channels, batch.height, batch.width, batch.classes}) {
    append_value(text, each);
  }
  for (const Buffer* each :
       {&batch.images, &batch.masks, &batch.label_map, &batch.label_mask, &batch.labels}) {
    append(text, *each);
  }
  for (const BatchItem& item : batch.items) {
    append_value(text, item.id);
    append_value(text, item.position);
    for (const Instance& each : item.instances) {
      append_value(text, each.class_id);
      append_value(text, each.area);
      append_value(text, each.box);
      append_value(text, each.prompt_box);
      append_value(text, each.centroid_x);
    }
    append(text, item.instance_masks);
    for (const Point& each : item.points) append_value(text, each);
  }
  return text;
}

std::string all_of(Loader& loader) {
  std::string text;
  while (const auto batch = loader.next()) text += bytes_of(*batch);
  return text;
}

TEST_CASE("loader: batches come in the order of the ids for 1 to 8 threads, byte for byte") {
  LoaderBank drawn;
  fill(drawn, 61);
  const Bank bank = drawn.bank();
  const BatchSpec spec = busy_spec(drawn);
  LoaderOptions options;
  options.batch_size = 4;
  options.key = {kSeed, 2};
  std::string first;
  for (std::uint32_t threads = 1; threads <= 8; ++threads) {
    options.threads = threads;
    options.prefetch = 1 + threads % 3;
    Loader loader(bank, spec, drawn.ids(), options);
    std::vector<SampleId> order;
    std::string all;
    std::uint32_t batches = 0;
    while (const auto batch = loader.next()) {
      ++batches;
      CHECK(batch->size == (batches == 16 ? 1 : 4));
      for (const BatchItem& item : batch->items) {
        CHECK(item.position == order.size());
        order.push_back(item.id);
      }
      all += bytes_of(*batch);
    }
    CHECK(batches == 16);
    CHECK(order == drawn.ids());
    CHECK(loader.given() == 61);
    CHECK(loader.next() == nullptr);
    if (threads == 1) first = all;
    CHECK(all == first);
  }
}

TEST_CASE("loader: a batch is the same alone, at once and through the queue") {
  LoaderBank drawn;
  fill(drawn, 9);
  const Bank bank = drawn.bank();
  const BatchSpec spec = busy_spec(drawn);
  const BatchMaker maker(bank, spec);
  const RandomKey key{99, 5};
  std::vector<LoadItem> items;
  for (const SampleId id : drawn.ids()) items.push_back({id, 1000 + items.size()});

  const auto at_once = maker.batch(items, key, 3);
  LoaderOptions options;
  options.batch_size = 9;
  options.key = key;
  Loader loader(bank, spec, drawn.ids(), options, 1000);
  CHECK(bytes_of(*loader.next()) == bytes_of(*at_once));

  const std::size_t pixels = 24 * 24 * sizeof(float);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto alone = maker.sample(items[i].id, items[i].position, key);
    CHECK(std::memcmp(alone->images.data(), at_once->images.data() + pixels * i, pixels) == 0);
    CHECK(alone->items[0].points == at_once->items[i].points);
    CHECK(alone->items[0].instances == at_once->items[i].instances);
    CHECK(alone->items[0].placement == at_once->items[i].placement);
  }
  // Another epoch, another crop; the same epoch, the same crop.
  CHECK(bytes_of(*maker.batch(items, {99, 6})) != bytes_of(*at_once));
  CHECK(bytes_of(*maker.batch(items, {98, 5})) != bytes_of(*at_once));
  CHECK(bytes_of(*maker.batch(items, key)) == bytes_of(*at_once));
}

TEST_CASE("loader: two ranks together load what one would") {
  LoaderBank drawn;
  fill(drawn, 20);
  const Bank bank = drawn.bank();
  const std::vector<SampleId> ids = drawn.ids();
  const Permutation order(ids.size(), kSeed, 1);
  std::vector<std::string> by_position(ids.size());
  const auto run = [&](std::uint64_t rank, std::uint64_t world, bool check) {
    std::uint64_t position = rank;
    const ItemSource source = [&, world](LoadItem* item) {
      if (position >= ids.size()) return false;
      *item = {ids[order[position]], position};
      position += world;
      return true;
    };
    LoaderOptions options;
    options.batch_size = 1;
    options.key = {kSeed, 1};
    Loader loader(bank, busy_spec(drawn), source, options);
    while (const auto batch = loader.next()) {
      std::string& kept = by_position[batch->items[0].position];
      if (check) {
        CHECK(kept == bytes_of(*batch));
      } else {
        kept = bytes_of(*batch);
      }
    }
  };
  run(0, 1, false);
  run(0, 2, true);
  run(1, 2, true);
}

TEST_CASE("loader: a last batch that is smaller is left out on request") {
  LoaderBank drawn;
  fill(drawn, 10);
  LoaderOptions options;
  options.batch_size = 4;
  options.drop_last = true;
  BatchSpec spec;
  spec.size = Size{8, 8};
  spec.resize = ResizeKind::stretch;
  Loader loader(drawn.bank(), spec, drawn.ids(), options);
  CHECK(loader.next()->size == 4);
  CHECK(loader.next()->size == 4);
  CHECK(loader.next() == nullptr);
  CHECK(loader.given() == 8);
}

TEST_CASE("loader: nothing in, nothing out") {
  LoaderBank drawn;
  fill(drawn, 1);
  const Bank bank = drawn.bank();
  Loader loader(bank, BatchSpec{}, std::vector<SampleId>{});
  CHECK(loader.next() == nullptr);
  BatchSpec spec;
  spec.size = Size{5, 6};
  spec.channels = ChannelPolicy::rgb;
  const auto batch = load_batch(bank, {}, spec);
  CHECK(batch->size == 0);
  CHECK(batch->height == 5);
  CHECK(batch->images.empty());
}

TEST_CASE("loader: without a size a batch needs one shape, and the error names who differs") {
  LoaderBank drawn;
  SplitMix random(kSeed);
  std::vector<SampleId> ids;
  for (const std::uint32_t width : {16u, 16u, 18u}) {
    DrawnSample sample;
    sample.image = random_image<std::uint8_t>(PixelType::u8, 12, width, 1, 256, random);
    ids.push_back(drawn.add(std::move(sample)));
  }
  const Bank bank = drawn.bank();
  CHECK(load_batch(bank, std::span(ids).first(2), {})->width == 16);
  const std::string message = "sample " + std::to_string(raw(ids[2])) +
                              ": the output would be 12 x 18 with 1 channel, but the batch is 12 x "
                              "16 with 1 channel";
  CHECK_THROWS_WITH_AS(load_batch(bank, ids, {}), message.c_str(), Error);
  // That is the caller's mistake and not the sample's: skipping does not hide it.
  const BatchMaker maker(bank, {});
  const std::vector<LoadItem> items{{ids[0], 0}, {ids[2], 1}};
  CHECK_THROWS_AS(maker.batch(items, {}, 1, OnError::skip), Error);
}

// Changes a byte of the image section of some samples, in the file itself.
void damage(const std::filesystem::path& bank, const LoaderBank& drawn,
            const std::vector<std::size_t>& victims) {
  const std::filesystem::path file = bank / "records.lmdb";
  const int descriptor = ::open(file.c_str(), O_RDWR);
  REQUIRE(descriptor >= 0);
  std::string bytes(std::filesystem::file_size(file), '\0');
  REQUIRE(::pread(descriptor, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  for (const std::size_t victim : victims) {
    const auto& pixels = drawn.samples()[victim].image.image_hwc;
    // Noise is stored as it is, so a stretch of its pixels is found in the file.
    const std::string needle(reinterpret_cast<const char*>(pixels.data()), 64);
    const std::size_t at = bytes.find(needle);
    REQUIRE(at != std::string::npos);
    const char wrong = static_cast<char>(bytes[at + 5] ^ 0x10);
    REQUIRE(::pwrite(descriptor, &wrong, 1, static_cast<off_t>(at + 5)) == 1);
  }
  ::close(descriptor);
}

TEST_CASE("loader: a damaged record is an error of its batch, and of no other") {
  LoaderBank drawn;
  fill(drawn, 24);
  drawn.bank();
  damage(drawn.path(), drawn, {9, 10, 17});
  const Bank bank = Bank::open(drawn.path());
  BatchSpec spec;
  spec.size = Size{16, 16};
  spec.resize = ResizeKind::stretch;
  for (const std::uint32_t threads : {1u, 4u}) {
    LoaderOptions options;
    options.batch_size = 4;
    options.threads = threads;
    Loader loader(bank, spec, drawn.ids(), options);
    for (std::uint32_t batch = 0; batch < 6; ++batch) {
      if (batch != 2 && batch != 4) {
        CHECK(loader.next()->items[0].id == drawn.ids()[batch * 4]);
        continue;
      }
      const std::size_t victim = batch == 2 ? 9 : 17;
      const std::string name = "sample " + std::to_string(raw(drawn.ids()[victim])) + ",";
      try {
        loader.next();
        FAIL("no error");
      } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::corrupt);
        CHECK(std::string(error.what()).substr(0, name.size()) == name);
      }
    }
    CHECK(loader.next() == nullptr);
    CHECK(loader.given() == 24);
  }
}

TEST_CASE("loader: damaged and deleted samples are left out, counted and named on request") {
  LoaderBank drawn;
  fill(drawn, 24);
  drawn.bank();
  const std::vector<SampleId> ids = drawn.ids();
  {
    Writer writer = Writer::open(drawn.path());
    writer.delete_samples(std::vector{ids[12], ids[13], ids[14], ids[15], ids[20]});
  }
  damage(drawn.path(), drawn, {8, 10});
  const Bank bank = Bank::open(drawn.path());
  const std::set<std::size_t> gone{8, 10, 12, 13, 14, 15, 20};
  BatchSpec spec = busy_spec(drawn);
  LoaderOptions options;
  options.batch_size = 4;
  options.threads = 3;
  options.on_error = OnError::skip;
  Loader loader(bank, spec, ids, options);
  std::vector<std::string> messages;
  std::vector<SampleId> loaded;
  const BatchMaker maker(bank, spec);
  while (const auto batch = loader.next()) {
    CHECK(batch->size == batch->items.size());
    for (std::uint32_t i = 0; i < batch->size; ++i) {
      const BatchItem& item = batch->items[i];
      loaded.push_back(item.id);
      // What is left has moved together with all that belongs to it.
      const auto alone = maker.sample(item.id, item.position);
      const std::size_t bytes = alone->images.size();
      CHECK(std::memcmp(batch->images.data() + bytes * i, alone->images.data(), bytes) == 0);
      const std::size_t masks = alone->masks.size();
      CHECK(std::memcmp(batch->masks.data() + masks * i, alone->masks.data(), masks) == 0);
      CHECK(batch->label_mask.as<std::uint8_t>()[i * 2] == 1);
      CHECK(item.instances == alone->items[0].instances);
    }
  }
  std::vector<SampleId> wanted;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!gone.contains(i)) wanted.push_back(ids[i]);
  }
  CHECK(loaded == wanted);
  CHECK(loader.skipped_count() == gone.size());
  REQUIRE(loader.skipped().size() == gone.size());
  auto each = loader.skipped().begin();
  for (const std::size_t index : gone) {
    CHECK(each->id == ids[index]);
    CHECK(each->position == index);
    CHECK(each->message.find(std::to_string(raw(ids[index]))) != std::string::npos);
    ++each;
  }
}

TEST_CASE("loader: threads are not ahead of the consumer by more than was asked for") {
  LoaderBank drawn;
  fill(drawn, 40);
  const Bank bank = drawn.bank();
  const std::vector<SampleId> ids = drawn.ids();
  std::size_t asked = 0;
  const ItemSource source = [&](LoadItem* item) {
    if (asked == ids.size()) return false;
    *item = {ids[asked], asked};
    ++asked;
    return true;
  };
  BatchSpec spec;
  spec.size = Size{8, 8};
  spec.resize = ResizeKind::stretch;
  LoaderOptions options;
  options.batch_size = 2;
  options.prefetch = 3;
  Loader loader(bank, spec, source, options);
  CHECK(asked == 0);
  std::size_t given = 0;
  while (const auto batch = loader.next()) {
    given += batch->size;
    CHECK(asked <= given + 3 * 2);
    CHECK(asked >= std::min<std::size_t>(ids.size(), given + 3 * 2));
  }
}

TEST_CASE("loader: memory that is given back is used again") {
  LoaderBank drawn;
  fill(drawn, 60);
  const Bank bank = drawn.bank();
  BatchSpec spec;
  spec.size = Size{32, 32};
  spec.resize = ResizeKind::stretch;
  LoaderOptions options;
  options.batch_size = 2;
  options.prefetch = 2;
  Loader loader(bank, spec, drawn.ids(), options);
  std::set<const std::byte*> seen;
  while (const auto batch = loader.next()) seen.insert(batch->images.data());
  // The one in the consumer's hand, two ahead, and one that is on its way back.
  CHECK(seen.size() <= 4);

  // A batch that is kept is left alone.
  Loader again(bank, spec, drawn.ids(), options);
  const auto kept = again.next();
  const std::string before = bytes_of(*kept);
  while (again.next()) continue;
  CHECK(bytes_of(*kept) == before);
}

TEST_CASE("loader: batches outlive their loader and their maker") {
  LoaderBank drawn;
  fill(drawn, 4);
  const BatchSpec spec = busy_spec(drawn);
  std::shared_ptr<Batch> batch;
  std::string before;
  {
    Loader loader(drawn.bank(), spec, drawn.ids());
    batch = loader.next();
    before = bytes_of(*batch);
  }
  CHECK(bytes_of(*batch) == before);
}

TEST_CASE("loader: it stops at any moment, with batches half made") {
  LoaderBank drawn;
  fill(drawn, 32);
  const Bank bank = drawn.bank();
  const BatchSpec spec = busy_spec(drawn);
  SplitMix random(kSeed);
  for (int i = 0; i < 60; ++i) {
    LoaderOptions options;
    options.batch_size = static_cast<std::uint32_t>(1 + random.below(9));
    options.threads = static_cast<std::uint32_t>(1 + random.below(6));
    options.prefetch = static_cast<std::uint32_t>(1 + random.below(6));
    Loader loader(bank, spec, drawn.ids(), options);
    const std::uint64_t batches = random.below(6);
    for (std::uint64_t n = 0; n < batches; ++n) loader.next();
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(800)));
  }
}

TEST_CASE("loader: stop() from another thread ends next(), now and later") {
  LoaderBank drawn;
  fill(drawn, 8);
  const std::vector<SampleId> ids = drawn.ids();
  std::uint64_t position = 0;
  const ItemSource endless = [&](LoadItem* item) {
    *item = {ids[position % ids.size()], position};
    ++position;
    return true;
  };
  Loader loader(drawn.bank(), busy_spec(drawn), endless);
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    loader.stop();
  });
  ErrorCode code{};
  try {
    while (loader.next()) continue;
  } catch (const Error& error) {
    code = error.code();
  }
  stopper.join();
  CHECK(code == ErrorCode::interrupted);
  CHECK_THROWS_AS(loader.next(), Error);
}

TEST_CASE("loader: what the source throws comes after the batches before it") {
  LoaderBank drawn;
  fill(drawn, 8);
  const std::vector<SampleId> ids = drawn.ids();
  std::size_t next = 0;
  const ItemSource source = [&](LoadItem* item) -> bool {
    if (next == 5) throw std::runtime_error("no more");
    *item = {ids[next], next};
    ++next;
    return true;
  };
  LoaderOptions options;
  options.batch_size = 2;
  Loader loader(drawn.bank(), busy_spec(drawn), source, options);
  CHECK(loader.next()->items[0].id == ids[0]);
  CHECK(loader.next()->items[0].id == ids[2]);
  CHECK_THROWS_WITH(loader.next(), "no more");
  CHECK(loader.next() == nullptr);
}

TEST_CASE("loader: what poll throws leaves next(), and no batch is lost") {
  LoaderBank drawn;
  SplitMix random(kSeed);
  DrawnSample sample;
  // Large enough that a batch of it takes longer than the wait between two polls.
  sample.image = random_image<std::uint16_t>(PixelType::u16, 1500, 1500, 1, 65536, random);
  const SampleId id = drawn.add(std::move(sample));
  LoaderOptions options;
  options.batch_size = 24;
  options.threads = 1;
  BatchSpec spec;
  spec.size = Size{64, 64};
  spec.resize = ResizeKind::stretch;
  spec.filter = ImageFilter::area;
  Loader loader(drawn.bank(), spec, std::vector<SampleId>(24, id), options);
  struct Interrupt {};
  CHECK_THROWS_AS(loader.next([] { throw Interrupt(); }), Interrupt);
  CHECK(loader.given() == 0);
  CHECK(loader.next()->size == 24);
  CHECK(loader.next() == nullptr);
}

TEST_CASE("loader: options out of bounds are refused") {
  LoaderBank drawn;
  fill(drawn, 1);
  const Bank bank = drawn.bank();
  for (int which = 0; which < 3; ++which) {
    LoaderOptions options;
    (which == 0 ? options.batch_size : which == 1 ? options.threads : options.prefetch) = 0;
    CHECK_THROWS_AS(Loader(bank, BatchSpec{}, drawn.ids(), options), Error);
  }
}

// Runs `work` in a forked child; whether it returned true. A hang ends with SIGALRM.
template <typename Work>
bool in_child(const Work& work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(60);
    bool good = false;
    try {
      good = work();
    } catch (...) {
      good = false;
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_CASE("loader: a forked child goes on where the parent stood, with threads of its own") {
  LoaderBank drawn;
  fill(drawn, 40);
  const Bank bank = drawn.bank();
  const BatchSpec spec = busy_spec(drawn);
  LoaderOptions options;
  options.batch_size = 3;
  options.threads = 3;
  options.prefetch = 4;
  Loader whole(bank, spec, drawn.ids(), options);
  std::vector<std::string> wanted;
  while (const auto batch = whole.next()) wanted.push_back(bytes_of(*batch));

  // At every place, with threads in the middle of their work.
  for (std::size_t place = 0; place < wanted.size(); ++place) {
    Loader loader(bank, spec, drawn.ids(), options);
    const BatchMaker maker(bank, spec);
    std::shared_ptr<Batch> held;
    for (std::size_t i = 0; i < place; ++i) held = loader.next();
    const auto rest = [&] {
      for (std::size_t i = place; i < wanted.size(); ++i) {
        const auto batch = loader.next();
        if (!batch || bytes_of(*batch) != wanted[i]) return false;
      }
      return loader.next() == nullptr;
    };
    CHECK(in_child([&] {
      held.reset();
      return maker.sample(drawn.ids()[0], 0)->size == 1 && rest();
    }));
    CHECK(rest());
  }
}

TEST_CASE("loader: a child that only drops what it inherited does not hang") {
  LoaderBank drawn;
  fill(drawn, 20);
  const Bank bank = drawn.bank();
  for (int i = 0; i < 20; ++i) {
    auto loader = std::make_unique<Loader>(bank, busy_spec(drawn), drawn.ids());
    auto batch = loader->next();
    CHECK(in_child([&] {
      loader.reset();
      batch.reset();
      return true;
    }));
  }
}

TEST_CASE("loader: no reader slot is left behind") {
  LoaderBank drawn;
  fill(drawn, 30);
  const Bank bank = drawn.bank();
  const std::uint64_t before = bank.info().readers;
  for (int i = 0; i < 5; ++i) {
    LoaderOptions options;
    options.threads = 8;
    Loader loader(bank, busy_spec(drawn), drawn.ids(), options);
    all_of(loader);
  }
  CHECK(bank.info().readers <= before + 8);
}

TEST_CASE("loader: makers are shared between threads") {
  LoaderBank drawn;
  fill(drawn, 16);
  const BatchMaker maker(drawn.bank(), busy_spec(drawn));
  const std::vector<SampleId> ids = drawn.ids();
  std::vector<std::string> wanted;
  for (std::size_t i = 0; i < ids.size(); ++i) wanted.push_back(bytes_of(*maker.sample(ids[i], i)));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < ids.size() * 2; ++i) {
        const std::size_t at = (i * 7 + t) % ids.size();
        if (bytes_of(*maker.sample(ids[at], at)) != wanted[at]) ++wrong;
      }
    });
  }
  for (std::thread& each : threads) each.join();
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace slicebank
