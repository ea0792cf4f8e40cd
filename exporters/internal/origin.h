// A sample with what names it: its volume, dataset, patient, and the words of its classes.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "schema/sample.h"
#include "schema/taxonomy.h"

namespace slicebank::exporting {

// Where a sample belongs. Shared; never changes.
struct Origin {
  VolumeInfo volume;
  std::shared_ptr<const DatasetInfo> dataset;
  std::string patient_id;
};

struct Loaded {
  SampleInfo info;
  Sample sample;
  std::shared_ptr<const Origin> origin;
};

// The dataset's own name and code of an annotation, or the canonical class name where
// the bank keeps none. Never empty.
struct ClassWords {
  std::string name;
  std::string code;
};
ClassWords class_words(const DatasetInfo& dataset, const Taxonomy& taxonomy,
                       std::uint32_t raw_class, ClassId class_id);

// The volume's key without the source's modality that SA-Med2D's importer puts in front
// ("mr_t1--p001" is case "p001").
std::string_view case_name(const VolumeInfo& volume);

}  // namespace slicebank::exporting
