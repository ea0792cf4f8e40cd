// Entities of a bank as bytes: datasets, subjects, volumes, classes, splits and the
// rest. docs/format-bank.md, "Catalog", specifies keys and values.
//
// Pure functions. Every value ends in a hash over bank uuid, key and payload, so that a
// value that is damaged, or lies under another key, is Error(corrupt).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/ids.h"
#include "schema/sample.h"
#include "schema/taxonomy.h"
#include "store/generations.h"
#include "store/record.h"
#include "store/split_data.h"
#include "store/writer.h"

namespace slicebank::catalog {

// First byte of a key. Values are stored on disk; only ever append.
enum class Kind : std::uint8_t {
  dataset = 1,         // u32 id -> DatasetInfo
  dataset_name,        // hash of name -> id
  subject,             // u64 id -> SubjectInfo
  subject_name,        // u32 dataset, hash of patient id -> id
  volume,              // u64 id -> StoredVolume
  volume_name,         // u32 dataset, hash of key -> id
  bank_class,          // u32 id -> ClassInfo
  import,              // u32 id -> ImportInfo
  problem,             // u64 id -> StoredProblem
  problem_item,        // hash of scope and item key, u64 problem -> nothing
  ledger,              // hash of scope and item key -> LedgerEntry
  ledger_superseding,  // the same key -> nothing; only while `superseded` is not empty
  dictionary,          // u32 id -> StoredDictionary
  dictionary_shape,    // u32 dataset, shape -> id
  split,               // u32 id -> SplitData
  split_name,          // hash of name -> id
  saved_selection,     // hash of name -> SavedSelection
  coverage_set,        // u32 id -> classes, ascending
  coverage_set_value,  // hash of the classes -> id
  removal,             // u64 generation -> Removal
  generation,          // u64 generation -> GenerationEntry
};

// Whether entries of this kind have rows in the index.
bool is_projected(Kind kind) noexcept;

Kind kind_of(std::string_view key);
std::string kind_prefix(Kind kind);

// Keys: kind, then numbers big-endian, so that they sort by id.
std::string id_key(Kind kind, std::uint32_t id);
std::string id_key(Kind kind, std::uint64_t id);
std::string name_key(Kind kind, std::string_view name);
std::string name_key(Kind kind, std::uint32_t scope_id, std::string_view name);
std::string item_key(Kind kind, std::string_view scope, std::string_view item);
std::string problem_item_key(std::string_view scope, std::string_view item, std::uint64_t problem);
std::string problem_item_prefix(std::string_view scope, std::string_view item);
std::string dictionary_shape_key(DatasetId dataset, const ImageShape& shape);
std::string coverage_set_value_key(const std::vector<ClassId>& classes);

// The number behind kind and before the end of an id key.
std::uint32_t id32_of(std::string_view key);
std::uint64_t id64_of(std::string_view key);

// A volume with the id of its coverage set in place of the classes.
struct StoredVolume {
  VolumeInfo info;  // `coverage` is empty
  std::uint32_t coverage_set = 0;
};

struct StoredProblem {
  std::uint64_t id = 0;
  Problem problem;
  std::string scope;  // the item it belongs to
  std::string item_key;
};

struct StoredDictionary {
  std::uint32_t id = 0;
  DatasetId dataset{};
  ImageShape shape;
  std::vector<std::byte> bytes;
};

// Ids that are gone for good, and why. Ascending.
enum class RemovalReason : std::uint8_t { deleted = 1, lost, skipped };
struct Removal {
  Generation generation{};
  RemovalReason reason = RemovalReason::deleted;
  std::vector<SampleId> ids;  // deleted, lost: each one
  SampleId first{};           // skipped: [first, end) was never given out again
  SampleId end{};
};

using Payload = std::vector<std::byte>;

Payload encode(const DatasetInfo& info);
Payload encode(const SubjectInfo& info);
Payload encode(const StoredVolume& volume);
Payload encode(const ClassInfo& info);
Payload encode(const ImportInfo& info);
Payload encode(const StoredProblem& problem);
Payload encode(const LedgerEntry& entry);
Payload encode(const StoredDictionary& dictionary);
Payload encode(const SplitData& split);
Payload encode(const SavedSelection& selection);
Payload encode(const Removal& removal);
Payload encode(const GenerationEntry& entry);
Payload encode_classes(const std::vector<ClassId>& classes);
Payload encode_id(std::uint64_t id);

// Each throws Error(corrupt) for bytes that the matching encode() did not write.
DatasetInfo decode_dataset(Bytes payload);
SubjectInfo decode_subject(Bytes payload);
StoredVolume decode_volume(Bytes payload);
ClassInfo decode_class(Bytes payload);
ImportInfo decode_import(Bytes payload);
StoredProblem decode_problem(Bytes payload);
LedgerEntry decode_ledger(Bytes payload);
StoredDictionary decode_dictionary(Bytes payload);
SplitData decode_split(Bytes payload, bool with_samples = true);
SavedSelection decode_saved_selection(Bytes payload, bool with_samples = true);
Removal decode_removal(Bytes payload);
GenerationEntry decode_generation(Bytes payload);
std::vector<ClassId> decode_classes(Bytes payload);
std::uint64_t decode_id(Bytes payload);

// Payload with its hash behind it, and back. Also for the values of the database meta.
Payload seal(const BankUuid& bank, std::string_view key, Payload payload);
Bytes open(const BankUuid& bank, std::string_view key, Bytes value);

}  // namespace slicebank::catalog
