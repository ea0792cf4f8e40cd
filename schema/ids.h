// Distinct types for the numbers that name things in a bank.
//
// 0 is never a valid id, in any bank. Ids are handed out upward and never reused.
#pragma once

#include <cstdint>
#include <type_traits>

namespace slicebank {

enum class SampleId : std::uint64_t {};
enum class VolumeId : std::uint64_t {};
enum class SubjectId : std::uint64_t {};
enum class DatasetId : std::uint32_t {};
enum class ClassId : std::uint32_t {};  // taxonomy below kFirstBankClass, a bank's own from there
enum class ModalityId : std::uint16_t {};
enum class SequenceId : std::uint16_t {};  // sub-modality: T1ce, FLAIR, ADC; 0 is "none named"
enum class RegionId : std::uint16_t {};
enum class SplitId : std::uint32_t {};
enum class ImportId : std::uint32_t {};

// Grows by one with every committed batch. 0 is a bank that holds nothing yet.
enum class Generation : std::uint64_t {};

inline constexpr std::uint32_t kFirstBankClass = 1u << 20;

// The plain number behind an id: raw(SampleId{7}) == 7.
template <typename Id>
requires std::is_enum_v<Id>
constexpr auto raw(Id id) noexcept { return static_cast<std::underlying_type_t<Id>>(id); }

}  // namespace slicebank
