// Every maximum that is accepted from outside, in one place.
//
// A reader of foreign bytes compares with these before it asks for memory, and checks
// what it decoded against them again before it hands it on.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slicebank::limits {

inline constexpr std::uint32_t kImageSideMax = 65'535;       // pixels, height and width
inline constexpr std::uint32_t kImageChannelsMax = 32;       // design: 1 to 32
inline constexpr std::uint64_t kImageBytesMax = 1ull << 30;  // one decoded slice
inline constexpr std::uint32_t kAnnotationsMax = 65'535;     // masks and labels of one sample
inline constexpr std::uint64_t kMasksBytesMax = 1ull << 34;  // decoded masks of one sample
inline constexpr std::uint64_t kRecordBytesMax = 1ull << 31;
inline constexpr std::uint64_t kSourceFileBytesMax = 8ull << 30;  // one file an importer reads
inline constexpr std::uint64_t kVolumeElementsMax = 1ull << 31;
inline constexpr std::size_t kNameBytesMax = 1024;    // a case, class, dataset or file name
inline constexpr std::size_t kPathBytesMax = 4096;    // a path relative to the import root
inline constexpr std::size_t kTextBytesMax = 65'536;  // licence, citation, description
inline constexpr std::size_t kCoverageMax = 4096;     // classes the annotators looked for
inline constexpr std::uint32_t kJsonDepthMax = 32;
inline constexpr std::size_t kJsonStringBytesMax = 1u << 20;
inline constexpr std::size_t kJsonLineBytesMax = 16u << 20;
inline constexpr std::size_t kFilterBytesMax = 100'000;  // text of one filter or SQL statement
inline constexpr std::uint32_t kFilterDepthMax = 200;
inline constexpr std::uint32_t kFilterTermsMax = 10'000;
inline constexpr std::uint32_t kFormulaTermsMax = 100;  // of one calculation in a filter
inline constexpr std::uint32_t kFormulaLevelsMax = 10;  // parentheses that it cannot do without
inline constexpr std::size_t kDictionaryBytesMax = 1u << 20;

}  // namespace slicebank::limits
