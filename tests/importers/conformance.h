// The conformance suite of the importers: what every one of them has to keep.
#pragma once

#include <string>

namespace slicebank::testing {

// Runs fixtures/<importer>.py (with _ for -) and checks, for each of its cases: it is
// recognised as this layout and no other as well; two scans give the same list with
// unique keys; a dry run counts what the import then reads; volumes, slices, masks,
// labels, geometry, coverage, problems and licences are as the script says; each class is in
// the taxonomy or reported as one that is not; the queries find what it says; a second
// import adds nothing; each file cut in half is told by name. Ends with a loud SKIPPED where there
// is no Python with the libraries.
void conforms(const std::string& importer);

}  // namespace slicebank::testing
