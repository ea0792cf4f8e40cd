#include "store/record.h"

#include <algorithm>
#include <string>
#include <utility>

#include "schema/error.h"
#include "schema/limits.h"
#include "schema/record_layout.h"
#include "store/dictionary.h"
#include "store/internal/bytes.h"
#include "store/internal/content_hash.h"
#include "store/internal/dictionary_tables.h"
#include "store/internal/hash.h"
#include "store/internal/image_codec.h"
#include "store/internal/mask_codec.h"
#include "store/internal/record_meta.h"

namespace slicebank {
namespace {

enum class Section { header, meta, masks, image };

const char* section_name(Section section) noexcept {
  switch (section) {
    case Section::header:
      return "header";
    case Section::meta:
      return "meta section";
    case Section::masks:
      return "masks section";
    case Section::image:
      return "image section";
  }
  return "?";
}

[[noreturn]] void fail(SampleId id, Section section, const std::string& what,
                       ErrorCode code = ErrorCode::corrupt) {
  throw Error(code,
              "sample " + std::to_string(raw(id)) + ", " + section_name(section) + ": " + what,
              code == ErrorCode::corrupt ? "`slicebank verify` lists every damaged record." : "");
}

// Runs `decode`, and puts sample and section in front of what it may have to say.
template <typename Decode>
auto located(SampleId id, Section section, const Decode& decode) {
  try {
    return decode();
  } catch (const Error& error) {
    fail(id, section, error.what(), error.code());
  }
}

std::uint64_t header_hash(const BankUuid& bank, Bytes record) {
  std::array<std::byte, 16 + RecordLayout::kHeaderHash> hashed;
  const auto uuid = std::as_bytes(std::span(bank));
  std::copy(uuid.begin(), uuid.end(), hashed.begin());
  const Bytes header = record.first(RecordLayout::kHeaderHash);
  std::copy(header.begin(), header.end(), hashed.begin() + 16);
  return hash64(hashed);
}

void check_codes(SampleId id, const RecordHeader& header) {
  try {
    check_shape(header.shape(), "image");
  } catch (const Error& error) {
    fail(id, Section::header, error.what());
  }
  if (header.axis < Axis::none || header.axis > Axis::z) {
    fail(id, Section::header, "unknown axis");
  }
  if (header.image_codec < ImageCodec::raw || header.image_codec > ImageCodec::jpeg) {
    fail(id, Section::header, "unknown image codec");
  }
  if (header.flags != 0) fail(id, Section::header, "unknown flags");
  if (header.image_codec != ImageCodec::tiny &&
      (header.dictionary_id != 0 || header.dictionary_check != 0)) {
    fail(id, Section::header, "a dictionary that the codec does not use");
  }
}

// A record whose header is as it was written. Sections are checked when they are asked for.
class CheckedRecord {
 public:
  CheckedRecord(const BankUuid& bank, SampleId id, Bytes record) : id_(id), record_(record) {
    if (record.size() < RecordLayout::kHeaderBytes) {
      fail(id, Section::header, "the record has only " + std::to_string(record.size()) + " bytes");
    }
    header_ = get_record_header(record);
    if (!header_.magic_ok) fail(id, Section::header, "this is no record");
    if (header_.header_hash != header_hash(bank, record)) {
      fail(id, Section::header,
           "a byte is not as it was written, or the record belongs to another bank");
    }
    if (header_.version > kRecordLayoutVersion) {
      throw Error(ErrorCode::wrong_version,
                  "sample " + std::to_string(raw(id)) + ": its record has layout version " +
                      std::to_string(header_.version) + ", this build reads up to " +
                      std::to_string(kRecordLayoutVersion),
                  "Use a newer slicebank.");
    }
    if (header_.version == 0) fail(id, Section::header, "layout version 0");
    if (header_.sample_id != id) {
      fail(id, Section::header,
           "this is the record of sample " + std::to_string(raw(header_.sample_id)));
    }
    if (header_.record_bytes() != record.size()) {
      fail(id, Section::header,
           "the record has " + std::to_string(record.size()) + " bytes, but its sections " +
               std::to_string(header_.record_bytes()));
    }
    check_codes(id, header_);
  }

  const RecordHeader& header() const noexcept { return header_; }
  SampleId id() const noexcept { return id_; }

  Bytes meta() const {
    return checked(Section::meta, RecordLayout::kHeaderBytes, header_.meta_bytes,
                   header_.meta_hash);
  }
  Bytes masks() const {
    return checked(Section::masks, RecordLayout::kHeaderBytes + std::size_t{header_.meta_bytes},
                   header_.masks_bytes, header_.masks_hash);
  }
  Bytes image() const {
    return checked(Section::image, record_.size() - header_.image_bytes, header_.image_bytes,
                   header_.image_hash);
  }

 private:
  Bytes checked(Section section, std::size_t offset, std::size_t size, std::uint64_t hash) const {
    const Bytes bytes = record_.subspan(offset, size);
    if (hash64(bytes) != hash) fail(id_, section, "a byte is not as it was written");
    return bytes;
  }

  SampleId id_;
  Bytes record_;
  RecordHeader header_;
};

RecordMeta read_meta(const CheckedRecord& record) {
  const Bytes section = record.meta();
  return located(record.id(), Section::meta, [&] { return decode_meta(record.header(), section); });
}

std::vector<Mask> read_masks(const CheckedRecord& record, const RecordMeta& meta,
                             std::span<const ClassId> classes) {
  const Bytes section = record.masks();
  return located(record.id(), Section::masks, [&] {
    return decode_masks_section(section, meta, record.header().height, record.header().width,
                                classes);
  });
}

void read_image(const CheckedRecord& record, const DictionarySource* dictionaries,
                MutableBytes out_hwc, RowRange rows = {}) {
  const RecordHeader& header = record.header();
  const ImageShape shape = header.shape();
  if (out_hwc.size() != shape.bytes()) {
    fail(record.id(), Section::image,
         "decoding needs " + std::to_string(shape.bytes()) + " bytes of memory, not " +
             std::to_string(out_hwc.size()),
         ErrorCode::bad_argument);
  }
  const Bytes section = record.image();
  std::shared_ptr<const Dictionary> dictionary;
  if (header.dictionary_id != 0) {
    const std::string name = "dictionary " + std::to_string(header.dictionary_id);
    if (dictionaries != nullptr) dictionary = dictionaries->find(header.dictionary_id);
    if (!dictionary) fail(record.id(), Section::image, name + " is missing");
    if (dictionary->digested().check != header.dictionary_check) {
      fail(record.id(), Section::image, name + " is not the one the image was coded with");
    }
  }
  located(record.id(), Section::image, [&] {
    decode_image_section(shape, header.image_codec, section, dictionary.get(), out_hwc, rows);
  });
}

SampleInfo info_of(const RecordHeader& header, RecordMeta&& meta) {
  SampleInfo info;
  info.id = header.sample_id;
  info.volume_id = header.volume_id;
  info.axis = header.axis;
  info.slice_index = header.slice_index;
  info.name = std::move(meta.name);
  info.shape = header.shape();
  info.image_hash = header.image_content;
  info.annotations = std::move(meta.annotations);
  return info;
}

// --- Encoding.

void check_sample(const Sample& sample) {
  const ImageShape& shape = sample.image.shape;
  check_shape(shape, "image");
  if (sample.image.image_hwc.size() != shape.bytes()) {
    throw Error(ErrorCode::bad_format,
                "the image has " + std::to_string(sample.image.image_hwc.size()) +
                    " bytes, but its shape " + std::to_string(shape.bytes()));
  }
  if (sample.axis < Axis::none || sample.axis > Axis::z) {
    throw Error(ErrorCode::bad_argument, "the sample's axis is none of those there are");
  }
  if (sample.name.size() > limits::kNameBytesMax) {
    throw Error(ErrorCode::limit, "the sample's name has " + std::to_string(sample.name.size()) +
                                      " bytes; the limit is " +
                                      std::to_string(limits::kNameBytesMax));
  }
  const std::uint64_t annotations = sample.masks.size() + sample.labels.size();
  if (annotations > limits::kAnnotationsMax) {
    throw Error(ErrorCode::limit, "the sample has " + std::to_string(annotations) +
                                      " annotations; the limit is " +
                                      std::to_string(limits::kAnnotationsMax));
  }
  if (sample.masks.size() > limits::kMasksBytesMax / shape.pixels()) {
    throw Error(ErrorCode::limit, std::to_string(sample.masks.size()) + " masks of " +
                                      std::to_string(shape.pixels()) +
                                      " pixels are more than a sample may have");
  }
}

void check_class(ClassId id) {
  if (raw(id) == 0) {
    throw Error(ErrorCode::bad_argument, "an annotation has no class (class id 0)");
  }
}

AnnotationInfo annotation_of(const Mask& mask, const MaskRuns& runs) {
  check_class(mask.class_id);
  AnnotationInfo info;
  info.kind = AnnotationKind::mask;
  info.class_id = mask.class_id;
  info.raw_class = mask.raw_class;
  info.instance = mask.instance;
  info.source_value = mask.source_value;
  info.area = runs.area;
  info.box = runs.box;
  return info;
}

AnnotationInfo annotation_of(const Label& label) {
  check_class(label.class_id);
  AnnotationInfo info;
  info.kind = AnnotationKind::label;
  info.class_id = label.class_id;
  info.raw_class = label.raw_class;
  info.value = label.value;
  return info;
}

// Header and sections as one, their sizes and hashes filled in.
std::vector<std::byte> assemble(RecordHeader header, Bytes meta, Bytes masks, Bytes image) {
  const std::uint64_t bytes =
      RecordLayout::kHeaderBytes + meta.size() + masks.size() + image.size();
  if (bytes > limits::kRecordBytesMax) {
    throw Error(ErrorCode::limit, "the record would have " + std::to_string(bytes) +
                                      " bytes; the limit is " +
                                      std::to_string(limits::kRecordBytesMax));
  }
  header.meta_bytes = static_cast<std::uint32_t>(meta.size());
  header.masks_bytes = static_cast<std::uint32_t>(masks.size());
  header.image_bytes = static_cast<std::uint32_t>(image.size());
  header.meta_hash = hash64(meta);
  header.masks_hash = hash64(masks);
  header.image_hash = hash64(image);
  std::vector<std::byte> record(RecordLayout::kHeaderBytes);
  record.reserve(static_cast<std::size_t>(bytes));
  put_record_header(header, record);
  append_bytes(record, meta);
  append_bytes(record, masks);
  append_bytes(record, image);
  return record;
}

}  // namespace

EncodedSample encode_sample(const Sample& sample, const CodecOptions& options) {
  check_sample(sample);
  const ImageShape& shape = sample.image.shape;
  RecordMeta meta;
  meta.name = sample.name;
  std::vector<MaskRuns> runs;
  runs.reserve(sample.masks.size());
  AnnotationHasher hasher(sample.masks.size(), sample.labels.size());
  for (const Mask& mask : sample.masks) {
    runs.push_back(scan_mask(mask.mask_hw, shape.height, shape.width));
    meta.annotations.push_back(annotation_of(mask, runs.back()));
    hasher.add(mask, runs.back(), shape.width);
  }
  for (const Label& label : sample.labels) {
    meta.annotations.push_back(annotation_of(label));
    hasher.add(label);
  }
  EncodedMasks masks = encode_masks(runs, shape.width, options.effort);
  meta.encodings = std::move(masks.encodings);
  EncodedImage image = encode_image(sample.image.view(), options);

  RecordHeader header;
  header.pixel_type = shape.pixel_type;
  header.image_codec = image.codec;
  header.axis = sample.axis;
  header.channels = static_cast<std::uint8_t>(shape.channels);
  header.height = shape.height;
  header.width = shape.width;
  header.annotations = static_cast<std::uint32_t>(meta.annotations.size());
  header.slice_index = sample.slice_index;
  header.dictionary_id = image.dictionary_id;
  header.dictionary_check = image.dictionary_check;
  header.image_content = hash_image(sample.image.view());
  header.masks_content = hasher.digest();

  EncodedSample encoded;
  encoded.masks_hash = header.masks_content;
  encoded.record = assemble(header, encode_meta(meta), masks.section, image.section);
  encoded.info = info_of(header, std::move(meta));
  return encoded;
}

std::vector<std::byte> seal_record(const BankUuid& bank, SampleId id, VolumeId volume,
                                   EncodedSample&& sample) {
  std::vector<std::byte> record = std::move(sample.record);
  put_little(MutableBytes(record), RecordLayout::kSampleId, raw(id));
  put_little(MutableBytes(record), RecordLayout::kVolumeId, raw(volume));
  put_little(MutableBytes(record), RecordLayout::kHeaderHash, header_hash(bank, record));
  return record;
}

SampleInfo decode_info(const BankUuid& bank, SampleId id, Bytes record) {
  const CheckedRecord checked(bank, id, record);
  return info_of(checked.header(), read_meta(checked));
}

void decode_image(const BankUuid& bank, SampleId id, Bytes record,
                  const DictionarySource* dictionaries, MutableBytes out_hwc) {
  read_image(CheckedRecord(bank, id, record), dictionaries, out_hwc);
}

std::vector<Mask> decode_masks(const BankUuid& bank, SampleId id, Bytes record,
                               std::span<const ClassId> classes) {
  const CheckedRecord checked(bank, id, record);
  return read_masks(checked, read_meta(checked), classes);
}

void decode_into(const BankUuid& bank, SampleId id, Bytes record,
                 const DictionarySource* dictionaries, DecodeSink& sink) {
  const CheckedRecord checked(bank, id, record);
  RecordMeta meta = read_meta(checked);
  SampleInfo info = info_of(checked.header(), RecordMeta(meta));
  const MutableBytes out_hwc = sink.begin(std::move(info));
  if (!out_hwc.empty()) read_image(checked, dictionaries, out_hwc, sink.rows());
  bool any = false;
  for (std::size_t i = 0; i < meta.masks() && !any; ++i) any = sink.wants_mask(i);
  if (!any) return;
  const Bytes section = checked.masks();
  located(id, Section::masks, [&] {
    decode_masks_section(section, meta, checked.header().height, checked.header().width, sink);
  });
}

Sample decode_sample(const BankUuid& bank, SampleId id, Bytes record,
                     const DictionarySource* dictionaries) {
  const CheckedRecord checked(bank, id, record);
  RecordMeta meta = read_meta(checked);
  Sample sample;
  sample.masks = read_masks(checked, meta, {});
  sample.image.shape = checked.header().shape();
  sample.image.image_hwc.resize(static_cast<std::size_t>(sample.image.shape.bytes()));
  read_image(checked, dictionaries, sample.image.image_hwc);
  for (std::size_t i = meta.masks(); i < meta.annotations.size(); ++i) {
    const AnnotationInfo& info = meta.annotations[i];
    sample.labels.push_back({info.class_id, info.raw_class, info.value});
  }
  sample.axis = checked.header().axis;
  sample.slice_index = checked.header().slice_index;
  sample.name = std::move(meta.name);
  return sample;
}

std::uint32_t record_dictionary(const BankUuid& bank, SampleId id, Bytes record) {
  return CheckedRecord(bank, id, record).header().dictionary_id;
}

ContentHash record_annotations_hash(const BankUuid& bank, SampleId id, Bytes record) {
  return CheckedRecord(bank, id, record).header().masks_content;
}

std::vector<std::byte> rebind_record(const BankUuid& from_bank, SampleId from_id, Bytes record,
                                     const BankUuid& to_bank, SampleId to_id, VolumeId to_volume,
                                     std::uint32_t to_dictionary, const ClassMap& to_class) {
  const CheckedRecord checked(from_bank, from_id, record);
  const Bytes masks = checked.masks();
  const Bytes image = checked.image();
  RecordHeader header = checked.header();
  RecordMeta meta = read_meta(checked);
  if (to_class) {
    for (AnnotationInfo& info : meta.annotations) {
      to_class(info.class_id, info.raw_class);
      check_class(info.class_id);
    }
  }
  if (to_dictionary != 0 && header.dictionary_id != 0) header.dictionary_id = to_dictionary;
  EncodedSample copy;
  copy.record = assemble(header, encode_meta(meta), masks, image);
  return seal_record(to_bank, to_id, to_volume, std::move(copy));
}

}  // namespace slicebank
