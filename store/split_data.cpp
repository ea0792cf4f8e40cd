#include "store/split_data.h"

#include "store/bank.h"
#include "store/catalog.h"
#include "store/internal/bank_state.h"

namespace slicebank {
namespace {

using catalog::Kind;

template <typename Visit>
void for_each_entry(const Bank& bank, Kind kind, const Visit& visit) {
  const BankState& state = *bank.state();
  const lmdb::ReadTransaction transaction(state.records());
  transaction.scan(lmdb::Database::catalog, catalog::kind_prefix(kind),
                   [&](std::string_view key, Bytes value) {
                     visit(catalog::open(state.file.uuid, key, value));
                     return true;
                   });
}

}  // namespace

std::optional<SplitData> find_split(const Bank& bank, const std::string& name) {
  const BankState& state = *bank.state();
  const lmdb::ReadTransaction transaction(state.records());
  const auto id =
      read_catalog(transaction, state.file.uuid, catalog::name_key(Kind::split_name, name));
  if (!id) return std::nullopt;
  const auto number = static_cast<std::uint32_t>(catalog::decode_id(*id));
  const auto payload =
      read_catalog(transaction, state.file.uuid, catalog::id_key(Kind::split, number));
  if (!payload) return std::nullopt;
  return catalog::decode_split(*payload);
}

std::vector<SplitData> list_splits(const Bank& bank) {
  std::vector<SplitData> splits;
  for_each_entry(bank, Kind::split,
                 [&](Bytes payload) { splits.push_back(catalog::decode_split(payload, false)); });
  return splits;
}

std::optional<SavedSelection> find_saved_selection(const Bank& bank, const std::string& name) {
  const BankState& state = *bank.state();
  const lmdb::ReadTransaction transaction(state.records());
  const auto payload =
      read_catalog(transaction, state.file.uuid, catalog::name_key(Kind::saved_selection, name));
  if (!payload) return std::nullopt;
  return catalog::decode_saved_selection(*payload);
}

std::vector<SavedSelection> list_saved_selections(const Bank& bank) {
  std::vector<SavedSelection> selections;
  for_each_entry(bank, Kind::saved_selection, [&](Bytes payload) {
    selections.push_back(catalog::decode_saved_selection(payload, false));
  });
  return selections;
}

}  // namespace slicebank
