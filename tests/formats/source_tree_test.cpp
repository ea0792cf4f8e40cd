#include "formats/source_tree.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <random>
#include <thread>

#include "formats/internal/beneath.h"
#include "schema/error.h"
#include "schema/limits.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string as_text(const std::vector<std::byte>& bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// outside/secret and root/, whose links lead everywhere.
struct HostileTree {
  HostileTree() {
    write(dir / "outside/secret", "secret");
    write(root() / "inside/a.png", "inside");
    write(root() / "plain.png", "plain");
    fs::create_symlink("inside/a.png", root() / "link_inside");
    fs::create_symlink("../root/inside/a.png", root() / "link_out_and_in");
    fs::create_symlink("../outside/secret", root() / "link_out");
    fs::create_symlink(dir / "outside/secret", root() / "link_absolute");
    fs::create_symlink("../outside", root() / "folder_out");
    fs::create_symlink("inside", root() / "folder_inside");
    fs::create_symlink("/proc/self", root() / "proc");
    fs::create_symlink("/proc/self/mem", root() / "mem");
    fs::create_symlink("/dev/zero", root() / "zero");
    fs::create_symlink("/etc/passwd", root() / "passwd");
    fs::create_symlink("loop_b", root() / "loop_a");
    fs::create_symlink("loop_a", root() / "loop_b");
    fs::create_symlink("nowhere", root() / "dangling");
    fs::create_symlink("inside/../../outside/secret", root() / "link_climbs");
    REQUIRE(::mkfifo((root() / "fifo").c_str(), 0600) == 0);
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (root() / "sock").c_str(), sizeof address.sun_path - 1);
    REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ::close(socket);
  }

  fs::path root() const { return dir / "root"; }

  testing::TempDir dir;
};

enum class Outcome { read, refused, absent };

Outcome outcome_of(const SourceTree& tree, const std::string& path) {
  try {
    const std::string text = as_text(tree.read(path));
    CHECK((text == "inside" || text == "plain"));
    return Outcome::read;
  } catch (const Error& error) {
    CHECK((error.code() == ErrorCode::bad_format || error.code() == ErrorCode::not_found));
    return error.code() == ErrorCode::not_found ? Outcome::absent : Outcome::refused;
  }
}

}  // namespace

TEST_CASE("source_tree: sixty hostile paths, and nothing outside the root is read") {
  const HostileTree hostile;
  const SourceTree tree(hostile.root());
  const std::string outside = (hostile.dir / "outside/secret").string();
  using enum Outcome;
  const std::vector<std::pair<std::string, Outcome>> table = {
      {"plain.png", read},
      {"./plain.png", read},
      {"././/plain.png", read},
      {"inside/a.png", read},
      {"inside\\a.png", read},
      {"inside//a.png", read},
      {"inside/./a.png", read},
      {"plain.png/", read},
      {"link_inside", read},
      {"folder_inside/a.png", read},
      {"", refused},
      {".", refused},
      {"./", refused},
      {"//", refused},
      {"/", refused},
      {"..", refused},
      {"../", refused},
      {"../outside/secret", refused},
      {"..\\outside\\secret", refused},
      {"./../outside/secret", refused},
      {"inside/../../outside/secret", refused},
      {"inside/..", refused},
      {"inside/../plain.png", refused},
      {"a/../../root/plain.png", refused},
      {"../root/plain.png", refused},
      {outside, refused},
      {"/etc/passwd", refused},
      {"//etc/passwd", refused},
      {"\\etc\\passwd", refused},
      {"\\\\server\\share\\x", refused},
      {"C:\\windows\\x.png", refused},
      {"c:/x.png", refused},
      {"/proc/self/mem", refused},
      {"/proc/self/root/etc/passwd", refused},
      {"/dev/zero", refused},
      {"~/x.png", absent},
      {"$HOME/x.png", absent},
      {"file:///etc/passwd", absent},
      {"%2e%2e/outside/secret", absent},
      {"..%2foutside/secret", absent},
      {".../plain.png", absent},
      {"..png", absent},
      {"\xef\xbc\x8e\xef\xbc\x8e/outside/secret", absent},
      {std::string("plain.png\0.jpg", 14), refused},
      {std::string("\0", 1), refused},
      {"plain.png\n", refused},
      {"a\r\nb", refused},
      {"link_out", refused},
      {"link_absolute", refused},
      {"link_climbs", refused},
      {"link_out_and_in", refused},
      {"folder_out/secret", refused},
      {"proc/mem", refused},
      {"proc/root/etc/passwd", refused},
      {"proc/fd/0", refused},
      {"mem", refused},
      {"zero", refused},
      {"passwd", refused},
      {"loop_a", refused},
      {"dangling", absent},
      {"absent.png", absent},
      {"inside/absent.png", absent},
      {"plain.png/below", absent},
      {"fifo", refused},
      {"sock", refused},
      {"inside", refused},
      {"folder_inside", refused},
      {std::string(255, 'n') + ".png", refused},
      {std::string(4000, 'n'), refused},
      {std::string(limits::kPathBytesMax + 1, 'n'), refused},
      {std::string(100'000, '/'), refused},
  };
  CHECK(table.size() >= 60);

  for (const auto& row : table) {
    const std::string& path = row.first;
    const Outcome expected = row.second;
    CAPTURE(path);
    CHECK(outcome_of(tree, path) == expected);
    if (expected == read) {
      CHECK(tree.open(path)->size() == tree.read(path).size());
    } else {
      CHECK_THROWS_AS(static_cast<void>(tree.open(path)), Error);
    }
    if (expected == refused) {
      CHECK_THROWS_AS(static_cast<void>(tree.stamp(path)), Error);
    } else {
      CHECK(tree.stamp(path).has_value() == (expected == read));
    }
  }
}

TEST_CASE("source_tree: the walk without openat2 refuses the same, and every link") {
  const HostileTree hostile;
  const int root = ::open(hostile.root().c_str(), O_PATH | O_DIRECTORY);
  REQUIRE(root >= 0);
  const auto opens = [&](const std::string& path, auto open_one) {
    const int descriptor = open_one(root, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor >= 0) ::close(descriptor);
    return descriptor >= 0;
  };
  const auto by_walk = [&](const std::string& path) {
    return opens(path, internal::open_beneath_by_walk);
  };
  const int lowest_free = ::dup(0);
  ::close(lowest_free);

  for (const std::string path : {"plain.png", "inside/a.png", "inside"}) CHECK(by_walk(path));
  for (const std::string path :
       {"../outside/secret", "inside/../../outside/secret", "link_out", "link_absolute",
        "link_climbs", "link_inside", "folder_out/secret", "folder_inside/a.png", "proc/mem", "mem",
        "zero", "loop_a", "dangling", "absent", "plain.png/x"}) {
    CAPTURE(path);
    CHECK_FALSE(by_walk(path));
  }
  CHECK_FALSE(by_walk("folder_inside/a.png"));
  CHECK(errno == ELOOP);
  CHECK_FALSE(by_walk("../x"));
  CHECK(errno == EXDEV);
  CHECK_FALSE(by_walk("inside/absent/x"));
  CHECK(errno == ENOENT);
  const int still_lowest = ::dup(0);  // no descriptor was left open
  CHECK(still_lowest == lowest_free);
  ::close(still_lowest);
  ::close(root);
}

TEST_CASE("source_tree: a FIFO is refused at once") {
  const HostileTree hostile;
  const SourceTree tree(hostile.root());
  const auto begin = std::chrono::steady_clock::now();

  CHECK_THROWS_AS(tree.read("fifo"), Error);

  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
}

TEST_CASE("source_tree: a stamp changes with size and time, and reading gives every byte") {
  const testing::TempDir folder;
  std::string text(3'000'000, 'x');
  for (std::size_t i = 0; i < text.size(); i += 7) text[i] = static_cast<char>(i);
  write(folder / "a b (c),d/\xc3\xa4.png", text);
  const SourceTree tree(folder.path());
  const std::string path = "a b (c),d/\xc3\xa4.png";

  CHECK(as_text(tree.read(path)) == text);
  const auto first = tree.stamp(path);
  REQUIRE(first.has_value());
  CHECK(first->size == text.size());
  fs::last_write_time(folder / path,
                      fs::last_write_time(folder / path) + std::chrono::nanoseconds(5000));
  CHECK(tree.stamp(path)->mtime_ns != first->mtime_ns);
  write(folder / path, "");
  CHECK(tree.read(path).empty());
  CHECK(tree.stamp(path)->size == 0);
}

TEST_CASE("source_tree: an open file is read anywhere, outlives the tree, and has no size limit") {
  const testing::TempDir folder;
  write(folder / "huge", "begin");
  const std::uint64_t size = limits::kSourceFileBytesMax + 100;
  fs::resize_file(folder / "huge", size);  // sparse
  std::unique_ptr<const ByteSource> file = SourceTree(folder.path()).open("huge");
  std::vector<std::byte> bytes(5);

  CHECK(file->size() == size);
  file->read_at(0, bytes, "huge");
  CHECK(as_text(bytes) == "begin");
  file->read_at(size - 5, bytes, "huge");
  CHECK(as_text(bytes) == std::string(5, '\0'));
  file->read_at(size, MutableBytes(bytes).first(0), "huge");
  CHECK_THROWS_AS(file->read_at(size - 4, bytes, "huge"), Error);
  CHECK_THROWS_AS(file->read_at(~std::uint64_t{0} - 1, bytes, "huge"), Error);
  fs::resize_file(folder / "huge", 3);
  CHECK_THROWS_AS(file->read_at(0, bytes, "huge"), Error);
}

TEST_CASE("source_tree: a file above the limit is refused by its size alone") {
  const testing::TempDir folder;
  write(folder / "huge", "x");
  fs::resize_file(folder / "huge", limits::kSourceFileBytesMax + 1);  // sparse
  try {
    SourceTree(folder.path()).read("huge");
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::limit);
  }
}

TEST_CASE("source_tree: the root must be a folder, and its name is the last part") {
  const testing::TempDir folder;
  write(folder / "data/SAMed2Dv1/x", "x");

  CHECK(SourceTree(folder / "data/SAMed2Dv1").name() == "SAMed2Dv1");
  CHECK(SourceTree(folder / "data/SAMed2Dv1/").name() == "SAMed2Dv1");
  CHECK(SourceTree(folder / "data/./SAMed2Dv1/.").name() == "SAMed2Dv1");
  CHECK_THROWS_AS(SourceTree(folder / "data/SAMed2Dv1/x"), Error);
  CHECK_THROWS_AS(SourceTree(folder / "absent"), Error);
  SourceTree moved(folder / "data");
  SourceTree target = std::move(moved);
  CHECK(as_text(target.read("SAMed2Dv1/x")) == "x");
}

TEST_CASE("source_tree: a cleaned path is plain, and cleaning twice changes nothing") {
  CHECK(clean_relative_path("./a//b/./c.png") == "a/b/c.png");
  CHECK(clean_relative_path("a\\b\\c.png") == "a/b/c.png");
  CHECK(clean_relative_path("a b/(c), d=e.png") == "a b/(c), d=e.png");
  CHECK(clean_relative_path("...") == "...");
  const std::uint64_t seed = 11;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const std::string alphabet("./\\ab:\0\n~", 10);
  int cleaned = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string path;
    for (std::size_t size = random() % 12; size > 0; --size) path += alphabet[random() % 10];
    try {
      const std::string clean = clean_relative_path(path);
      ++cleaned;
      REQUIRE(clean_relative_path(clean) == clean);
      REQUIRE(clean.front() != '/');
      REQUIRE(("/" + clean + "/").find("/../") == std::string::npos);
      REQUIRE(clean.find_first_of(std::string("\\\n\0", 3)) == std::string::npos);
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::bad_format);
    }
  }
  CHECK(cleaned > 1000);
}

TEST_CASE("source_tree: printable text holds no control and no direction marks") {
  CHECK(printable("plain \xc3\xa4 \xe4\xb8\xad \xf0\x9f\x98\x80") ==
        "plain \xc3\xa4 \xe4\xb8\xad \xf0\x9f\x98\x80");
  CHECK(printable("a\x1b[2J\n\x7f") == "a\\x1b[2J\\x0a\\x7f");
  CHECK(printable(std::string("\0", 1)) == "\\x00");
  CHECK(printable("\xc2\x9b") == "\\xc2\\x9b");
  CHECK(printable("\xe2\x80\xae"
                  "x") == "\\xe2\\x80\\xaex");
  CHECK(printable("\xff\xc3") == "\\xff\\xc3");
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");
}

TEST_CASE("source_tree: what readers keep is made once a key, and lives with the tree") {
  const testing::TempDir temp;
  std::weak_ptr<void> watched;
  {
    SourceTree tree(temp.path());
    std::atomic<int> made = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < 100; ++round) {
          const auto kept = tree.shared("number", [&] { return std::make_shared<int>(++made); });
          if (*std::static_pointer_cast<int>(kept) != 1) ++made;
        }
      });
    }
    threads.clear();
    CHECK(made == 1);
    CHECK_THROWS_AS(
        tree.shared("other",
                    []() -> std::shared_ptr<void> { throw Error(ErrorCode::io, "not today"); }),
        Error);
    const auto other = tree.shared("other", [] { return std::make_shared<int>(7); });
    CHECK(*std::static_pointer_cast<int>(other) == 7);
    const SourceTree moved = std::move(tree);
    watched = moved.shared("number", [] { return std::make_shared<int>(2); });
    CHECK(*std::static_pointer_cast<int>(watched.lock()) == 1);
  }
  CHECK(watched.expired());
}

}  // namespace slicebank
