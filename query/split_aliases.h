// Which names are one and the same person: a list that the user keeps, beside the bank or
// recorded in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/bank.h"

namespace slicebank {

// Groups of names. Names in one group are one person; a name may be in several groups, and
// then all of them are.
//
// As CSV with the header dataset,patient,group (columns in any order, more are ignored):
//
//     dataset,patient,group
//     AMOS22,amos_0007,p7
//     BTCV,img0012,p7
//     TotalSegmentator*,*,totalsegmentator
//
// `*` in a dataset stands for any characters. A patient `*` is every patient of such a
// dataset, each in a group of its own: group name and patient id together; so the last line
// says that equal ids in the parts of TotalSegmentator are one person.
class SubjectAliases {
 public:
  // Throws Error(bad_format) naming `source` and the line.
  static SubjectAliases parse(std::string_view csv, const std::string& source = "the aliases");
  // Throws Error(io) too. At most 1 GB.
  static SubjectAliases read(const std::filesystem::path& file);

  void add(const std::string& dataset, const std::string& patient, const std::string& group);
  // Equal patient ids in these datasets (patterns with `*`) are one person.
  void same_patients(const std::vector<std::string>& datasets);

  bool empty() const noexcept { return rules_.empty(); }

  // The groups of a name, as texts that are equal for equal groups.
  std::vector<std::string> groups_of(const std::string& dataset, const std::string& patient) const;

  // 16 hex digits over all rules in order.
  std::string fingerprint() const;

 private:
  struct Rule {
    std::string dataset;
    std::string patient;
    std::string group;
  };
  std::vector<Rule> rules_;
  std::unordered_map<std::string, std::vector<std::size_t>> exact_;  // by dataset and patient
  std::vector<std::size_t> patterns_;                                // rules that hold a star
};

struct RecordedAliases {
  std::uint64_t groups = 0;    // with two subjects of the bank or more
  std::uint64_t subjects = 0;  // in them
  std::uint64_t changed = 0;   // whose group is another one now
};

// Keeps the groups in the bank (its subjects' alias groups), where every later split and
// audit heeds them; groups that are there stay and are joined. Takes the writer lock for a
// moment. Names that the bank does not have are left out.
RecordedAliases record_aliases(const Bank& bank, const SubjectAliases& aliases);

}  // namespace slicebank
