// What the conformance suite asks of a bank's queries.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "store/bank.h"

namespace slicebank::testing {

// The queries that the script of a case names, and beside them each patient, modality,
// official split and class of its volumes: the very slices that hold it are found, and no
// other.
void check_queries(const Bank& bank, const nlohmann::json& wanted);

// Whether the cases of one script, taken together, find slices by class, subject,
// modality and region, and by official split where one of their volumes has a split.
void check_facets_asked(const nlohmann::json& cases);

}  // namespace slicebank::testing
