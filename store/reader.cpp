#include "store/reader.h"

#include <string>
#include <utility>

#include "schema/error.h"
#include "store/internal/bank_state.h"
#include "store/record.h"

namespace slicebank {
namespace {

constexpr std::size_t kIdsPerTransaction = 4096;

Bytes record_of(const BankState& bank, const lmdb::ReadTransaction& transaction, SampleId id) {
  const auto record = transaction.record(id);
  if (!record) throw_no_record(bank, transaction, id);
  return *record;
}

Image image_of(const BankState& bank, const lmdb::ReadTransaction& transaction, SampleId id,
               const ImageShape& shape, Bytes record) {
  Image image{shape, std::vector<std::byte>(static_cast<std::size_t>(shape.bytes()))};
  const StoredDictionaries dictionaries(bank, transaction);
  decode_image(bank.file.uuid, id, record, &dictionaries, image.image_hwc);
  return image;
}

std::vector<Label> labels_of(const SampleInfo& info) {
  std::vector<Label> labels;
  for (const AnnotationInfo& each : info.annotations) {
    if (each.kind != AnnotationKind::label) continue;
    labels.push_back({each.class_id, each.raw_class, each.value});
  }
  return labels;
}

Sample read_sample(const BankState& bank, const lmdb::ReadTransaction& transaction, SampleId id,
                   const ReadParts& parts) {
  const Bytes record = record_of(bank, transaction, id);
  if (parts.image && parts.masks && parts.classes.empty()) {
    const StoredDictionaries dictionaries(bank, transaction);
    return decode_sample(bank.file.uuid, id, record, &dictionaries);
  }
  SampleInfo info = decode_info(bank.file.uuid, id, record);
  Sample sample;
  sample.axis = info.axis;
  sample.slice_index = info.slice_index;
  sample.labels = labels_of(info);
  sample.name = std::move(info.name);
  sample.image.shape = info.shape;
  if (parts.image) sample.image = image_of(bank, transaction, id, info.shape, record);
  if (parts.masks) sample.masks = decode_masks(bank.file.uuid, id, record, parts.classes);
  return sample;
}

}  // namespace

Reader::Reader(std::shared_ptr<BankState> state) : state_(std::move(state)) {}

SampleInfo Reader::info(SampleId id) const {
  const lmdb::ReadTransaction transaction(state_->records());
  return decode_info(state_->file.uuid, id, record_of(*state_, transaction, id));
}

Sample Reader::sample(SampleId id, const ReadParts& parts) const {
  const lmdb::ReadTransaction transaction(state_->records());
  return read_sample(*state_, transaction, id, parts);
}

Image Reader::image(SampleId id) const {
  const lmdb::ReadTransaction transaction(state_->records());
  const Bytes record = record_of(*state_, transaction, id);
  const SampleInfo info = decode_info(state_->file.uuid, id, record);
  return image_of(*state_, transaction, id, info.shape, record);
}

std::vector<Mask> Reader::masks(SampleId id, std::span<const ClassId> classes) const {
  const lmdb::ReadTransaction transaction(state_->records());
  return decode_masks(state_->file.uuid, id, record_of(*state_, transaction, id), classes);
}

void Reader::image_into(SampleId id, MutableBytes out_hwc) const {
  const lmdb::ReadTransaction transaction(state_->records());
  const StoredDictionaries dictionaries(*state_, transaction);
  decode_image(state_->file.uuid, id, record_of(*state_, transaction, id), &dictionaries, out_hwc);
}

void Reader::read_into(SampleId id, DecodeSink& sink) const {
  const lmdb::ReadTransaction transaction(state_->records());
  const StoredDictionaries dictionaries(*state_, transaction);
  decode_into(state_->file.uuid, id, record_of(*state_, transaction, id), &dictionaries, sink);
}

std::vector<Sample> Reader::samples(std::span<const SampleId> ids, const ReadParts& parts) const {
  std::vector<Sample> samples;
  samples.reserve(ids.size());
  const lmdb::ReadTransaction transaction(state_->records());
  for (const SampleId id : ids) samples.push_back(read_sample(*state_, transaction, id, parts));
  return samples;
}

void Reader::prefetch(std::span<const SampleId> ids) const {
  const lmdb::ReadTransaction transaction(state_->records());
  for (const SampleId id : ids) {
    // A hole is the business of the read that follows.
    if (const auto record = transaction.record(id)) lmdb::will_need(*record);
  }
}

std::size_t Reader::record_bytes(SampleId id) const {
  const lmdb::ReadTransaction transaction(state_->records());
  return record_of(*state_, transaction, id).size();
}

void Reader::for_each_id(const std::function<bool(SampleId)>& visit) const {
  SampleId next{1};
  std::vector<SampleId> ids;
  do {
    ids.clear();
    {
      const lmdb::ReadTransaction transaction(state_->records());
      transaction.scan_records(next, [&](SampleId id, Bytes) {
        ids.push_back(id);
        return ids.size() < kIdsPerTransaction;
      });
    }
    for (const SampleId id : ids) {
      if (!visit(id)) return;
      next = SampleId{raw(id) + 1};
    }
  } while (ids.size() == kIdsPerTransaction);
}

}  // namespace slicebank
