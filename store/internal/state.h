// The database "meta" of a record file: who the bank is, where it stands, and what its
// last batch was. docs/format-bank.md, "Meta".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/ids.h"
#include "store/bank.h"
#include "store/internal/lmdb.h"
#include "store/record.h"

namespace slicebank {

struct BankIdentity {
  BankUuid uuid{};
  FormatVersion format;
};

// The next id of each kind. Only ever grows.
struct NextIds {
  std::uint64_t sample = 1;
  std::uint64_t volume = 1;
  std::uint64_t subject = 1;
  std::uint64_t dataset = 1;
  std::uint64_t bank_class = kFirstBankClass;
  std::uint64_t import = 1;
  std::uint64_t problem = 1;
  std::uint64_t split = 1;
  std::uint64_t dictionary = 1;
  std::uint64_t coverage_set = 1;

  friend bool operator==(const NextIds&, const NextIds&) = default;
};

// Where a bank stands. The token is a random number of each generation: two histories
// that parted (a copied bank, an old file put back) differ in it.
struct BankPosition {
  Generation generation{};
  std::uint64_t token = 0;
  std::uint64_t previous_token = 0;
  NextIds next;
};

enum class BatchKind : std::uint8_t { insert = 1, erase, repair };

struct CommittedBatch {
  BatchKind kind = BatchKind::insert;
  SampleId first{};  // insert: records of [first, end)
  SampleId end{};
  std::vector<std::string> touched;  // catalog keys that have rows
};

// Each throws Error(corrupt) for a value that is missing, damaged or another bank's.
BankIdentity read_identity(const lmdb::ReadTransaction& transaction);
BankPosition read_position(const lmdb::ReadTransaction& transaction, const BankUuid& bank);
CommittedBatch read_batch(const lmdb::ReadTransaction& transaction, const BankUuid& bank);

void write_identity(lmdb::WriteTransaction& transaction, const BankIdentity& identity);
void write_position(lmdb::WriteTransaction& transaction, const BankUuid& bank,
                    const BankPosition& position);
void write_batch(lmdb::WriteTransaction& transaction, const BankUuid& bank,
                 const CommittedBatch& batch);

// Entries of the catalog, opened: payloads live as long as the transaction.
std::optional<Bytes> read_catalog(const lmdb::ReadTransaction& transaction, const BankUuid& bank,
                                  std::string_view key);

std::uint64_t random_token();
BankUuid random_uuid();

}  // namespace slicebank
