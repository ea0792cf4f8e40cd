// Prefix codes for differences between pixels, made once for all pictures: choosing one takes a
// look at the content, where building one takes longer than coding a small picture.
#pragma once

#include "schema/sample.h"
#include "store/internal/huffman.h"

namespace slicebank::huffman {

// The code made for content with as many zeros and as large other values, each byte taken as a
// number from -128 to 127. It has every byte, lives for ever, and is the same on every machine;
// some 4 % more than the content's own. Null where that would be far more: next to no differences.
const Code* ready_code(Bytes differences);

}  // namespace slicebank::huffman
