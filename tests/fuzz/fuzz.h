// What a fuzz target is: one function that must survive any bytes.
//
// Error is the only exception it may let fall silent; anything else ends the program.
#pragma once

#include <cstddef>
#include <cstdint>

void fuzz_one(const std::uint8_t* data, std::size_t size);
