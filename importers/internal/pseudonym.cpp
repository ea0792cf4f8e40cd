#include "importers/internal/pseudonym.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "formats/source_tree.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHint =
    "Name a file for the key with --patient-key, or keep the ids as they are with --keep-ids.";

[[noreturn]] void refuse(const fs::path& file, const std::string& why) {
  throw Error(ErrorCode::io,
              fmt::format("the key for patient ids, {}: {}", printable(file.string()), why), kHint);
}

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() noexcept {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }

  void absorb(std::uint64_t word) noexcept {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

template <typename Byte>
std::uint64_t little_endian(const Byte* bytes, std::size_t count) noexcept {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < count; ++i) {
    word |= std::uint64_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  }
  return word;
}

std::optional<PseudonymKey> read_key(const fs::path& file) {
  std::ifstream in(file);
  if (!in) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    refuse(file, std::strerror(errno));
  }
  std::string digits;
  in >> digits;
  PseudonymKey key{};
  bool fine = digits.size() == 2 * key.size();
  for (std::size_t i = 0; fine && i < digits.size(); ++i) {
    const char c = digits[i];
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    fine = digit >= 0;
    key[i / 2] = static_cast<std::uint8_t>(key[i / 2] << 4 | (fine ? digit : 0));
  }
  if (!fine) refuse(file, "does not hold 32 hexadecimal digits");
  return key;
}

// Whoever comes second takes the key of the first.
PseudonymKey make_key(const fs::path& file) {
  PseudonymKey key;
  if (getentropy(key.data(), key.size()) != 0) refuse(file, std::strerror(errno));
  std::string text;
  for (const std::uint8_t byte : key) text += fmt::format("{:02x}", byte);
  text += "\n";
  std::error_code failed;
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), failed);
  std::string draft = file.string() + ".XXXXXX";
  const int descriptor = mkstemp(draft.data());  // readable by its owner alone
  if (descriptor < 0) refuse(file, std::strerror(errno));
  const bool written =
      write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      fsync(descriptor) == 0;
  const bool linked = written && link(draft.c_str(), file.c_str()) == 0;
  const int error = errno;
  close(descriptor);
  unlink(draft.c_str());
  if (linked) return key;
  if (written && error == EEXIST) {
    if (const auto first = read_key(file)) return *first;
  }
  refuse(file, std::strerror(error));
}

}  // namespace

std::uint64_t keyed_hash(const PseudonymKey& key, std::string_view text) noexcept {
  const std::uint64_t k0 = little_endian(key.data(), 8);
  const std::uint64_t k1 = little_endian(key.data() + 8, 8);
  SipState state{k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                 k1 ^ 0x7465646279746573u};
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) state.absorb(little_endian(text.data() + at, 8));
  state.absorb(little_endian(text.data() + at, text.size() - at) | std::uint64_t{text.size() & 0xff}
                                                                       << 56);
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

fs::path default_patient_key_file() {
  const auto from = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  const std::string config = from("XDG_CONFIG_HOME");
  if (config.starts_with('/')) return fs::path(config) / "slicebank" / "patient-key";
  const std::string home = from("HOME");
  if (home.starts_with('/')) return fs::path(home) / ".config" / "slicebank" / "patient-key";
  return {};
}

const PseudonymKey& Pseudonyms::key() {
  if (key_) return *key_;
  const fs::path file = key_file_.empty() ? default_patient_key_file() : key_file_;
  if (file.empty()) {
    throw Error(ErrorCode::io, "there is no home directory to keep the key for patient ids in",
                kHint);
  }
  key_ = read_key(file);
  if (!key_) key_ = make_key(file);
  return *key_;
}

std::string Pseudonyms::of(std::string_view text) {
  return fmt::format("anon-{:016x}", keyed_hash(key(), text));
}

}  // namespace slicebank::internal
