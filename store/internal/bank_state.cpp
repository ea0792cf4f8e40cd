#include "store/internal/bank_state.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "schema/error.h"
#include "store/catalog.h"
#include "store/internal/file_system.h"
#include "store/internal/migrate.h"
#include "store/internal/projection.h"

namespace slicebank {
namespace {

constexpr std::size_t kBankFileBytesMax = 65'536;
constexpr std::size_t kIdleConnectionsMax = 16;

std::pair<dev_t, ino_t> id_of(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    throw Error(ErrorCode::needs_reindex, file.string() + " is not there",
                "run `slicebank reindex " + file.parent_path().string() + "`");
  }
  return {status.st_dev, status.st_ino};
}

bool parse_uuid(const std::string& text, BankUuid& uuid) {
  if (text.size() != 36) return false;
  std::size_t digit = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i] != '-') return false;
      continue;
    }
    const char letter = text[i];
    int value = 0;
    if (letter >= '0' && letter <= '9') {
      value = letter - '0';
    } else if (letter >= 'a' && letter <= 'f') {
      value = letter - 'a' + 10;
    } else {
      return false;
    }
    auto& byte = uuid[digit / 2];
    byte = static_cast<std::uint8_t>(byte << 4 | value);
    ++digit;
  }
  return true;
}

const char* byte_order() { return std::endian::native == std::endian::little ? "little" : "big"; }

std::string reindex_hint(const BankState& bank) {
  return "run `slicebank reindex " + bank.path.string() + "`";
}

std::unique_ptr<BankHandles> open_handles(const std::filesystem::path& path, bool writable,
                                          bool check_structure) {
  return std::make_unique<BankHandles>(
      current_process(), share_environment(path / "records.lmdb", writable, check_structure),
      path / "index.sqlite");
}

}  // namespace

// --- The pool

std::unique_ptr<sqlite::Connection> IndexPool::take() {
  FileId now = id_of(file_);
  std::vector<std::unique_ptr<sqlite::Connection>> outdated;  // closed behind the lock
  std::unique_ptr<sqlite::Connection> connection;
  {
    const std::lock_guard lock(mutex_);
    file_id_ = now;
    while (!idle_.empty() && !connection) {
      auto [id, idle] = std::move(idle_.back());
      idle_.pop_back();
      (id == now ? connection : outdated.emplace_back()) = std::move(idle);
    }
  }
  while (!connection) {
    auto fresh = std::make_unique<sqlite::Connection>(
        sqlite::Connection::open(file_, sqlite::Purpose::read));
    check_index_version(*fresh);
    // Replaced meanwhile: then this is the old index, perhaps with the new one's log.
    const FileId then = std::exchange(now, id_of(file_));
    if (then == now) connection = std::move(fresh);
  }
  const std::lock_guard lock(mutex_);
  lent_[connection.get()] = now;
  return connection;
}

void IndexPool::give_back(std::unique_ptr<sqlite::Connection> connection) noexcept {
  const std::lock_guard lock(mutex_);
  const auto lent = lent_.find(connection.get());
  const FileId id = lent->second;
  lent_.erase(lent);
  if (id != file_id_ || idle_.size() >= kIdleConnectionsMax) return;
  idle_.emplace_back(id, std::move(connection));
}

IndexLease::IndexLease(const BankState& bank)
    : pool_(&bank.here().index), owner_(current_process()), connection_(pool_->take()) {
  try {
    watched_.emplace(*connection_);
  } catch (...) {
    pool_->give_back(std::move(connection_));
    throw;
  }
}

IndexLease::~IndexLease() {
  if (foreign()) {
    (void)connection_.release();
    return;
  }
  watched_.reset();
  pool_->give_back(std::move(connection_));
}

bool IndexLease::foreign() const { return !(owner_ == current_process()); }

// --- The state

BankState::BankState(std::filesystem::path bank_path, BankFile bank_file,
                     std::unique_ptr<BankHandles> handles)
    : path(std::move(bank_path)), file(std::move(bank_file)), handles_(handles.release()) {}

BankState::~BankState() {
  BankHandles* handles = handles_.load();
  if (handles->owner == current_process()) delete handles;
}

BankHandles& BankState::here() const {
  const ProcessKey key = current_process();
  BankHandles* known = handles_.load(std::memory_order_acquire);
  while (!(known->owner == key)) {
    // A forked child: the parent's handles stay as they are, whatever state they are in.
    auto fresh = open_handles(path, false, false);
    if (handles_.compare_exchange_strong(known, fresh.get(), std::memory_order_acq_rel)) {
      return *fresh.release();
    }
  }
  return *known;
}

std::shared_ptr<const Taxonomy> BankState::taxonomy() const {
  BankHandles& handles = here();
  const lmdb::ReadTransaction transaction(*handles.records);
  const std::uint64_t next_class = read_position(transaction, file.uuid).next.bank_class;
  {
    const std::lock_guard lock(handles.mutex);
    if (handles.taxonomy && handles.next_class == next_class) return handles.taxonomy;
  }
  auto fresh = std::make_shared<const Taxonomy>(taxonomy_with(own_classes(transaction, file.uuid)));
  const std::lock_guard lock(handles.mutex);
  handles.taxonomy = fresh;
  handles.next_class = next_class;
  return fresh;
}

std::shared_ptr<const DatasetInfo> BankState::dataset(DatasetId id) const {
  BankHandles& handles = here();
  const lmdb::ReadTransaction transaction(*handles.records);
  const std::uint64_t token = read_position(transaction, file.uuid).token;
  {
    const std::lock_guard lock(handles.mutex);
    if (handles.datasets_token != token) handles.datasets.clear();
    handles.datasets_token = token;
    const auto known = handles.datasets.find(id);
    if (known != handles.datasets.end()) return known->second;
  }
  const auto payload =
      read_catalog(transaction, file.uuid, catalog::id_key(catalog::Kind::dataset, raw(id)));
  if (!payload) return nullptr;
  auto fresh = std::make_shared<const DatasetInfo>(catalog::decode_dataset(*payload));
  const std::lock_guard lock(handles.mutex);
  if (handles.datasets_token == token) handles.datasets.emplace(id, fresh);
  return fresh;
}

// --- BANK.json

std::string bank_file_text(const BankFile& file) {
  nlohmann::ordered_json json;
  json["kind"] = "slicebank";
  json["format"] = {{"major", file.format.major}, {"minor", file.format.minor}};
  json["uuid"] = uuid_text(file.uuid);
  json["created_by"] = file.created_by;
  json["page_size"] = ::sysconf(_SC_PAGESIZE);
  json["byte_order"] = byte_order();
  json["features"] = nlohmann::ordered_json::array();
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

BankFile read_bank_file(const std::filesystem::path& bank) {
  const auto path = bank / "BANK.json";
  std::string text;
  try {
    text = read_small_file(path, kBankFileBytesMax);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
    throw Error(ErrorCode::not_found, bank.string() + " is no bank: it has no BANK.json",
                "make one with `slicebank init " + bank.string() + "`");
  }
  // Flat and small: a depth beyond three is not ours, and is not descended into.
  const auto json = nlohmann::json::parse(
      text, [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) { return depth <= 3; },
      false);
  const auto damaged = [&](const std::string& why) {
    return Error(ErrorCode::corrupt, path.string() + ": " + why);
  };
  if (!json.is_object() || json.value("kind", nlohmann::json()) != "slicebank") {
    throw damaged("does not describe a bank");
  }
  const auto number = [&](const nlohmann::json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number_unsigned() ||
        found->get<std::uint64_t>() > 0xffffffff) {
      throw damaged(std::string("has no ") + name);
    }
    return found->get<std::uint32_t>();
  };
  const auto text_of = [&](const char* name) {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_string()) throw damaged(std::string("has no ") + name);
    return found->get<std::string>();
  };
  const auto format = json.find("format");
  if (format == json.end() || !format->is_object()) throw damaged("has no format");

  BankFile file;
  file.format = {number(*format, "major"), number(*format, "minor")};
  if (file.format.major != FormatVersion{}.major) {
    throw Error(ErrorCode::wrong_version,
                bank.string() + " has format " + std::to_string(file.format.major) +
                    "; this build reads format " + std::to_string(FormatVersion{}.major),
                "use the slicebank that wrote it, or export it with that one");
  }
  const auto features = json.find("features");
  if (features == json.end() || !features->is_array()) throw damaged("has no features");
  for (const auto& feature : *features) {
    // This build knows none. Those it may read over say so themselves.
    if (!feature.is_string()) throw damaged("has a feature without a name");
    const auto name = feature.get<std::string>();
    if (name.starts_with("optional:")) continue;
    throw Error(ErrorCode::wrong_version,
                bank.string() + " uses \"" + name + "\", which this build does not know",
                "use a newer slicebank");
  }
  if (!parse_uuid(text_of("uuid"), file.uuid)) throw damaged("its uuid is none");
  file.created_by = text_of("created_by");
  const std::uint32_t page_size = number(json, "page_size");
  if (page_size != static_cast<std::uint32_t>(::sysconf(_SC_PAGESIZE)) ||
      text_of("byte_order") != byte_order()) {
    throw Error(ErrorCode::wrong_version,
                bank.string() + " was made on a machine with " + std::to_string(page_size) +
                    "-byte pages and " + text_of("byte_order") +
                    "-endian numbers; this one has others",
                "export it there with `slicebank export --format bank`, then import it here");
  }
  return file;
}

// --- Opening

std::shared_ptr<BankState> open_records(const std::filesystem::path& bank, bool writable,
                                        bool check_structure) {
  std::error_code failed;
  const auto path = std::filesystem::canonical(bank, failed);
  if (failed) {
    throw Error(ErrorCode::not_found, "there is no bank at " + bank.string(),
                "make one with `slicebank init " + bank.string() + "`");
  }
  BankFile file = read_bank_file(path);
  auto state = std::make_shared<BankState>(path, std::move(file),
                                           open_handles(path, writable, check_structure));
  const lmdb::ReadTransaction transaction(state->records());
  const BankIdentity identity = read_identity(transaction);
  if (identity.uuid != state->file.uuid) {
    throw Error(ErrorCode::corrupt, state->records_file().string() + " belongs to bank " +
                                        uuid_text(identity.uuid) + ", BANK.json to " +
                                        uuid_text(state->file.uuid));
  }
  return state;
}

BankPosition position_of(const BankState& bank) {
  const lmdb::ReadTransaction transaction(bank.records());
  return read_position(transaction, bank.file.uuid);
}

void check_pair(const BankState& bank) {
  const IndexLease index(bank);
  const IndexPosition before = read_index_position(*index);
  const BankPosition records = position_of(bank);
  const auto refuse = [&](const std::string& why) {
    return Error(ErrorCode::needs_reindex, bank.index_file().string() + " " + why,
                 reindex_hint(bank));
  };
  if (before.uuid != uuid_text(bank.file.uuid)) throw refuse("belongs to another bank");
  const std::uint64_t rows = raw(before.generation);
  const std::uint64_t behind = raw(records.generation) - rows;
  if (rows > raw(records.generation)) {
    throw refuse("is at generation " + std::to_string(rows) + ", the records only at " +
                 std::to_string(raw(records.generation)));
  }
  if ((behind == 0 && before.token != records.token) ||
      (behind == 1 && before.token != records.previous_token)) {
    throw refuse("and the records come from two histories of this bank");
  }
  if (behind <= 1) return;
  // A writer may have been at work between the two looks; then the index follows.
  const IndexPosition after = read_index_position(*index);
  if (raw(after.generation) + 1 >= raw(records.generation)) return;
  throw refuse("is at generation " + std::to_string(rows) + ", the records at " +
               std::to_string(raw(records.generation)));
}

// --- Names

std::vector<ClassInfo> own_classes(const lmdb::ReadTransaction& transaction, const BankUuid& bank) {
  std::vector<ClassInfo> classes;
  transaction.scan(lmdb::Database::catalog, catalog::kind_prefix(catalog::Kind::bank_class),
                   [&](std::string_view key, Bytes value) {
                     classes.push_back(catalog::decode_class(catalog::open(bank, key, value)));
                     return true;
                   });
  return classes;
}

Taxonomy taxonomy_with(const std::vector<ClassInfo>& own) {
  Taxonomy taxonomy = Taxonomy::builtin();
  for (ClassInfo info : own) {
    std::erase_if(info.aliases,
                  [&](const std::string& alias) { return taxonomy.find_class(alias).has_value(); });
    if (const auto taken = taxonomy.find_class(info.name)) {
      info.name += " (bank class " + std::to_string(raw(info.id)) + ")";
      if (std::find(info.parents.begin(), info.parents.end(), *taken) == info.parents.end()) {
        info.parents.push_back(*taken);
      }
    }
    taxonomy.add_class(std::move(info));
  }
  return taxonomy;
}

// --- Records

std::shared_ptr<const Dictionary> StoredDictionaries::find(std::uint32_t dictionary_id) const {
  BankHandles& handles = bank_.here();
  {
    const std::lock_guard lock(handles.mutex);
    const auto known = handles.dictionaries.find(dictionary_id);
    if (known != handles.dictionaries.end()) return known->second;
  }
  const auto payload = read_catalog(transaction_, bank_.file.uuid,
                                    catalog::id_key(catalog::Kind::dictionary, dictionary_id));
  if (!payload) return nullptr;
  auto loaded = Dictionary::load(dictionary_id, catalog::decode_dictionary(*payload).bytes);
  const std::lock_guard lock(handles.mutex);
  return handles.dictionaries.try_emplace(dictionary_id, std::move(loaded)).first->second;
}

void throw_no_record(const BankState& bank, const lmdb::ReadTransaction& transaction, SampleId id) {
  const std::string name = "sample " + std::to_string(raw(id));
  const BankPosition position = read_position(transaction, bank.file.uuid);
  if (raw(id) == 0 || raw(id) >= position.next.sample) {
    throw Error(ErrorCode::not_found, bank.path.string() + ": " + name +
                                          " was never there (generation " +
                                          std::to_string(raw(position.generation)) + ")");
  }
  std::optional<catalog::Removal> found;
  transaction.scan(
      lmdb::Database::catalog, catalog::kind_prefix(catalog::Kind::removal),
      [&](std::string_view key, Bytes value) {
        auto removal = catalog::decode_removal(catalog::open(bank.file.uuid, key, value));
        const bool skipped = removal.first <= id && id < removal.end;
        if (skipped || std::binary_search(removal.ids.begin(), removal.ids.end(), id)) {
          found = std::move(removal);
        }
        return !found;
      });
  if (!found) {
    throw Error(ErrorCode::corrupt,
                bank.path.string() + ": the record of " + name + " is missing from records.lmdb",
                "run `slicebank verify " + bank.path.string() + "`");
  }
  const char* what = found->reason == catalog::RemovalReason::deleted ? " was deleted"
                     : found->reason == catalog::RemovalReason::lost  ? " was lost, found out"
                                                                      : " was given up";
  throw Error(ErrorCode::not_found,
              bank.path.string() + ": " + name + what + " in generation " +
                  std::to_string(raw(found->generation)),
              "query again: the selection is older than the bank");
}

}  // namespace slicebank
