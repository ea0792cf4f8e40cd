#include "store/internal/tree_walk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/error.h"
#include "store/internal/descriptor.h"

namespace slicebank {
namespace {

// Layout of LMDB 0.9 on 64-bit machines, native byte order.
constexpr std::uint32_t kMagic = 0xBEEFC0DE;
constexpr std::uint32_t kDataVersion = 1;
constexpr std::size_t kPageHeader = 16;
constexpr std::size_t kNodeHeader = 8;
constexpr std::size_t kKeyMax = 511;
constexpr std::size_t kDatabaseBytes = 48;
constexpr std::size_t kMetaBytes = 136;
constexpr unsigned kDepthMax = 32;
constexpr std::uint64_t kNoPage = ~std::uint64_t{0};
constexpr std::uint64_t kLastPageMax = std::uint64_t{1} << 48;

constexpr std::uint16_t kBranchPage = 0x01;
constexpr std::uint16_t kLeafPage = 0x02;
constexpr std::uint16_t kOverflowPage = 0x04;
constexpr std::uint16_t kMetaPage = 0x08;
constexpr std::uint16_t kBigData = 0x01;
constexpr std::uint16_t kSubDatabase = 0x02;
constexpr std::uint16_t kDuplicates = 0x04;
constexpr std::uint16_t kIntegerKeys = 0x08;

template <typename Value>
Value load(const std::byte* at) {
  Value value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

struct Tree {
  std::uint16_t flags = 0;
  std::uint16_t depth = 0;
  std::uint64_t branch_pages = 0;
  std::uint64_t leaf_pages = 0;
  std::uint64_t overflow_pages = 0;
  std::uint64_t entries = 0;
  std::uint64_t root = kNoPage;
};

Tree load_tree(const std::byte* at) {
  Tree tree;
  tree.flags = load<std::uint16_t>(at + 4);
  tree.depth = load<std::uint16_t>(at + 6);
  tree.branch_pages = load<std::uint64_t>(at + 8);
  tree.leaf_pages = load<std::uint64_t>(at + 16);
  tree.overflow_pages = load<std::uint64_t>(at + 24);
  tree.entries = load<std::uint64_t>(at + 32);
  tree.root = load<std::uint64_t>(at + 40);
  return tree;
}

struct Meta {
  std::uint32_t page_bytes = 0;
  Tree free;
  Tree main;
  std::uint64_t last_page = 0;
  std::uint64_t transaction = 0;
};

// A node of a leaf: where its key and its value lie in the page.
struct Node {
  std::uint16_t flags = 0;
  std::string_view key;
  std::uint32_t value_bytes = 0;
  const std::byte* value = nullptr;  // of a large value: 8 bytes, its first page
};

class File {
 public:
  explicit File(const std::filesystem::path& path) : path_(path) {
    descriptor_ = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!descriptor_ || ::fstat(descriptor_.get(), &status) != 0) {
      throw Error(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                  path.string() + ": " + std::strerror(errno));
    }
    bytes_ = static_cast<std::uint64_t>(status.st_size);
  }

  std::uint64_t bytes() const { return bytes_; }

  void read(std::uint64_t offset, std::span<std::byte> out) const {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t got = ::pread(descriptor_.get(), out.data() + done, out.size() - done,
                                  static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Error(ErrorCode::io, path_.string() + ": " + std::strerror(errno));
      if (got == 0) damaged("ends at byte " + std::to_string(offset + done));
      done += static_cast<std::size_t>(got);
    }
  }

  [[noreturn]] void damaged(const std::string& why) const {
    throw Error(ErrorCode::corrupt, path_.string() + ": " + why,
                "put back a copy of the bank, or import its sources into a new one");
  }

 private:
  std::filesystem::path path_;
  Descriptor descriptor_;
  std::uint64_t bytes_ = 0;
};

bool plausible_page_bytes(std::uint32_t bytes) {
  return bytes >= 512 && bytes <= 65'536 && (bytes & (bytes - 1)) == 0;
}

Meta read_meta(const File& file, std::uint64_t page, std::uint32_t page_bytes) {
  std::array<std::byte, kPageHeader + kMetaBytes> head{};
  file.read(page * page_bytes, head);
  const std::string where = "meta page " + std::to_string(page);
  const std::byte* body = head.data() + kPageHeader;
  if (load<std::uint64_t>(head.data()) != page) file.damaged(where + " has another number");
  if (load<std::uint16_t>(head.data() + 10) != kMetaPage) file.damaged(where + " is no meta page");
  if (load<std::uint32_t>(body) != kMagic) file.damaged(where + " does not begin as one of LMDB");
  if (load<std::uint32_t>(body + 4) != kDataVersion) {
    throw Error(ErrorCode::wrong_version, "the record file is of LMDB data version " +
                                              std::to_string(load<std::uint32_t>(body + 4)));
  }
  Meta meta;
  meta.page_bytes = load<std::uint32_t>(body + 24);
  meta.free = load_tree(body + 24);
  meta.main = load_tree(body + 24 + kDatabaseBytes);
  meta.last_page = load<std::uint64_t>(body + 120);
  meta.transaction = load<std::uint64_t>(body + 128);
  if (!plausible_page_bytes(meta.page_bytes)) file.damaged(where + ": impossible page size");
  if (meta.last_page < 1 || meta.last_page > kLastPageMax) {
    file.damaged(where + ": impossible last page");
  }
  return meta;
}

struct MetaPair {
  Meta metas[2];
  const Meta& newest() const { return metas[metas[0].transaction < metas[1].transaction]; }
};

MetaPair read_metas(const File& file) {
  if (file.bytes() < 1024) {
    file.damaged("has " + std::to_string(file.bytes()) + " bytes; that is no record file");
  }
  MetaPair pair;
  // The page size stands in the first page; LMDB reads it the same way.
  pair.metas[0] = read_meta(file, 0, 4096);
  pair.metas[1] = read_meta(file, 1, pair.metas[0].page_bytes);
  if (pair.metas[0].page_bytes != pair.metas[1].page_bytes) {
    file.damaged("its two meta pages differ in page size");
  }
  for (std::uint64_t page = 0; page < 2; ++page) {
    const Meta& meta = pair.metas[page];
    if (meta.transaction != 0 && (meta.transaction & 1) != page) {
      file.damaged("meta page " + std::to_string(page) + " holds another's transaction");
    }
  }
  const std::uint64_t older = std::min(pair.metas[0].transaction, pair.metas[1].transaction);
  const std::uint64_t newer = std::max(pair.metas[0].transaction, pair.metas[1].transaction);
  if (newer - older > 1) {
    file.damaged("its two meta pages are " + std::to_string(newer - older) + " transactions apart");
  }
  return pair;
}

// Order of two keys as LMDB sees it.
int compare_keys(std::string_view left, std::string_view right, bool integers) {
  if (!integers) return left.compare(right);
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::memcpy(&a, left.data(), sizeof a);
  std::memcpy(&b, right.data(), sizeof b);
  return a < b ? -1 : (a > b ? 1 : 0);
}

class Walk {
 public:
  Walk(const File& file, const Meta& meta, const TreeWalkOptions& options)
      : file_(file),
        meta_(meta),
        options_(options),
        pages_(std::min(file.bytes() / meta.page_bytes, meta.last_page + 1)),
        seen_(static_cast<std::size_t>(pages_), false) {
    seen_[0] = seen_[1] = true;
  }

  TreeWalkReport run() {
    report_.transaction = meta_.transaction;
    walk_main();
    walk_free();
    return report_;
  }

 private:
  using Visit = void (Walk::*)(std::uint64_t page, const Node& node);

  // What is counted on the way and must agree with the tree's own figures.
  struct Counts {
    std::uint64_t branch_pages = 0;
    std::uint64_t leaf_pages = 0;
    std::uint64_t overflow_pages = 0;
    std::uint64_t entries = 0;
  };

  struct Context {
    std::string name;
    bool integers = false;
    bool free_list = false;
    unsigned depth = 0;
    Visit visit = nullptr;
    Counts counts;
  };

  // Separators of the parent: lower <= key < upper.
  struct Bounds {
    std::optional<std::string> lower;
    std::optional<std::string> upper;
  };

  [[noreturn]] void damaged(std::uint64_t page, const std::string& why) const {
    file_.damaged("page " + std::to_string(page) + ": " + why);
  }

  void reach(std::uint64_t page, std::uint64_t from) {
    if (page < 2 || page > meta_.last_page) {
      damaged(from,
              "names page " + std::to_string(page) + " of " + std::to_string(meta_.last_page + 1));
    }
    if (page >= pages_) {
      damaged(from, "names page " + std::to_string(page) + ", behind the end of the file");
    }
    const auto at = static_cast<std::size_t>(page);
    if (seen_[at]) damaged(page, "is used twice");
    seen_[at] = true;
    ++report_.pages_reached;
  }

  std::vector<std::byte> read_page(std::uint64_t page) const {
    std::vector<std::byte> bytes(meta_.page_bytes);
    file_.read(page * meta_.page_bytes, bytes);
    if (load<std::uint64_t>(bytes.data()) != page) damaged(page, "carries another page's number");
    return bytes;
  }

  // Offsets of the nodes of a branch or leaf page, bounds and overlap checked.
  std::vector<std::uint16_t> node_offsets(std::uint64_t page,
                                          const std::vector<std::byte>& bytes) const {
    const std::size_t lower = load<std::uint16_t>(bytes.data() + 12);
    const std::size_t upper = load<std::uint16_t>(bytes.data() + 14);
    if (lower < kPageHeader || lower > upper || upper > bytes.size() || (lower & 1) != 0) {
      damaged(page, "free space does not lie inside the page");
    }
    std::vector<std::uint16_t> offsets((lower - kPageHeader) / 2);
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      offsets[i] = load<std::uint16_t>(bytes.data() + kPageHeader + 2 * i);
      if (offsets[i] < upper || (offsets[i] & 1) != 0 ||
          std::size_t{offsets[i]} + kNodeHeader > bytes.size()) {
        damaged(page, "node " + std::to_string(i) + " does not lie inside the page");
      }
    }
    return offsets;
  }

  void check_overlap(std::uint64_t page,
                     std::vector<std::pair<std::size_t, std::size_t>> extents) const {
    std::sort(extents.begin(), extents.end());
    for (std::size_t i = 1; i < extents.size(); ++i) {
      if (extents[i - 1].first + extents[i - 1].second > extents[i].first) {
        damaged(page, "two nodes overlap");
      }
    }
  }

  void check_key(std::uint64_t page, std::string_view key, const Context& context) const {
    if (key.empty() || key.size() > kKeyMax) damaged(page, "a key of impossible length");
    if (context.integers && key.size() != sizeof(std::uint64_t)) {
      damaged(page, "a key of impossible length");
    }
  }

  void check_order(std::uint64_t page, std::string_view key,
                   const std::optional<std::string>& previous, const Bounds& bounds,
                   const Context& context) const {
    if (previous && compare_keys(*previous, key, context.integers) >= 0) {
      damaged(page, "keys are not in order");
    }
    if ((bounds.lower && compare_keys(key, *bounds.lower, context.integers) < 0) ||
        (bounds.upper && compare_keys(key, *bounds.upper, context.integers) >= 0)) {
      damaged(page, "a key lies outside its parent's bounds");
    }
  }

  void walk_page(std::uint64_t page, std::uint64_t from, unsigned level, const Bounds& bounds,
                 Context& context) {
    reach(page, from);
    const std::vector<std::byte> bytes = read_page(page);
    const auto flags = load<std::uint16_t>(bytes.data() + 10);
    if (level < context.depth) {
      if (flags != kBranchPage) damaged(page, "is no branch page");
      ++context.counts.branch_pages;
      walk_branch(page, bytes, level, bounds, context);
    } else {
      if (flags != kLeafPage) damaged(page, "is no leaf page");
      ++context.counts.leaf_pages;
      walk_leaf(page, bytes, bounds, context);
    }
  }

  void walk_branch(std::uint64_t page, const std::vector<std::byte>& bytes, unsigned level,
                   const Bounds& bounds, Context& context) {
    const auto offsets = node_offsets(page, bytes);
    // LMDB asserts two children; only the free list may be caught with one.
    if (offsets.size() < (context.free_list ? 1u : 2u)) damaged(page, "has too few children");
    std::vector<std::uint64_t> children;
    std::vector<std::string> separators;  // of child 1 and up; child 0 has the parent's
    std::vector<std::pair<std::size_t, std::size_t>> extents;
    std::optional<std::string> previous;
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      const std::byte* node = bytes.data() + offsets[i];
      const std::size_t key_bytes = load<std::uint16_t>(node + 6);
      if (offsets[i] + kNodeHeader + key_bytes > bytes.size()) {
        damaged(page, "a key runs over the page's end");
      }
      extents.emplace_back(offsets[i], kNodeHeader + key_bytes);
      children.push_back(std::uint64_t{load<std::uint16_t>(node)} |
                         std::uint64_t{load<std::uint16_t>(node + 2)} << 16 |
                         std::uint64_t{load<std::uint16_t>(node + 4)} << 32);
      if (i == 0) continue;
      const std::string key(reinterpret_cast<const char*>(node + kNodeHeader), key_bytes);
      check_key(page, key, context);
      check_order(page, key, previous, bounds, context);
      previous = key;
      separators.push_back(key);
    }
    check_overlap(page, std::move(extents));
    for (std::size_t i = 0; i < children.size(); ++i) {
      const Bounds inner{i == 0 ? bounds.lower : separators[i - 1],
                         i == separators.size() ? bounds.upper : separators[i]};
      walk_page(children[i], page, level + 1, inner, context);
    }
  }

  void walk_leaf(std::uint64_t page, const std::vector<std::byte>& bytes, const Bounds& bounds,
                 Context& context) {
    const auto offsets = node_offsets(page, bytes);
    if (offsets.empty()) damaged(page, "is an empty leaf");
    std::vector<std::pair<std::size_t, std::size_t>> extents;
    std::optional<std::string> previous;
    for (const std::uint16_t offset : offsets) {
      const std::byte* at = bytes.data() + offset;
      Node node;
      node.value_bytes =
          std::uint32_t{load<std::uint16_t>(at)} | std::uint32_t{load<std::uint16_t>(at + 2)} << 16;
      node.flags = load<std::uint16_t>(at + 4);
      const std::size_t key_bytes = load<std::uint16_t>(at + 6);
      const std::size_t held =
          (node.flags & kBigData) != 0 ? sizeof(std::uint64_t) : std::size_t{node.value_bytes};
      if ((node.flags & ~(kBigData | kSubDatabase)) != 0) damaged(page, "a node of unknown kind");
      if (offset + kNodeHeader + key_bytes + held > bytes.size()) {
        damaged(page, "a node runs over the page's end");
      }
      extents.emplace_back(offset, kNodeHeader + key_bytes + held);
      node.key = {reinterpret_cast<const char*>(at + kNodeHeader), key_bytes};
      node.value = at + kNodeHeader + key_bytes;
      check_key(page, node.key, context);
      check_order(page, node.key, previous, bounds, context);
      previous = std::string(node.key);
      ++context.counts.entries;
      if ((node.flags & kBigData) != 0) context.counts.overflow_pages += reach_run(page, node);
      (this->*context.visit)(page, node);
    }
    check_overlap(page, std::move(extents));
  }

  // Pages of a large value; returns how many.
  std::uint64_t reach_run(std::uint64_t page, const Node& node) {
    const auto first = load<std::uint64_t>(node.value);
    const std::uint64_t count =
        (std::uint64_t{node.value_bytes} + kPageHeader + meta_.page_bytes - 1) / meta_.page_bytes;
    if (first < 2 || first > meta_.last_page || count > meta_.last_page - first + 1) {
      damaged(page, "names a large value behind the last page");
    }
    for (std::uint64_t i = 0; i < count; ++i) reach(first + i, page);
    if (options_.check_overflow_heads) {
      std::array<std::byte, kPageHeader> head{};
      file_.read(first * meta_.page_bytes, head);
      if (load<std::uint64_t>(head.data()) != first ||
          load<std::uint16_t>(head.data() + 10) != kOverflowPage ||
          load<std::uint32_t>(head.data() + 12) != count) {
        damaged(first, "is no head of " + std::to_string(count) + " overflow pages");
      }
    }
    return count;
  }

  void walk_tree_of(const Tree& tree, Context& context, std::uint64_t from) {
    context.integers = (tree.flags & kIntegerKeys) != 0;
    context.depth = tree.depth;
    if ((tree.flags & kDuplicates) != 0) damaged(from, context.name + " has duplicates");
    if (tree.root == kNoPage) {
      if (tree.depth != 0 || tree.entries != 0) damaged(from, context.name + " has lost its root");
    } else {
      if (tree.depth == 0 || tree.depth > kDepthMax) damaged(from, context.name + ": bad depth");
      walk_page(tree.root, from, 1, Bounds{}, context);
    }
    const Counts& counts = context.counts;
    if (counts.branch_pages != tree.branch_pages || counts.leaf_pages != tree.leaf_pages ||
        counts.overflow_pages != tree.overflow_pages || counts.entries != tree.entries) {
      damaged(from,
              context.name + " has " + std::to_string(counts.entries) + " entries on " +
                  std::to_string(counts.branch_pages + counts.leaf_pages + counts.overflow_pages) +
                  " pages, not " + std::to_string(tree.entries) + " on " +
                  std::to_string(tree.branch_pages + tree.leaf_pages + tree.overflow_pages));
    }
  }

  void walk_main() {
    Context context;
    context.name = "the list of databases";
    context.visit = &Walk::visit_database;
    walk_tree_of(meta_.main, context, meta_.transaction & 1);
    for (const std::string_view name : {"records", "catalog", "meta"}) {
      const bool found = std::find(names_.begin(), names_.end(), name) != names_.end();
      if (!found) file_.damaged("database " + std::string(name) + " is not there");
    }
  }

  void visit_database(std::uint64_t page, const Node& node) {
    if (node.flags != kSubDatabase || node.value_bytes != kDatabaseBytes) {
      damaged(page, "an entry of the list of databases is none");
    }
    names_.emplace_back(node.key);
    Context context;
    context.name = "database " + names_.back();
    context.visit = &Walk::visit_entry;
    const Tree tree = load_tree(node.value);
    if (((tree.flags & kIntegerKeys) != 0) != (names_.back() == "records")) {
      damaged(page, context.name + " has keys of another kind");
    }
    walk_tree_of(tree, context, page);
    if (names_.back() == "records") report_.records = tree.entries;
  }

  void visit_entry(std::uint64_t page, const Node& node) {
    if ((node.flags & kSubDatabase) != 0) damaged(page, "a database inside a database");
  }

  void walk_free() {
    Context context;
    context.name = "the free list";
    context.free_list = true;
    context.visit = &Walk::visit_free;
    walk_tree_of(meta_.free, context, meta_.transaction & 1);
    // Only now are all pages in use known.
    for (const auto& [page, bytes] : free_lists_) check_free_pages(page, bytes);
  }

  void visit_free(std::uint64_t page, const Node& node) {
    if ((node.flags & kSubDatabase) != 0 || node.value_bytes < sizeof(std::uint64_t)) {
      damaged(page, "an entry of the free list is none");
    }
    std::vector<std::byte> bytes(node.value_bytes);
    if ((node.flags & kBigData) != 0) {
      file_.read(load<std::uint64_t>(node.value) * meta_.page_bytes + kPageHeader, bytes);
    } else {
      std::memcpy(bytes.data(), node.value, bytes.size());
    }
    free_lists_.emplace_back(page, std::move(bytes));
  }

  void check_free_pages(std::uint64_t page, const std::vector<std::byte>& bytes) {
    const auto count = load<std::uint64_t>(bytes.data());
    if (count > bytes.size() / sizeof(std::uint64_t) - 1) damaged(page, "a free list too long");
    std::uint64_t previous = kNoPage;
    for (std::uint64_t i = 1; i <= count; ++i) {
      const auto free = load<std::uint64_t>(bytes.data() + i * sizeof(std::uint64_t));
      if (free < 2 || free > meta_.last_page || free >= previous) {
        damaged(page, "a free list names impossible pages");
      }
      previous = free;
      if (free < pages_) {
        if (seen_[static_cast<std::size_t>(free)]) damaged(free, "is free and in use");
        seen_[static_cast<std::size_t>(free)] = true;
      }
      ++report_.pages_free;
    }
  }

  const File& file_;
  const Meta& meta_;
  const TreeWalkOptions& options_;
  const std::uint64_t pages_;  // of the file that may be reached
  std::vector<bool> seen_;
  std::vector<std::string> names_;
  std::vector<std::pair<std::uint64_t, std::vector<std::byte>>> free_lists_;
  TreeWalkReport report_;
};

}  // namespace

std::optional<TreeWalkReport> walk_tree(const std::filesystem::path& file,
                                        const TreeWalkOptions& options) {
  const File opened(file);
  const MetaPair pair = read_metas(opened);
  const Meta* meta = &pair.newest();
  if (options.transaction != 0) {
    meta = &pair.metas[options.transaction & 1];
    if (meta->transaction != options.transaction) return std::nullopt;
  }
  return Walk(opened, *meta, options).run();
}

bool check_meta_pages(const std::filesystem::path& file) {
  const File opened(file);
  const Meta meta = read_metas(opened).newest();
  return (meta.last_page + 1) <= opened.bytes() / meta.page_bytes;
}

}  // namespace slicebank
