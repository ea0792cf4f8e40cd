// Bank::logical_digest: what a bank holds, whatever its ids, codecs and batches are.
#include <bit>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "schema/error.h"
#include "store/bank.h"
#include "store/catalog.h"
#include "store/internal/bank_state.h"
#include "store/internal/bytes.h"
#include "store/internal/hash.h"
#include "store/record.h"

namespace slicebank {
namespace {

constexpr std::size_t kRecordsPerTransaction = 512;
constexpr std::size_t kNamesMax = 1u << 20;

void append_text(std::vector<std::byte>& out, std::string_view text) {
  append_varint(out, text.size());
  append_bytes(out, std::as_bytes(std::span<const char>(text.data(), text.size())));
}

void append_hash(std::vector<std::byte>& out, const ContentHash& hash) {
  append_little(out, hash.low);
  append_little(out, hash.high);
}

// 128-bit addition: the order of the samples does not count, their number does.
void add(ContentHash& sum, const ContentHash& hash) {
  sum.low += hash.low;
  sum.high += hash.high + (sum.low < hash.low ? 1 : 0);
}

// The parts of a sample's hash that come from names.
class Names {
 public:
  Names(const BankState& bank, const Taxonomy& taxonomy) : bank_(bank), taxonomy_(taxonomy) {}

  struct Volume {
    std::vector<std::byte> text;
    const DatasetInfo* dataset = nullptr;
  };

  const Volume& volume(const lmdb::ReadTransaction& transaction, VolumeId id) {
    if (const auto known = volumes_.find(raw(id)); known != volumes_.end()) return known->second;
    if (volumes_.size() >= kNamesMax) volumes_.clear();
    const VolumeInfo info =
        catalog::decode_volume(entry(transaction, catalog::Kind::volume, raw(id))).info;
    const SubjectInfo subject =
        catalog::decode_subject(entry(transaction, catalog::Kind::subject, raw(info.subject_id)));
    Volume volume;
    volume.dataset = &dataset(transaction, info.dataset_id);
    append_text(volume.text, volume.dataset->name);
    append_text(volume.text, subject.patient_id);
    append_text(volume.text, info.key);
    const ModalityInfo* modality = taxonomy_.modality(info.modality);
    const SequenceInfo* sequence = taxonomy_.sequence(info.sequence);
    append_text(volume.text, modality == nullptr ? "" : modality->name);
    append_text(volume.text, sequence == nullptr ? "" : sequence->name);
    return volumes_[raw(id)] = std::move(volume);
  }

  void append_class(std::vector<std::byte>& out, const DatasetInfo& dataset,
                    const AnnotationInfo& annotation) const {
    const ClassInfo* known = taxonomy_.class_info(annotation.class_id);
    append_text(out, known == nullptr ? "" : known->name);
    const std::size_t number = annotation.raw_class;
    append_text(out, number == 0 || number > dataset.classes.size()
                         ? std::string_view()
                         : std::string_view(dataset.classes[number - 1].name));
  }

 private:
  template <typename Number>
  Bytes entry(const lmdb::ReadTransaction& transaction, catalog::Kind kind, Number id) const {
    const auto payload = read_catalog(transaction, bank_.file.uuid, catalog::id_key(kind, id));
    if (payload) return *payload;
    throw Error(ErrorCode::corrupt, bank_.path.string() + ": the catalog has lost an entry",
                "run `slicebank verify " + bank_.path.string() + "`");
  }

  const DatasetInfo& dataset(const lmdb::ReadTransaction& transaction, DatasetId id) {
    auto known = datasets_.find(raw(id));
    if (known == datasets_.end()) {
      auto info = catalog::decode_dataset(entry(transaction, catalog::Kind::dataset, raw(id)));
      known = datasets_.emplace(raw(id), std::move(info)).first;
    }
    return known->second;
  }

  const BankState& bank_;
  const Taxonomy& taxonomy_;
  std::unordered_map<std::uint64_t, Volume> volumes_;
  std::unordered_map<std::uint32_t, DatasetInfo> datasets_;
};

struct Content {
  ContentHash image;
  ContentHash annotations;
};

Content content_of(const BankState& bank, const lmdb::ReadTransaction& transaction,
                   const SampleInfo& info, Bytes record, bool decode) {
  if (!decode) {
    return {info.image_hash, record_annotations_hash(bank.file.uuid, info.id, record)};
  }
  const StoredDictionaries dictionaries(bank, transaction);
  const Sample sample = decode_sample(bank.file.uuid, info.id, record, &dictionaries);
  return {hash_image(sample.image.view()), hash_annotations(sample.masks, sample.labels)};
}

ContentHash hash_sample(const SampleInfo& info, const Content& content, const Names& names,
                        const Names::Volume& volume) {
  std::vector<std::byte> text = volume.text;
  text.push_back(static_cast<std::byte>(info.axis));
  append_little(text, info.slice_index);
  append_text(text, info.name);
  text.push_back(static_cast<std::byte>(info.shape.pixel_type));
  for (const std::uint32_t size : {info.shape.height, info.shape.width, info.shape.channels}) {
    append_little(text, size);
  }
  append_hash(text, content.image);
  append_hash(text, content.annotations);
  append_varint(text, info.annotations.size());
  for (const AnnotationInfo& each : info.annotations) {
    text.push_back(static_cast<std::byte>(each.kind));
    names.append_class(text, *volume.dataset, each);
    append_little(text, each.instance);
    text.push_back(std::byte{each.source_value});
    append_little(text, each.area);
    for (const std::uint32_t edge : {each.box.x0, each.box.y0, each.box.x1, each.box.y1}) {
      append_little(text, edge);
    }
    append_little(text, std::bit_cast<std::uint64_t>(each.value));
  }
  return hash128({Bytes(text)});
}

}  // namespace

std::string Bank::logical_digest(bool decode) const {
  const auto taxonomy = this->taxonomy();
  Names names(*state_, *taxonomy);
  ContentHash sum;
  SampleId next{1};
  for (bool more = true; more;) {
    const lmdb::ReadTransaction transaction(state_->records());
    std::size_t seen = 0;
    transaction.scan_records(next, [&](SampleId id, Bytes record) {
      const SampleInfo info = decode_info(state_->file.uuid, id, record);
      const Names::Volume& volume = names.volume(transaction, info.volume_id);
      const Content content = content_of(*state_, transaction, info, record, decode);
      add(sum, hash_sample(info, content, names, volume));
      next = SampleId{raw(id) + 1};
      return ++seen < kRecordsPerTransaction;
    });
    more = seen == kRecordsPerTransaction;
  }
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint64_t half : {sum.high, sum.low}) {
    for (int shift = 60; shift >= 0; shift -= 4) text.push_back(kDigits[half >> shift & 0xf]);
  }
  return text;
}

}  // namespace slicebank
