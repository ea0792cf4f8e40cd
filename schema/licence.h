// Normalised names for the licences of data, so that subsets can be chosen by them.
#pragma once

#include <string>
#include <string_view>

namespace slicebank {

// The tag of a licence as a source words it: "CC BY-NC-SA 4.0" and
// "https://creativecommons.org/licenses/by-nc-sa/4.0/" are both CC-BY-NC-SA-4.0.
//
// Tags: CC0-1.0, CC-BY-x.y and its NC, SA, ND kinds (without a number where the text has
// none), DbCL-1.0, ODbL-1.0, GPL-2.0, GPL-3.0, Apache-2.0, MIT, BSD-3-Clause and
// BSD-2-Clause; research-only for words such as "academic use"; unknown where nothing is
// said; other for all else. A tag is its own tag. Where a text names several terms the
// strictest counts; two different Creative Commons versions give `other`.
std::string licence_tag(std::string_view text);

// Whether data under this tag may be passed on, at least without payment and changed. False
// for research-only, other, unknown, no-derivatives licences and everything that
// licence_tag does not give. It does not replace reading the licence.
bool redistributable(std::string_view tag);

}  // namespace slicebank
