// Transfer syntaxes: their names, and how their pixels are packed. Any thread.
#pragma once

#include <string>

namespace slicebank::dicom::internal {

enum class Packing { native, rle, jpeg, jpeg_ls, jpeg_2000, deflated_frames, unsupported };

Packing packing_of(const std::string& transfer_syntax_uid) noexcept;

}  // namespace slicebank::dicom::internal
