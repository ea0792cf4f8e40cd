// Names of label values in the XML that Caret, wb_command and TotalSegmentator write.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace slicebank::internal {

// <Label Key="1" ...><![CDATA[spleen]]></Label> of the first <LabelTable>. Reads what it
// understands and passes over the rest: this is no XML reader, and expands no entities
// but the five that XML names and characters by number.
std::map<std::uint32_t, std::string> parse_label_table(std::string_view xml);

}  // namespace slicebank::internal
