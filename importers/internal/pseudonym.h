// Names for people that do not say who they are. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace slicebank::internal {

using PseudonymKey = std::array<std::uint8_t, 16>;

// SipHash-2-4 of `text`: whoever does not have the key can neither undo it nor try out
// patient numbers, though these are few.
std::uint64_t keyed_hash(const PseudonymKey& key, std::string_view text) noexcept;

// $XDG_CONFIG_HOME/slicebank/patient-key, or ~/.config/...; empty where neither is known.
std::filesystem::path default_patient_key_file();

class Pseudonyms {
 public:
  // An empty path means the default. The file is read, or made with a random key and for
  // its owner alone, when the first pseudonym is asked for.
  explicit Pseudonyms(std::filesystem::path key_file) : key_file_(std::move(key_file)) {}

  // "anon-" and 16 hexadecimal digits: the same for the same text and key. Throws Error(io)
  // or Error(bad_format) where the key cannot be had.
  std::string of(std::string_view text);

 private:
  const PseudonymKey& key();

  std::filesystem::path key_file_;
  std::optional<PseudonymKey> key_;
};

}  // namespace slicebank::internal
