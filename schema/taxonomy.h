// Names of the field: modalities, sequences, body regions and classes, with their
// aliases, sides, parents and unions.
//
// The built-in taxonomy is data (schema/taxonomy/*.json), compiled in; its ids are only
// ever appended. A bank adds classes of its own from kFirstBankClass up. A Taxonomy is
// a value: copy it, extend the copy. Const methods are safe from many threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/ids.h"

namespace slicebank {

enum class Side : std::uint8_t { none = 0, left, right };

struct ModalityInfo {
  ModalityId id{};
  std::string name;  // "CT", "MR", "PET", "X-ray", "Ultrasound", ...
  std::vector<std::string> aliases;
};

struct SequenceInfo {
  SequenceId id{};
  ModalityId modality{};
  std::string name;  // "T1ce", "FLAIR", "ADC"
  std::vector<std::string> aliases;
};

struct RegionInfo {
  RegionId id{};
  std::string name;  // "abdomen", "head and neck", ..., "whole body"
  std::vector<std::string> aliases;
};

struct ClassInfo {
  ClassId id{};
  std::string name;  // canonical: "left kidney"
  std::string base;  // without the side: "kidney"
  Side side = Side::none;
  RegionId region{};    // 0 when unknown
  bool lesion = false;  // a finding rather than anatomy
  std::vector<std::string> aliases;
  std::vector<ClassId> parents;  // kidney is a parent of left kidney; whole tumour of its parts

  // Sets of classes below it, each of which is the whole of it: who looked for all parts of
  // one looked for the class. Of the built-in taxonomy alone.
  std::vector<std::vector<ClassId>> made_of{};

  friend bool operator==(const ClassInfo&, const ClassInfo&) = default;
};

// What a dataset's word for a modality means. "mr_t1ce" -> MR, T1ce.
struct ModalityMatch {
  ModalityId modality{};
  SequenceId sequence{};  // 0 when the word names none
};

// NFC where the text is ASCII or Latin-1, trimmed, lower case, `_` and blanks as one
// blank, trailing ".nii.gz" dropped; a side written anywhere ("kidney_left", "Kidney L",
// "kidney-left") moved to the front: "left kidney". A text that names no side, or more
// than one, keeps its order. Applying it twice changes nothing more. docs/taxonomy.md
// has the rules. Defined in class_name.cpp.
std::string normalise_class_name(std::string_view raw_name);

class Taxonomy {
 public:
  // The taxonomy this build carries. Parsed once; the reference lives for ever.
  static const Taxonomy& builtin();

  // Largest version number of the built-in data; stored in every bank.
  static std::uint32_t builtin_version();

  // Reads a taxonomy from the texts of modalities.json, regions.json and classes.json.
  // Throws Error(bad_format) when a text is not such JSON, an id or name is used twice, a
  // name leads to two entries, a parent or region is not there, or parents form a cycle.
  static Taxonomy parse(std::string_view modalities_json, std::string_view regions_json,
                        std::string_view classes_json);

  std::optional<ModalityMatch> find_modality(std::string_view word) const;
  std::optional<RegionId> find_region(std::string_view word) const;

  // By canonical name or alias, after normalise_class_name and the spellings of
  // classes.json ("tumour" is "tumor", "-" a blank). A side goes with any alias of its
  // base: "left clavicula" is "left clavicle". Never guesses.
  std::optional<ClassId> find_class(std::string_view name) const;

  // Null when the id is unknown. Valid until the taxonomy is changed or destroyed.
  const ModalityInfo* modality(ModalityId id) const;
  const SequenceInfo* sequence(SequenceId id) const;
  const RegionInfo* region(RegionId id) const;
  const ClassInfo* class_info(ClassId id) const;

  // The class and everything below it, ascending: kidney -> kidney, left kidney, right
  // kidney. What a query for the class finds, and what its union mask is made of.
  std::vector<ClassId> members(ClassId id) const;

  // The class and everything above it, ascending.
  std::vector<ClassId> ancestors(ClassId id) const;

  // All entries, ascending by id.
  std::vector<ModalityInfo> modalities() const;
  std::vector<SequenceInfo> sequences() const;
  std::vector<RegionInfo> regions() const;
  std::vector<ClassInfo> classes() const;

  // Adds a class of a bank's own. `info.id` must be unused and >= kFirstBankClass, and
  // its name and aliases must not be taken: Error(already_exists) or Error(bad_argument)
  // otherwise, and the taxonomy is as before. The name is kept in its normalised form.
  // Parents and region must be there already. With an empty `base`, base and side are
  // read from the name. A class of the base's name is above the class whether it came
  // before (then it is one of the parents) or comes later.
  void add_class(ClassInfo info);

  Taxonomy();  // holds nothing; start from builtin() instead
  ~Taxonomy();
  Taxonomy(const Taxonomy&);
  Taxonomy& operator=(const Taxonomy&);
  Taxonomy(Taxonomy&&) noexcept;
  Taxonomy& operator=(Taxonomy&&) noexcept;

 private:
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

// The entry of `candidates` nearest to `word` by edit distance, for "did you mean";
// nothing when none is near. Case and `_` do not count.
std::optional<std::string> nearest_name(std::string_view word,
                                        const std::vector<std::string>& candidates);

}  // namespace slicebank
