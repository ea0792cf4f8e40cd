#include "store/id_set.h"

#include <roaring/roaring.h>

#include <new>
#include <string>

#include "schema/error.h"

namespace slicebank {
namespace {

std::uint32_t low(SampleId id) {
  if (raw(id) >= IdSet::kIdEnd) {
    throw Error(ErrorCode::limit, "sample " + std::to_string(raw(id)) +
                                      " is beyond the ids that a set can hold (2^32)");
  }
  return static_cast<std::uint32_t>(raw(id));
}

using Raw = roaring_bitmap_t;

Raw* checked(Raw* bitmap) {
  if (bitmap == nullptr) throw std::bad_alloc();
  return bitmap;
}

}  // namespace

struct IdSet::Bitmap {
  explicit Bitmap(Raw* made) : raw(checked(made)) {}
  ~Bitmap() { roaring_bitmap_free(raw); }
  Bitmap(const Bitmap&) = delete;
  Bitmap& operator=(const Bitmap&) = delete;

  Raw* raw;
};

IdSet::IdSet() : IdSet(std::make_unique<Bitmap>(roaring_bitmap_create())) {}
IdSet::IdSet(std::unique_ptr<Bitmap> bitmap) : bitmap_(std::move(bitmap)) {}
IdSet::IdSet(const IdSet& other)
    : IdSet(std::make_unique<Bitmap>(roaring_bitmap_copy(other.bitmap_->raw))) {}
IdSet::IdSet(IdSet&&) noexcept = default;
IdSet& IdSet::operator=(IdSet&&) noexcept = default;
IdSet::~IdSet() = default;

IdSet& IdSet::operator=(const IdSet& other) {
  if (this != &other) *this = IdSet(other);
  return *this;
}

IdSet::IdSet(std::span<const SampleId> ids) : IdSet() {
  std::vector<std::uint32_t> numbers;
  numbers.reserve(ids.size());
  for (const SampleId id : ids) numbers.push_back(low(id));
  roaring_bitmap_add_many(bitmap_->raw, numbers.size(), numbers.data());
}

IdSet IdSet::from_raw(std::span<const std::uint32_t> ids) {
  return IdSet(std::make_unique<Bitmap>(roaring_bitmap_of_ptr(ids.size(), ids.data())));
}

std::uint64_t IdSet::size() const { return roaring_bitmap_get_cardinality(bitmap_->raw); }
bool IdSet::empty() const { return roaring_bitmap_is_empty(bitmap_->raw); }

bool IdSet::contains(SampleId id) const {
  return raw(id) < kIdEnd && roaring_bitmap_contains(bitmap_->raw, low(id));
}

void IdSet::add(SampleId id) { roaring_bitmap_add(bitmap_->raw, low(id)); }

IdSet& IdSet::operator|=(const IdSet& other) {
  roaring_bitmap_or_inplace(bitmap_->raw, other.bitmap_->raw);
  return *this;
}

IdSet& IdSet::operator&=(const IdSet& other) {
  roaring_bitmap_and_inplace(bitmap_->raw, other.bitmap_->raw);
  return *this;
}

IdSet& IdSet::operator-=(const IdSet& other) {
  roaring_bitmap_andnot_inplace(bitmap_->raw, other.bitmap_->raw);
  return *this;
}

IdSet& IdSet::operator^=(const IdSet& other) {
  roaring_bitmap_xor_inplace(bitmap_->raw, other.bitmap_->raw);
  return *this;
}

bool operator==(const IdSet& left, const IdSet& right) {
  return roaring_bitmap_equals(left.bitmap_->raw, right.bitmap_->raw);
}

IdSet IdSet::united(std::span<const IdSet* const> sets) {
  std::vector<const roaring_bitmap_t*> bitmaps;
  bitmaps.reserve(sets.size());
  for (const IdSet* set : sets) bitmaps.push_back(set->bitmap_->raw);
  return IdSet(std::make_unique<Bitmap>(roaring_bitmap_or_many(bitmaps.size(), bitmaps.data())));
}

IdSet IdSet::common(const IdSet& left, const IdSet& right) {
  return IdSet(std::make_unique<Bitmap>(roaring_bitmap_and(left.bitmap_->raw, right.bitmap_->raw)));
}

std::uint64_t IdSet::count_common(const IdSet& other) const {
  return roaring_bitmap_and_cardinality(bitmap_->raw, other.bitmap_->raw);
}

std::vector<std::uint32_t> IdSet::raw_ids() const {
  std::vector<std::uint32_t> numbers(size());
  roaring_bitmap_to_uint32_array(bitmap_->raw, numbers.data());
  return numbers;
}

std::vector<SampleId> IdSet::ids() const {
  const std::vector<std::uint32_t> numbers = raw_ids();
  std::vector<SampleId> ids;
  ids.reserve(numbers.size());
  for (const std::uint32_t number : numbers) ids.push_back(SampleId{number});
  return ids;
}

std::vector<std::byte> IdSet::to_bytes() const {
  // What operations leave behind depends on their order; a set made from its sorted ids
  // and then shrunk does not.
  const IdSet canonical = from_raw(raw_ids());
  roaring_bitmap_run_optimize(canonical.bitmap_->raw);
  std::vector<std::byte> bytes(roaring_bitmap_portable_size_in_bytes(canonical.bitmap_->raw));
  roaring_bitmap_portable_serialize(canonical.bitmap_->raw, reinterpret_cast<char*>(bytes.data()));
  return bytes;
}

IdSet IdSet::from_bytes(std::span<const std::byte> bytes) {
  // Asked first, because the library prints where it does not find what it expects.
  const std::size_t needed = roaring_bitmap_portable_deserialize_size(
      reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (needed == 0 || needed > bytes.size()) {
    throw Error(ErrorCode::corrupt, "a bitmap of sample ids is damaged");
  }
  Raw* made = roaring_bitmap_portable_deserialize_safe(reinterpret_cast<const char*>(bytes.data()),
                                                       bytes.size());
  if (made == nullptr) throw Error(ErrorCode::corrupt, "a bitmap of sample ids is damaged");
  return IdSet(std::make_unique<Bitmap>(made));
}

}  // namespace slicebank
