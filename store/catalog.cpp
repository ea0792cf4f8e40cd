#include "store/catalog.h"

#include "schema/limits.h"
#include "store/internal/catalog_codec.h"

namespace slicebank::catalog {
namespace {

void put_licence(Encoder& out, const Licence& licence) {
  out.text(licence.text).text(licence.tag).text(licence.source);
}

Licence get_licence(Decoder& in) {
  Licence licence;
  licence.text = in.text();
  licence.tag = in.text();
  licence.source = in.text();
  return licence;
}

}  // namespace

// --- Entities

Payload encode(const DatasetInfo& info) {
  Encoder out;
  out.id(info.id).text(info.name).text(info.version).text(info.source_url).text(info.citation);
  put_licence(out, info.image_licence);
  put_licence(out, info.label_licence);
  out.id(info.region).number(info.classes.size());
  for (const RawClass& each : info.classes) {
    out.text(each.name).text(each.code).id(each.class_id);
  }
  return out.finish();
}

DatasetInfo decode_dataset(Bytes payload) {
  Decoder in(payload, "dataset");
  DatasetInfo info;
  info.id = in.id<DatasetId>();
  info.name = in.text();
  info.version = in.text();
  info.source_url = in.text();
  info.citation = in.text();
  info.image_licence = get_licence(in);
  info.label_licence = get_licence(in);
  info.region = in.id<RegionId>();
  info.classes.resize(in.count());
  for (RawClass& each : info.classes) {
    each.name = in.text();
    each.code = in.text();
    each.class_id = in.id<ClassId>();
  }
  in.finish();
  return info;
}

Payload encode(const SubjectInfo& info) {
  return Encoder()
      .id(info.id)
      .id(info.dataset_id)
      .text(info.patient_id)
      .number(info.alias_group)
      .finish();
}

SubjectInfo decode_subject(Bytes payload) {
  Decoder in(payload, "subject");
  SubjectInfo info;
  info.id = in.id<SubjectId>();
  info.dataset_id = in.id<DatasetId>();
  info.patient_id = in.text();
  info.alias_group = in.number();
  in.finish();
  return info;
}

Payload encode(const StoredVolume& volume) {
  const VolumeInfo& info = volume.info;
  Encoder out;
  out.id(info.id).id(info.dataset_id).id(info.subject_id).id(info.import_id).text(info.key);
  out.id(info.modality).id(info.sequence).text(info.source_modality).text(info.official_split);
  out.number(info.channel_names.size());
  for (const std::string& name : info.channel_names) out.text(name);
  out.number(info.spacing_xyz_mm ? 1 : 0);
  if (info.spacing_xyz_mm) {
    for (const double spacing : *info.spacing_xyz_mm) out.real(spacing);
  }
  out.number(info.affine_4x4.size());
  for (const double element : info.affine_4x4) out.real(element);
  out.text(info.source_path).number(volume.coverage_set);
  return out.finish();
}

StoredVolume decode_volume(Bytes payload) {
  Decoder in(payload, "volume");
  StoredVolume volume;
  VolumeInfo& info = volume.info;
  info.id = in.id<VolumeId>();
  info.dataset_id = in.id<DatasetId>();
  info.subject_id = in.id<SubjectId>();
  info.import_id = in.id<ImportId>();
  info.key = in.text();
  info.modality = in.id<ModalityId>();
  info.sequence = in.id<SequenceId>();
  info.source_modality = in.text();
  info.official_split = in.text();
  info.channel_names.resize(in.count());
  for (std::string& name : info.channel_names) name = in.text();
  if (in.number(1) != 0) {
    info.spacing_xyz_mm.emplace();
    for (double& spacing : *info.spacing_xyz_mm) spacing = in.real();
  }
  info.affine_4x4.resize(in.count());
  for (double& element : info.affine_4x4) element = in.real();
  info.source_path = in.text();
  volume.coverage_set = static_cast<std::uint32_t>(in.number(kAny32));
  in.finish();
  return volume;
}

Payload encode(const ClassInfo& info) {
  Encoder out;
  out.id(info.id).text(info.name).text(info.base).number(static_cast<std::uint64_t>(info.side));
  out.id(info.region).number(info.lesion ? 1 : 0).number(info.aliases.size());
  for (const std::string& alias : info.aliases) out.text(alias);
  out.number(info.parents.size());
  for (const ClassId parent : info.parents) out.id(parent);
  return out.finish();
}

ClassInfo decode_class(Bytes payload) {
  Decoder in(payload, "class");
  ClassInfo info;
  info.id = in.id<ClassId>();
  info.name = in.text();
  info.base = in.text();
  info.side = static_cast<Side>(in.number(static_cast<std::uint64_t>(Side::right)));
  info.region = in.id<RegionId>();
  info.lesion = in.number(1) != 0;
  info.aliases.resize(in.count());
  for (std::string& alias : info.aliases) alias = in.text();
  info.parents.resize(in.count());
  for (ClassId& parent : info.parents) parent = in.id<ClassId>();
  in.finish();
  return info;
}

Payload encode(const ImportInfo& info) {
  return Encoder()
      .id(info.id)
      .text(info.importer)
      .text(info.source_root)
      .text(info.options_json)
      .text(info.tool_version)
      .finish();
}

ImportInfo decode_import(Bytes payload) {
  Decoder in(payload, "import");
  ImportInfo info;
  info.id = in.id<ImportId>();
  info.importer = in.text();
  info.source_root = in.text();
  info.options_json = in.text();
  info.tool_version = in.text();
  in.finish();
  return info;
}

Payload encode(const StoredProblem& stored) {
  const Problem& problem = stored.problem;
  return Encoder()
      .number(stored.id)
      .id(problem.import_id)
      .number(static_cast<std::uint64_t>(problem.severity))
      .text(problem.kind)
      .text(problem.path)
      .text(problem.message)
      .text(stored.scope)
      .text(stored.item_key)
      .finish();
}

StoredProblem decode_problem(Bytes payload) {
  Decoder in(payload, "problem");
  StoredProblem stored;
  stored.id = in.number();
  stored.problem.import_id = in.id<ImportId>();
  stored.problem.severity =
      static_cast<Severity>(in.number(static_cast<std::uint64_t>(Severity::skipped)));
  stored.problem.kind = in.text();
  stored.problem.path = in.text();
  stored.problem.message = in.text();
  stored.scope = in.text();
  stored.item_key = in.text();
  in.finish();
  return stored;
}

Payload encode(const LedgerEntry& entry) {
  Encoder out;
  out.text(entry.scope).text(entry.item_key);
  out.fixed(entry.fingerprint_high).fixed(entry.fingerprint_low);
  for (const auto* ids : {&entry.samples, &entry.superseded}) {
    out.number(ids->size());
    for (const SampleId each : *ids) out.id(each);
  }
  return out.finish();
}

LedgerEntry decode_ledger(Bytes payload) {
  Decoder in(payload, "ledger entry");
  LedgerEntry entry;
  entry.scope = in.text();
  entry.item_key = in.text();
  entry.fingerprint_high = in.fixed();
  entry.fingerprint_low = in.fixed();
  for (auto* ids : {&entry.samples, &entry.superseded}) {
    ids->resize(in.count());
    for (SampleId& each : *ids) each = in.id<SampleId>();
  }
  in.finish();
  return entry;
}

Payload encode(const StoredDictionary& dictionary) {
  return Encoder()
      .number(dictionary.id)
      .id(dictionary.dataset)
      .number(static_cast<std::uint64_t>(dictionary.shape.pixel_type))
      .number(dictionary.shape.height)
      .number(dictionary.shape.width)
      .number(dictionary.shape.channels)
      .bytes(dictionary.bytes)
      .finish();
}

StoredDictionary decode_dictionary(Bytes payload) {
  Decoder in(payload, "dictionary");
  StoredDictionary dictionary;
  dictionary.id = static_cast<std::uint32_t>(in.number(kAny32));
  dictionary.dataset = in.id<DatasetId>();
  dictionary.shape.pixel_type = static_cast<PixelType>(in.number(0xff));
  dictionary.shape.height = static_cast<std::uint32_t>(in.number(kAny32));
  dictionary.shape.width = static_cast<std::uint32_t>(in.number(kAny32));
  dictionary.shape.channels = static_cast<std::uint32_t>(in.number(kAny32));
  dictionary.bytes = in.bytes(limits::kDictionaryBytesMax);
  in.finish();
  return dictionary;
}

Payload encode(const SplitData& split) {
  Encoder out;
  out.id(split.id).text(split.name).text(split.params_json).text(split.report_json);
  out.id(split.generation).number(split.sides.size());
  for (const std::string& side : split.sides) out.text(side);
  out.ascending(split.samples);
  for (const std::uint16_t member : split.members) out.number(member);
  return out.finish();
}

SplitData decode_split(Bytes payload, bool with_samples) {
  Decoder in(payload, "split");
  SplitData split;
  split.id = in.id<SplitId>();
  split.name = in.text();
  split.params_json = in.text();
  split.report_json = in.text();
  split.generation = in.id<Generation>();
  split.sides.resize(in.count());
  for (std::string& side : split.sides) side = in.text();
  if (!with_samples) return split;
  split.samples = in.ascending<SampleId>();
  split.members.resize(split.samples.size());
  for (std::uint16_t& member : split.members) {
    member = static_cast<std::uint16_t>(in.number(split.sides.size() - 1));
  }
  in.finish();
  return split;
}

Payload encode(const SavedSelection& selection) {
  Encoder out;
  out.text(selection.name).text(selection.query).id(selection.generation);
  out.text(selection.fingerprint).number(selection.samples.size());
  for (const SampleId each : selection.samples) out.id(each);
  return out.finish();
}

SavedSelection decode_saved_selection(Bytes payload, bool with_samples) {
  Decoder in(payload, "saved selection");
  SavedSelection selection;
  selection.name = in.text();
  selection.query = in.text();
  selection.generation = in.id<Generation>();
  selection.fingerprint = in.text();
  if (!with_samples) return selection;
  selection.samples.resize(in.count());
  for (SampleId& each : selection.samples) each = in.id<SampleId>();
  in.finish();
  return selection;
}

Payload encode_classes(const std::vector<ClassId>& classes) {
  return Encoder().ascending(classes).finish();
}

std::vector<ClassId> decode_classes(Bytes payload) {
  Decoder in(payload, "coverage set");
  auto classes = in.ascending<ClassId>();
  in.finish();
  return classes;
}

Payload encode_id(std::uint64_t id) { return Encoder().number(id).finish(); }

std::uint64_t decode_id(Bytes payload) {
  Decoder in(payload, "catalog id");
  const std::uint64_t id = in.number();
  in.finish();
  return id;
}

}  // namespace slicebank::catalog
