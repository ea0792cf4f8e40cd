#include "store/bank.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "schema/error.h"
#include "store/catalog.h"
#include "store/internal/bank_state.h"
#include "store/internal/file_system.h"
#include "store/internal/generation_log.h"
#include "store/internal/index_file.h"
#include "store/internal/projection.h"
#include "store/reader.h"

namespace slicebank {
namespace {

using catalog::Kind;

// Removes an unfinished bank unless it was put in its place.
class Scaffold {
 public:
  explicit Scaffold(std::filesystem::path path) : path_(std::move(path)) {
    std::error_code ignored;
    // Only a process of our number can have left one here, and that one is gone.
    std::filesystem::remove_all(path_, ignored);
    if (::mkdir(path_.c_str(), 0750) != 0) {
      throw system_error(path_, "create");
    }
  }
  ~Scaffold() {
    std::error_code ignored;
    if (!moved_) std::filesystem::remove_all(path_, ignored);
  }
  Scaffold(const Scaffold&) = delete;
  Scaffold& operator=(const Scaffold&) = delete;

  const std::filesystem::path& path() const { return path_; }

  void move_to(const std::filesystem::path& target) {
    int failed = ::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE);
    if (failed != 0 && (errno == EINVAL || errno == ENOSYS) && !std::filesystem::exists(target)) {
      failed = ::rename(path_.c_str(), target.c_str());
    }
    if (failed != 0) {
      throw system_error(target, "rename");
    }
    moved_ = true;
  }

 private:
  std::filesystem::path path_;
  bool moved_ = false;
};

void create_records(const std::filesystem::path& file, const BankFile& bank,
                    const BankPosition& position, const CatalogEntry& log) {
  lmdb::Environment environment(file, {.writable = true, .create = true});
  lmdb::update(environment, [&](lmdb::WriteTransaction& transaction) {
    write_identity(transaction, {bank.uuid, bank.format});
    write_position(transaction, bank.uuid, position);
    write_batch(transaction, bank.uuid, CommittedBatch{});
    transaction.put(lmdb::Database::catalog, log.first,
                    catalog::seal(bank.uuid, log.first, log.second));
  });
}

std::optional<catalog::Payload> read_entry(const BankState& bank, const std::string& key) {
  const lmdb::ReadTransaction transaction(bank.records());
  const auto payload = read_catalog(transaction, bank.file.uuid, key);
  if (!payload) return std::nullopt;
  return catalog::Payload(payload->begin(), payload->end());
}

}  // namespace

std::string uuid_text(const BankUuid& uuid) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text.push_back(kDigits[uuid[i] >> 4]);
    text.push_back(kDigits[uuid[i] & 0xf]);
  }
  return text;
}

Bank::Bank(std::shared_ptr<BankState> state) : state_(std::move(state)) {}

Bank Bank::create(const std::filesystem::path& path, const CreateOptions& options) {
  std::filesystem::path target = std::filesystem::absolute(path).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();  // "demo.bank/"
  std::error_code failed;
  if (std::filesystem::exists(std::filesystem::symlink_status(target, failed))) {
    throw Error(ErrorCode::already_exists, target.string() + " is already there",
                "choose another name, or remove it first");
  }
  if (!std::filesystem::is_directory(target.parent_path(), failed)) {
    throw Error(ErrorCode::not_found, target.parent_path().string() + " is no folder");
  }
  refuse_network_filesystem(target.parent_path(), options.allow_network_filesystem);

  BankFile file;
  file.uuid = random_uuid();
  file.created_by =
      options.created_by.empty() ? "slicebank " SLICEBANK_VERSION : options.created_by;
  BankPosition position;
  position.token = random_token();
  Scaffold scaffold(target.string() + ".tmp-" + std::to_string(::getpid()));
  const CatalogEntry log = first_log_entry(position);
  create_records(scaffold.path() / "records.lmdb", file, position, log);
  build_index(scaffold.path() / "index.sqlite", [&](sqlite::Connection&, Projection& projection) {
    projection.entity(log.first, log.second);
    projection.rewrite_taxonomy();
    projection.finish(Taxonomy::builtin());
    projection.set_position(file.uuid, position);
  });
  write_new_file(scaffold.path() / "writer.lock", "");
  write_new_file(scaffold.path() / "BANK.json", bank_file_text(file));
  sync_path(scaffold.path() / "records.lmdb");
  sync_path(scaffold.path());
  scaffold.move_to(target);
  sync_path(target.parent_path());
  return open(target);
}

Bank Bank::open(const std::filesystem::path& path, const OpenOptions& options) {
  auto state = open_records(path, false, options.check_structure);
  check_pair(*state);
  return Bank(std::move(state));
}

bool Bank::is_bank(const std::filesystem::path& path) {
  try {
    read_bank_file(path);
    return true;
  } catch (const Error& error) {
    return error.code() == ErrorCode::wrong_version;  // a bank, if not one for us
  }
}

const std::filesystem::path& Bank::path() const { return state_->path; }
const BankUuid& Bank::uuid() const { return state_->file.uuid; }

Generation Bank::generation() const { return read_index_position(*IndexLease(*state_)).generation; }

BankInfo Bank::info() const {
  BankInfo info;
  info.path = state_->path;
  info.uuid = state_->file.uuid;
  info.uuid_text = uuid_text(info.uuid);
  info.format = state_->file.format;
  info.created_by = state_->file.created_by;
  {
    const IndexLease index(*state_);
    auto row = index->prepare(
        "SELECT (SELECT coalesce(sum(samples), 0) FROM _rollup_sample),"
        "(SELECT coalesce(sum(masks), 0) FROM _rollup_mask),(SELECT count(*) FROM _label),"
        "(SELECT count(*) FROM _volume),(SELECT count(*) FROM _subject),"
        "(SELECT count(*) FROM _dataset),"
        "(SELECT CAST(value AS INTEGER) FROM _meta WHERE key = 'generation')");
    row.step();
    const auto number = [&](int column) { return static_cast<std::uint64_t>(row.integer(column)); };
    info.samples = number(0);
    info.masks = number(1);
    info.labels = number(2);
    info.volumes = number(3);
    info.subjects = number(4);
    info.datasets = number(5);
    info.generation = Generation{number(6)};
  }
  info.record_file_bytes = file_size_or_zero(state_->records_file());
  info.index_file_bytes = file_size_or_zero(state_->index_file());
  info.readers = state_->records().readers();
  return info;
}

std::shared_ptr<const Taxonomy> Bank::taxonomy() const { return state_->taxonomy(); }

Reader Bank::reader() const { return Reader(state_); }

std::optional<DatasetInfo> Bank::dataset(DatasetId id) const {
  const auto payload = read_entry(*state_, catalog::id_key(Kind::dataset, raw(id)));
  if (!payload) return std::nullopt;
  return catalog::decode_dataset(*payload);
}

std::shared_ptr<const DatasetInfo> Bank::shared_dataset(DatasetId id) const {
  return state_->dataset(id);
}

std::optional<SubjectInfo> Bank::subject(SubjectId id) const {
  const auto payload = read_entry(*state_, catalog::id_key(Kind::subject, raw(id)));
  if (!payload) return std::nullopt;
  return catalog::decode_subject(*payload);
}

std::optional<VolumeInfo> Bank::volume(VolumeId id) const {
  const lmdb::ReadTransaction transaction(state_->records());
  const BankUuid& uuid = state_->file.uuid;
  const auto payload = read_catalog(transaction, uuid, catalog::id_key(Kind::volume, raw(id)));
  if (!payload) return std::nullopt;
  catalog::StoredVolume volume = catalog::decode_volume(*payload);
  if (volume.coverage_set != 0) {
    const auto classes =
        read_catalog(transaction, uuid, catalog::id_key(Kind::coverage_set, volume.coverage_set));
    if (!classes) {
      throw Error(ErrorCode::corrupt, state_->path.string() + ": the coverage of volume " +
                                          std::to_string(raw(id)) + " is missing");
    }
    volume.info.coverage = catalog::decode_classes(*classes);
  }
  return std::move(volume.info);
}

std::optional<DatasetInfo> Bank::find_dataset(const std::string& name) const {
  const auto payload = read_entry(*state_, catalog::name_key(Kind::dataset_name, name));
  if (!payload) return std::nullopt;
  auto found = dataset(DatasetId{static_cast<std::uint32_t>(catalog::decode_id(*payload))});
  if (found && found->name != name) return std::nullopt;  // two names of one hash
  return found;
}

std::vector<DatasetInfo> Bank::datasets() const {
  std::vector<DatasetInfo> all;
  const lmdb::ReadTransaction transaction(state_->records());
  transaction.scan(
      lmdb::Database::catalog, catalog::kind_prefix(Kind::dataset),
      [&](std::string_view key, Bytes value) {
        all.push_back(catalog::decode_dataset(catalog::open(state_->file.uuid, key, value)));
        return true;
      });
  return all;
}

}  // namespace slicebank
