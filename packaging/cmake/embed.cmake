# Writes INPUT as C++ raw string literals to OUTPUT: `inline constexpr`-ready text that a
# source includes as `static const char kText[] =` followed by this file and `;`.
file(READ ${INPUT} text)
string(LENGTH "${text}" length)
set(result "")
set(at 0)
# A compiler may limit one literal to 64 KiB; neighbours are joined.
while(at LESS length)
  string(SUBSTRING "${text}" ${at} 8000 piece)
  string(APPEND result "R\"slicebank(${piece})slicebank\"\n")
  math(EXPR at "${at} + 8000")
endwhile()
if(result STREQUAL "")
  set(result "\"\"\n")
endif()
file(WRITE ${OUTPUT} "${result}")
