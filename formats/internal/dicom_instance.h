// An Instance from a parsed data set. Any thread.
#pragma once

#include <string>
#include <vector>

#include "formats/dicom.h"
#include "formats/internal/dicom_dataset.h"

namespace slicebank::dicom::internal {

Instance instance_of(const DataSet& data, const std::string& name);

// Text in the file's character sets, as UTF-8.
std::string name_of(const DataSet& data, const Item& item, Tag tag);

// DerivationImageSequence and SourceImageSequence of an item, or of a frame's groups.
std::vector<Source> sources_of(const Item& item);

}  // namespace slicebank::dicom::internal
