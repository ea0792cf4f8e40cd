#include "importers/internal/fingerprint.h"

#include <xxhash.h>

#include <bit>
#include <memory>
#include <new>
#include <string_view>

#include "importers/internal/data_files.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

struct StateFree {
  void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
};

// Lengths go before texts, so that no two lists of texts give the same bytes.
class Hasher {
 public:
  Hasher() : state_(XXH3_createState()) {
    if (state_ == nullptr) throw std::bad_alloc();
    XXH3_128bits_reset(state_.get());
  }

  void add(std::uint64_t number) {
    unsigned char little[8];
    for (unsigned char& byte : little) {
      byte = static_cast<unsigned char>(number & 0xff);
      number >>= 8;
    }
    XXH3_128bits_update(state_.get(), little, sizeof little);
  }

  void add(std::string_view text) {
    add(std::uint64_t{text.size()});
    XXH3_128bits_update(state_.get(), text.data(), text.size());
  }

  Fingerprint finish() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
    return {hash.high64, hash.low64};
  }

 private:
  std::unique_ptr<XXH3_state_t, StateFree> state_;
};

enum class FileState : std::uint64_t { absent, there, refused };

void add_stamp(Hasher& hasher, const SourceTree& source, const std::string& path) {
  FileState state = FileState::absent;
  FileStamp stamp;
  try {
    if (const auto found = source.stamp(path)) {
      state = FileState::there;
      stamp = *found;
    }
  } catch (const Error&) {
    state = FileState::refused;  // decode() will say why
  }
  hasher.add(path);
  hasher.add(static_cast<std::uint64_t>(state));
  hasher.add(stamp.size);
  hasher.add(static_cast<std::uint64_t>(stamp.mtime_ns));
}

void add_file(Hasher& hasher, const SourceTree& source, const std::string& path) {
  add_stamp(hasher, source, path);
  for (const std::string& beside : data_files_of(source, path)) add_stamp(hasher, source, beside);
}

}  // namespace

Fingerprint fingerprint_of(const SourceTree& source, const SourceItem& item,
                           const DecodeOptions& options, const SliceOptions& slices) {
  Hasher hasher;
  for (const Axis axis : options.axes) hasher.add(static_cast<std::uint64_t>(axis));
  hasher.add(std::uint64_t{slices.skip_empty});
  for (const auto& limit : {slices.window_level, slices.window_width}) {
    hasher.add(std::bit_cast<std::uint64_t>(limit.value_or(0)));
  }
  for (const std::string* text : {&item.key, &item.dataset, &item.patient_id, &item.volume_key}) {
    hasher.add(*text);
  }
  hasher.add(std::uint64_t{item.image_paths.size()});
  for (const std::string& path : item.image_paths) add_file(hasher, source, path);
  hasher.add(std::uint64_t{item.masks.size()});
  for (const MaskSource& mask : item.masks) {
    add_file(hasher, source, mask.path);
    hasher.add(mask.class_name);
    hasher.add(mask.class_code);
    hasher.add(std::uint64_t{mask.instance});
    hasher.add(std::uint64_t{mask.component});
    hasher.add(std::uint64_t{mask.values.size()});
    for (const std::uint32_t value : mask.values) hasher.add(std::uint64_t{value});
  }
  for (const LabelSource& label : item.labels) {
    hasher.add(label.class_name);
    hasher.add(label.class_code);
    hasher.add(std::bit_cast<std::uint64_t>(label.value));
  }
  for (const ClassName& covered : item.covered_classes) hasher.add(covered.name);
  if (!item.person.empty()) hasher.add(item.person);
  hasher.add(item.place);
  hasher.add(item.official_split);
  for (const Problem& problem : item.problems) {
    hasher.add(problem.kind);
    hasher.add(problem.path);
  }
  return hasher.finish();
}

Fingerprint failed_fingerprint(const Fingerprint& files, const std::vector<Problem>& problems) {
  Hasher hasher;
  for (const Problem& problem : problems) {
    for (const std::string* text : {&problem.kind, &problem.path, &problem.message}) {
      hasher.add(*text);
    }
  }
  return {files.high, hasher.finish().low};
}

bool failed_with(const Fingerprint& kept, const Fingerprint& files) {
  return kept.high == files.high && kept.low != files.low;
}

}  // namespace slicebank::internal
