#include "store/internal/state.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <span>

#include "schema/error.h"
#include "store/catalog.h"
#include "store/internal/bytes.h"

namespace slicebank {
namespace {

constexpr std::string_view kIdentityKey = "bank";
constexpr std::string_view kPositionKey = "position";
constexpr std::string_view kBatchKey = "batch";
constexpr std::uint8_t kLayout = 1;
constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();

template <typename Visit>
void for_each_next(NextIds& next, const Visit& visit) {
  for (std::uint64_t* each :
       {&next.sample, &next.volume, &next.subject, &next.dataset, &next.bank_class, &next.import,
        &next.problem, &next.split, &next.dictionary, &next.coverage_set}) {
    visit(*each);
  }
}

Bytes value_of(const lmdb::ReadTransaction& transaction, const BankUuid& bank,
               std::string_view key) {
  const auto value = transaction.get(lmdb::Database::meta, key);
  if (!value) {
    throw Error(ErrorCode::corrupt, "records.lmdb has no \"" + std::string(key) + "\"",
                "run `slicebank verify`");
  }
  return catalog::open(bank, key, *value);
}

ByteReader reader_of(Bytes payload, std::string_view what) {
  ByteReader in(payload);
  const std::uint8_t layout = in.u8(what);
  if (layout != kLayout) {
    throw Error(ErrorCode::wrong_version,
                std::string(what) + " has layout " + std::to_string(layout));
  }
  return in;
}

void fill_random(std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::getrandom(out.data() + done, out.size() - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(ErrorCode::io, std::string("getrandom: ") + std::strerror(errno));
    done += static_cast<std::size_t>(got);
  }
}

}  // namespace

BankIdentity read_identity(const lmdb::ReadTransaction& transaction) {
  const auto value = transaction.get(lmdb::Database::meta, kIdentityKey);
  if (!value) throw Error(ErrorCode::corrupt, "records.lmdb does not say whose it is");
  // The uuid comes first, so that the seal can be checked with it.
  ByteReader in(*value);
  if (in.u8("identity") != kLayout) {
    throw Error(ErrorCode::wrong_version, "the bank's identity has an unknown layout");
  }
  BankIdentity identity;
  const Bytes uuid = in.take(identity.uuid.size(), "uuid");
  std::memcpy(identity.uuid.data(), uuid.data(), uuid.size());
  identity.format.major = in.little<std::uint32_t>("format");
  identity.format.minor = in.little<std::uint32_t>("format");
  catalog::open(identity.uuid, kIdentityKey, *value);
  return identity;
}

BankPosition read_position(const lmdb::ReadTransaction& transaction, const BankUuid& bank) {
  ByteReader in = reader_of(value_of(transaction, bank, kPositionKey), "position");
  BankPosition position;
  position.generation = Generation{in.varint(0, kAny, "generation")};
  position.token = in.little<std::uint64_t>("token");
  position.previous_token = in.little<std::uint64_t>("token");
  for_each_next(position.next, [&](std::uint64_t& next) { next = in.varint(1, kAny, "next id"); });
  in.expect_end("position");
  return position;
}

CommittedBatch read_batch(const lmdb::ReadTransaction& transaction, const BankUuid& bank) {
  ByteReader in = reader_of(value_of(transaction, bank, kBatchKey), "batch");
  CommittedBatch batch;
  batch.kind = static_cast<BatchKind>(in.varint(1, 3, "batch kind"));
  batch.first = SampleId{in.varint(0, kAny, "first sample")};
  batch.end = SampleId{in.varint(0, kAny, "last sample")};
  batch.touched.resize(
      static_cast<std::size_t>(in.varint(0, in.rest().size(), "count of catalog keys")));
  for (std::string& key : batch.touched) {
    const Bytes bytes = in.take(in.varint(1, 511, "catalog key"), "catalog key");
    key.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  in.expect_end("batch");
  return batch;
}

void write_identity(lmdb::WriteTransaction& transaction, const BankIdentity& identity) {
  std::vector<std::byte> out{std::byte{kLayout}};
  append_bytes(out, std::as_bytes(std::span(identity.uuid)));
  append_little(out, identity.format.major);
  append_little(out, identity.format.minor);
  transaction.put(lmdb::Database::meta, kIdentityKey,
                  catalog::seal(identity.uuid, kIdentityKey, std::move(out)));
}

void write_position(lmdb::WriteTransaction& transaction, const BankUuid& bank,
                    const BankPosition& position) {
  std::vector<std::byte> out{std::byte{kLayout}};
  append_varint(out, raw(position.generation));
  append_little(out, position.token);
  append_little(out, position.previous_token);
  NextIds next = position.next;
  for_each_next(next, [&](std::uint64_t& each) { append_varint(out, each); });
  transaction.put(lmdb::Database::meta, kPositionKey,
                  catalog::seal(bank, kPositionKey, std::move(out)));
}

void write_batch(lmdb::WriteTransaction& transaction, const BankUuid& bank,
                 const CommittedBatch& batch) {
  std::vector<std::byte> out{std::byte{kLayout}};
  append_varint(out, static_cast<std::uint64_t>(batch.kind));
  append_varint(out, raw(batch.first));
  append_varint(out, raw(batch.end));
  append_varint(out, batch.touched.size());
  for (const std::string& key : batch.touched) {
    append_varint(out, key.size());
    append_bytes(out, std::as_bytes(std::span(key)));
  }
  transaction.put(lmdb::Database::meta, kBatchKey, catalog::seal(bank, kBatchKey, std::move(out)));
}

std::optional<Bytes> read_catalog(const lmdb::ReadTransaction& transaction, const BankUuid& bank,
                                  std::string_view key) {
  const auto value = transaction.get(lmdb::Database::catalog, key);
  if (!value) return std::nullopt;
  return catalog::open(bank, key, *value);
}

std::uint64_t random_token() {
  std::uint64_t token = 0;
  fill_random(std::as_writable_bytes(std::span(&token, 1)));
  return token;
}

BankUuid random_uuid() {
  BankUuid uuid{};
  fill_random(std::as_writable_bytes(std::span(uuid)));
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0f) | 0x40);  // RFC 4122, version 4
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3f) | 0x80);
  return uuid;
}

}  // namespace slicebank
