#include "store/internal/projection.h"

#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "schema/error.h"
#include "store/catalog.h"

namespace slicebank {
namespace {

std::string hex64(std::uint64_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 0; i < 16; ++i) text[i] = kDigits[value >> (60 - 4 * i) & 0xf];
  return text;
}

// Own words for an array of numbers and strings: the same text for the same values, in
// every locale and with every release of the JSON library.
std::string json_of(const std::vector<double>& values) { return nlohmann::json(values).dump(); }

std::string json_of(const std::vector<std::string>& values) {
  return nlohmann::json(values).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

template <typename Id>
void bind_optional(sqlite::Statement& statement, int parameter, const std::optional<Id>& value) {
  if (value) {
    statement.bind(parameter, *value);
  } else {
    statement.bind_null(parameter);
  }
}

}  // namespace

VolumeFacts volume_facts(std::optional<Bytes> payload, VolumeId volume) {
  if (!payload) {
    throw Error(ErrorCode::corrupt,
                "volume " + std::to_string(raw(volume)) + " has samples and is not in the catalog",
                "run `slicebank verify`");
  }
  const catalog::StoredVolume stored = catalog::decode_volume(*payload);
  const VolumeInfo& info = stored.info;
  return {info.dataset_id,
          info.subject_id,
          info.modality,
          info.sequence,
          official_split_value(info.official_split),
          stored.coverage_set};
}

VolumeFacts volume_facts(const lmdb::ReadTransaction& transaction, const BankUuid& bank,
                         VolumeId volume) {
  return volume_facts(
      read_catalog(transaction, bank, catalog::id_key(catalog::Kind::volume, raw(volume))), volume);
}

struct Projection::Statements {
  explicit Statements(const sqlite::Connection& db)
      : insert_sample(db.prepare("INSERT INTO _sample VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")),
        insert_mask(db.prepare("INSERT INTO _mask VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)")),
        insert_label(db.prepare("INSERT INTO _label VALUES(?,?,?,?,?,?,?)")),
        facets_of_sample(db.prepare(
            "SELECT s.modality_id, s.dataset_id, s.subject_id, s.axis, v.sequence_id, "
            "v.official_split, v.coverage_set FROM _sample s JOIN _volume v ON v.id = s.volume_id "
            "WHERE s.id = ?")),
        cells_of_sample(db.prepare(
            "SELECT k.class_id, k.area, s.width * s.height, k.touches_border FROM _mask k "
            "JOIN _sample s ON s.id = k.sample_id WHERE k.sample_id = ?")),
        labels_of_sample(db.prepare("SELECT class_id, value FROM _label WHERE sample_id = ?")),
        facets_of_masks(db.prepare("SELECT class_id, modality_id, dataset_id, count(*) FROM _mask "
                                   "WHERE sample_id = ? GROUP BY 1, 2, 3")),
        delete_sample(db.prepare("DELETE FROM _sample WHERE id = ?")),
        delete_masks(db.prepare("DELETE FROM _mask WHERE sample_id = ?")),
        delete_labels(db.prepare("DELETE FROM _label WHERE sample_id = ?")),
        pending(db.prepare("INSERT OR IGNORE INTO _pending_delete VALUES(?)")),
        subject(db.prepare("INSERT OR REPLACE INTO _subject VALUES(?,?,?,?)")),
        volume(
            db.prepare("INSERT OR REPLACE INTO _volume VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")),
        ledger(db.prepare("INSERT OR REPLACE INTO _ledger VALUES(?,?,?,?)")),
        problem(db.prepare("INSERT OR REPLACE INTO _problem VALUES(?,?,?,?,?,?)")),
        split_sample(db.prepare("INSERT INTO _split_sample VALUES(?,?,?)")),
        generation(db.prepare("INSERT OR REPLACE INTO _generation VALUES(?,?,?,?,?,?)")) {}

  sqlite::Statement insert_sample, insert_mask, insert_label, facets_of_sample, cells_of_sample,
      labels_of_sample, facets_of_masks, delete_sample, delete_masks, delete_labels, pending,
      subject, volume, ledger, problem, split_sample, generation;
};

Projection::Projection(sqlite::Connection& connection)
    : connection_(connection),
      statements_(std::make_unique<Statements>(connection)),
      facets_(connection) {}
Projection::~Projection() = default;

void Projection::insert_sample(const SampleInfo& info, std::uint64_t record_bytes,
                               const VolumeFacts& volume) {
  std::int64_t masks = 0;
  for (const AnnotationInfo& each : info.annotations) {
    masks += each.kind == AnnotationKind::mask ? 1 : 0;
  }
  const auto labels = static_cast<std::int64_t>(info.annotations.size()) - masks;
  statements_->insert_sample
      .bind_all(info.id, info.volume_id, volume.modality, volume.dataset, volume.subject, info.axis,
                info.slice_index, info.name, info.shape.width, info.shape.height,
                info.shape.channels, info.shape.pixel_type, masks, labels, record_bytes,
                info.image_hash.high, info.image_hash.low)
      .run();
  ++sample_counts_[{raw(volume.modality), raw(volume.dataset)}];
  note_sample(info.id, info.axis, volume, true);
  insert_annotations(info, volume);
}

void Projection::insert_annotations(const SampleInfo& info, const VolumeFacts& volume) {
  std::map<std::uint32_t, std::int64_t> masks_of_class;
  std::uint32_t mask_number = 0;
  std::uint32_t label_number = 0;
  for (const AnnotationInfo& each : info.annotations) {
    if (each.kind == AnnotationKind::label) {
      statements_->insert_label
          .bind_all(each.class_id, volume.modality, volume.dataset, info.id, label_number++,
                    each.raw_class, each.value)
          .run();
      note_label(info.id, each.class_id, each.value, true);
      continue;
    }
    const Box& box = each.box;
    const bool border = !box.empty() && (box.x0 == 0 || box.y0 == 0 || box.x1 == info.shape.width ||
                                         box.y1 == info.shape.height);
    statements_->insert_mask
        .bind_all(each.class_id, volume.modality, volume.dataset, info.id, mask_number++,
                  each.raw_class, each.instance, each.area,
                  each.area * 1'000'000 / info.shape.pixels(), box.x0, box.y0, box.x1, box.y1,
                  border)
        .run();
    note_mask(info.id, {each.class_id, area_bin(each.area, info.shape.pixels()), border}, true);
    ++masks_of_class[raw(each.class_id)];
  }
  for (const auto& [class_id, masks] : masks_of_class) {
    Counts& counts = mask_counts_[{class_id, raw(volume.modality), raw(volume.dataset)}];
    counts.masks += masks;
    counts.samples += 1;
  }
}

void Projection::note_sample(SampleId id, Axis axis, const VolumeFacts& volume, bool added) {
  const auto note = [&](FacetKind kind, std::int64_t value) {
    added ? facets_.add(kind, value, id) : facets_.remove(kind, value, id);
  };
  note(FacetKind::everything, 0);
  note(FacetKind::modality, raw(volume.modality));
  note(FacetKind::dataset, raw(volume.dataset));
  note(FacetKind::sequence, raw(volume.sequence));
  note(FacetKind::axis, static_cast<std::int64_t>(axis));
  note(FacetKind::subject, static_cast<std::int64_t>(raw(volume.subject)));
  note(FacetKind::official_split, volume.official_split);
  note(FacetKind::coverage, volume.coverage_set);
}

void Projection::note_mask(SampleId id, const MaskCell& cell, bool added) {
  const auto note = [&](FacetKind kind, std::int64_t value) {
    added ? facets_.add(kind, value, id) : facets_.remove(kind, value, id);
  };
  note(FacetKind::mask_class, raw(cell.class_id));
  note(FacetKind::mask_cell, mask_cell_value(cell));
}

void Projection::note_label(SampleId id, ClassId class_id, double value, bool added) {
  if (!(value >= 0)) return;
  const FacetKind kind = value > 0 ? FacetKind::label_class : FacetKind::zero_label;
  added ? facets_.add(kind, raw(class_id), id) : facets_.remove(kind, raw(class_id), id);
}

bool Projection::remove_sample(SampleId id) {
  auto& facets = statements_->facets_of_sample.bind_all(id);
  const bool found = facets.step();
  if (found) {
    VolumeFacts volume;
    volume.modality = ModalityId{static_cast<std::uint16_t>(facets.integer(0))};
    volume.dataset = DatasetId{static_cast<std::uint32_t>(facets.integer(1))};
    volume.subject = SubjectId{static_cast<std::uint64_t>(facets.integer(2))};
    volume.sequence = SequenceId{static_cast<std::uint16_t>(facets.integer(4))};
    volume.official_split = official_split_value(std::string(facets.text(5)));
    volume.coverage_set = static_cast<std::uint32_t>(facets.integer(6));
    --sample_counts_[{raw(volume.modality), raw(volume.dataset)}];
    note_sample(id, static_cast<Axis>(facets.integer(3)), volume, false);
  }
  facets.reset();
  remove_annotations(id);
  statements_->delete_sample.bind_all(id).run();
  return found;
}

void Projection::remove_annotations(SampleId id) {
  auto& cells = statements_->cells_of_sample.bind_all(id);
  while (cells.step()) {
    note_mask(id,
              {ClassId{static_cast<std::uint32_t>(cells.integer(0))},
               area_bin(static_cast<std::uint64_t>(cells.integer(1)),
                        static_cast<std::uint64_t>(cells.integer(2))),
               cells.integer(3) != 0},
              false);
  }
  cells.reset();
  auto& labels = statements_->labels_of_sample.bind_all(id);
  while (labels.step()) {
    note_label(id, ClassId{static_cast<std::uint32_t>(labels.integer(0))}, labels.real(1), false);
  }
  labels.reset();
  auto& masks = statements_->facets_of_masks.bind_all(id);
  while (masks.step()) {
    Counts& counts = mask_counts_[{static_cast<std::uint32_t>(masks.integer(0)),
                                   static_cast<std::uint16_t>(masks.integer(1)),
                                   static_cast<std::uint32_t>(masks.integer(2))}];
    counts.masks -= masks.integer(3);
    counts.samples -= 1;
  }
  masks.reset();
  statements_->delete_masks.bind_all(id).run();
  statements_->delete_labels.bind_all(id).run();
}

void Projection::add_pending_delete(SampleId id) { statements_->pending.bind_all(id).run(); }

void Projection::clear_pending_deletes() { connection_.execute("DELETE FROM _pending_delete"); }

// --- Entities

void Projection::entity(std::string_view key, std::optional<Bytes> payload) {
  using catalog::Kind;
  switch (catalog::kind_of(key)) {
    case Kind::dataset:
      return project_dataset(DatasetId{catalog::id32_of(key)}, payload);
    case Kind::volume:
      return project_volume(VolumeId{catalog::id64_of(key)}, payload);
    case Kind::split:
      return project_split(SplitId{catalog::id32_of(key)}, payload);
    case Kind::coverage_set:
      return project_coverage_set(catalog::id32_of(key), payload);
    case Kind::bank_class:
      taxonomy_changed_ = true;
      return;
    default:
      return project_other(key, payload);
  }
}

void Projection::project_dataset(DatasetId id, std::optional<Bytes> payload) {
  for (const char* sql :
       {"DELETE FROM _raw_class WHERE dataset_id = ?", "DELETE FROM _dataset WHERE id = ?"}) {
    connection_.prepare(sql).bind_all(id).run();
  }
  if (!payload) return;
  const DatasetInfo info = catalog::decode_dataset(*payload);
  connection_.prepare("INSERT INTO _dataset VALUES(?,?,?,?,?,?,?,?,?,?,?,?)")
      .bind_all(info.id, info.name, info.version, info.source_url, info.citation,
                info.image_licence.text, info.image_licence.tag, info.image_licence.source,
                info.label_licence.text, info.label_licence.tag, info.label_licence.source,
                info.region)
      .run();
  auto insert = connection_.prepare("INSERT INTO _raw_class VALUES(?,?,?,?,?)");
  std::uint32_t number = 0;
  for (const RawClass& each : info.classes) {
    insert.bind_all(info.id, ++number, each.name, each.code, each.class_id).run();
  }
}

void Projection::project_volume(VolumeId id, std::optional<Bytes> payload) {
  if (!payload) {
    connection_.prepare("DELETE FROM _volume WHERE id = ?").bind_all(id).run();
    return;
  }
  const catalog::StoredVolume volume = catalog::decode_volume(*payload);
  const VolumeInfo& info = volume.info;
  move_samples(id, volume);
  if (!info.official_split.empty()) {
    connection_.prepare("INSERT OR IGNORE INTO _official_split VALUES(?,?)")
        .bind_all(official_split_value(info.official_split), info.official_split)
        .run();
  }
  auto& row = statements_->volume;
  row.bind_all(info.id, info.dataset_id, info.subject_id, info.import_id, info.key, info.modality,
               info.sequence, info.source_modality, info.official_split,
               json_of(info.channel_names));
  for (int axis = 0; axis < 3; ++axis) {
    std::optional<double> spacing;
    if (info.spacing_xyz_mm) spacing = (*info.spacing_xyz_mm)[static_cast<std::size_t>(axis)];
    bind_optional(row, 11 + axis, spacing);
  }
  if (info.affine_4x4.empty()) {
    row.bind_null(14);
  } else {
    row.bind(14, std::string_view(json_of(info.affine_4x4)));
  }
  row.bind(15, std::string_view(info.source_path));
  row.bind(16, std::int64_t{volume.coverage_set});
  row.run();
}

// A volume's coverage grows while an import finds more of its masks: the samples that are
// there already go along.
void Projection::move_samples(VolumeId id, const catalog::StoredVolume& volume) {
  auto before = connection_.prepare("SELECT coverage_set FROM _volume WHERE id = ?");
  before.bind_all(id);
  if (!before.step()) return;
  const std::int64_t old_set = before.integer(0);
  if (old_set == volume.coverage_set) return;
  auto rows = connection_.prepare("SELECT id FROM _sample WHERE volume_id = ?");
  rows.bind_all(id);
  while (rows.step()) {
    const SampleId sample{static_cast<std::uint64_t>(rows.integer(0))};
    facets_.remove(FacetKind::coverage, old_set, sample);
    facets_.add(FacetKind::coverage, volume.coverage_set, sample);
  }
}

void Projection::project_split(SplitId id, std::optional<Bytes> payload) {
  for (const char* sql :
       {"DELETE FROM _split_sample WHERE split_id = ?",
        "DELETE FROM _split_side WHERE split_id = ?", "DELETE FROM _split WHERE id = ?"}) {
    connection_.prepare(sql).bind_all(id).run();
  }
  facets_.erase(FacetKind::split_side, split_side_value(id, 0),
                split_side_value(SplitId{raw(id) + 1}, 0));
  if (!payload) return;
  const SplitData split = catalog::decode_split(*payload);
  connection_.prepare("INSERT INTO _split VALUES(?,?,?,?,?)")
      .bind_all(split.id, split.name, split.params_json, split.report_json, split.generation)
      .run();
  auto insert_side = connection_.prepare("INSERT INTO _split_side VALUES(?,?,?)");
  for (std::size_t side = 0; side < split.sides.size(); ++side) {
    insert_side.bind_all(split.id, side, split.sides[side]).run();
  }
  std::vector<std::vector<std::uint32_t>> sides(split.sides.size());
  for (std::size_t i = 0; i < split.samples.size(); ++i) {
    statements_->split_sample.bind_all(split.id, split.members[i], split.samples[i]).run();
    if (raw(split.samples[i]) >= IdSet::kIdEnd) continue;
    sides[split.members[i]].push_back(static_cast<std::uint32_t>(raw(split.samples[i])));
  }
  for (std::size_t side = 0; side < sides.size(); ++side) {
    facets_.replace(FacetKind::split_side, split_side_value(id, static_cast<std::uint16_t>(side)),
                    std::move(sides[side]));
  }
}

void Projection::project_coverage_set(std::uint32_t id, std::optional<Bytes> payload) {
  connection_.prepare("DELETE FROM _coverage_set WHERE id = ?").bind_all(id).run();
  if (!payload) return;
  auto insert = connection_.prepare("INSERT INTO _coverage_set VALUES(?,?)");
  for (const ClassId each : catalog::decode_classes(*payload)) insert.bind_all(id, each).run();
}

void Projection::project_other(std::string_view key, std::optional<Bytes> payload) {
  using catalog::Kind;
  switch (catalog::kind_of(key)) {
    case Kind::subject: {
      if (!payload) return;  // subjects, imports and the ledger only grow
      const SubjectInfo info = catalog::decode_subject(*payload);
      statements_->subject.bind_all(info.id, info.dataset_id, info.patient_id, info.alias_group)
          .run();
      return;
    }
    case Kind::import: {
      if (!payload) return;
      const ImportInfo info = catalog::decode_import(*payload);
      connection_.prepare("INSERT OR REPLACE INTO _import VALUES(?,?,?,?,?)")
          .bind_all(info.id, info.importer, info.source_root, info.options_json, info.tool_version)
          .run();
      return;
    }
    case Kind::ledger: {
      if (!payload) return;
      const LedgerEntry entry = catalog::decode_ledger(*payload);
      statements_->ledger
          .bind_all(entry.scope, entry.item_key,
                    hex64(entry.fingerprint_high) + hex64(entry.fingerprint_low),
                    entry.samples.size())
          .run();
      return;
    }
    case Kind::problem: {
      if (!payload) {
        connection_.prepare("DELETE FROM _problem WHERE id = ?")
            .bind_all(catalog::id64_of(key))
            .run();
        return;
      }
      const catalog::StoredProblem stored = catalog::decode_problem(*payload);
      const Problem& problem = stored.problem;
      statements_->problem
          .bind_all(stored.id, problem.import_id, problem.severity, problem.kind, problem.path,
                    problem.message)
          .run();
      return;
    }
    case Kind::generation: {
      if (!payload) return;
      const GenerationEntry entry = catalog::decode_generation(*payload);
      auto& row = statements_->generation;
      row.bind_all(entry.generation, entry.kind, entry.next_sample, entry.samples, entry.removed);
      if (entry.committed_at == 0) {
        row.bind_null(6);
      } else {
        row.bind(6, std::string_view(utc_text(entry.committed_at)));
      }
      row.run();
      return;
    }
    default:
      throw Error(ErrorCode::corrupt, "a catalog key that has no rows stands in a batch",
                  "run `slicebank reindex`");
  }
}

// --- Taxonomy, facet counts, position

void Projection::write_taxonomy(const Taxonomy& taxonomy) {
  connection_.execute(
      "DELETE FROM _modality; DELETE FROM _sequence; DELETE FROM _region;"
      "DELETE FROM _class; DELETE FROM _class_member");
  auto modality = connection_.prepare("INSERT INTO _modality VALUES(?,?)");
  for (const ModalityInfo& each : taxonomy.modalities())
    modality.bind_all(each.id, each.name).run();
  auto sequence = connection_.prepare("INSERT INTO _sequence VALUES(?,?,?)");
  for (const SequenceInfo& each : taxonomy.sequences()) {
    sequence.bind_all(each.id, each.modality, each.name).run();
  }
  auto region = connection_.prepare("INSERT INTO _region VALUES(?,?)");
  for (const RegionInfo& each : taxonomy.regions()) region.bind_all(each.id, each.name).run();
  write_classes(taxonomy);
}

void Projection::write_classes(const Taxonomy& taxonomy) {
  auto insert = connection_.prepare("INSERT INTO _class VALUES(?,?,?,?,?,?)");
  auto member = connection_.prepare("INSERT INTO _class_member VALUES(?,?)");
  for (const ClassInfo& each : taxonomy.classes()) {
    insert.bind_all(each.id, each.name, each.base, each.side, each.region, each.lesion).run();
    for (const ClassId below : taxonomy.members(each.id)) member.bind_all(each.id, below).run();
  }
}

void Projection::finish(const Taxonomy& taxonomy) {
  if (taxonomy_changed_) write_taxonomy(taxonomy);
  taxonomy_changed_ = false;

  auto masks = connection_.prepare(
      "INSERT INTO _rollup_mask VALUES(?,?,?,?,?) ON CONFLICT DO UPDATE SET "
      "masks = masks + excluded.masks, samples = samples + excluded.samples");
  for (const auto& [facet, counts] : mask_counts_) {
    masks.bind_all(std::get<0>(facet), std::get<1>(facet), std::get<2>(facet), counts.masks,
                   counts.samples);
    masks.run();
  }
  auto samples = connection_.prepare(
      "INSERT INTO _rollup_sample VALUES(?,?,?) ON CONFLICT DO UPDATE SET "
      "samples = samples + excluded.samples");
  for (const auto& [facet, count] : sample_counts_) {
    samples.bind_all(std::get<0>(facet), std::get<1>(facet), count).run();
  }
  connection_.execute(
      "DELETE FROM _rollup_mask WHERE masks = 0;"
      "DELETE FROM _rollup_sample WHERE samples = 0");
  mask_counts_.clear();
  sample_counts_.clear();
  facets_.flush();
}

void Projection::fill_facets() {
  connection_.execute("DELETE FROM _facet; DELETE FROM _official_split");
  {
    auto rows = connection_.prepare(
        "SELECT s.id, s.axis, s.modality_id, s.dataset_id, s.subject_id, v.sequence_id, "
        "v.official_split, v.coverage_set FROM _sample s JOIN _volume v ON v.id = s.volume_id");
    while (rows.step()) {
      VolumeFacts volume;
      volume.modality = ModalityId{static_cast<std::uint16_t>(rows.integer(2))};
      volume.dataset = DatasetId{static_cast<std::uint32_t>(rows.integer(3))};
      volume.subject = SubjectId{static_cast<std::uint64_t>(rows.integer(4))};
      volume.sequence = SequenceId{static_cast<std::uint16_t>(rows.integer(5))};
      volume.official_split = official_split_value(std::string(rows.text(6)));
      volume.coverage_set = static_cast<std::uint32_t>(rows.integer(7));
      note_sample(SampleId{static_cast<std::uint64_t>(rows.integer(0))},
                  static_cast<Axis>(rows.integer(1)), volume, true);
    }
  }
  fill_annotation_facets();
  fill_split_facets();
  facets_.flush();
}

void Projection::fill_annotation_facets() {
  auto masks = connection_.prepare(
      "SELECT k.sample_id, k.class_id, k.area, s.width * s.height, k.touches_border "
      "FROM _mask k JOIN _sample s ON s.id = k.sample_id");
  while (masks.step()) {
    note_mask(SampleId{static_cast<std::uint64_t>(masks.integer(0))},
              {ClassId{static_cast<std::uint32_t>(masks.integer(1))},
               area_bin(static_cast<std::uint64_t>(masks.integer(2)),
                        static_cast<std::uint64_t>(masks.integer(3))),
               masks.integer(4) != 0},
              true);
  }
  auto labels = connection_.prepare("SELECT sample_id, class_id, value FROM _label");
  while (labels.step()) {
    note_label(SampleId{static_cast<std::uint64_t>(labels.integer(0))},
               ClassId{static_cast<std::uint32_t>(labels.integer(1))}, labels.real(2), true);
  }
}

void Projection::fill_split_facets() {
  auto rows = connection_.prepare("SELECT split_id, side, sample_id FROM _split_sample");
  while (rows.step()) {
    facets_.add(FacetKind::split_side,
                split_side_value(SplitId{static_cast<std::uint32_t>(rows.integer(0))},
                                 static_cast<std::uint16_t>(rows.integer(1))),
                SampleId{static_cast<std::uint64_t>(rows.integer(2))});
  }
  auto names =
      connection_.prepare("SELECT DISTINCT official_split FROM _volume WHERE official_split != ''");
  auto insert = connection_.prepare("INSERT OR IGNORE INTO _official_split VALUES(?,?)");
  while (names.step()) {
    const std::string name(names.text(0));
    insert.bind_all(official_split_value(name), name).run();
  }
}

void Projection::set_position(const BankUuid& bank, const BankPosition& position) {
  auto put = connection_.prepare("INSERT OR REPLACE INTO _meta VALUES(?,?)");
  put.bind_all("uuid", uuid_text(bank)).run();
  put.bind_all("generation", std::to_string(raw(position.generation))).run();
  put.bind_all("token", hex64(position.token)).run();
  put.bind_all("taxonomy", std::to_string(Taxonomy::builtin_version())).run();
}

IndexPosition read_index_position(const sqlite::Connection& connection) {
  IndexPosition position;
  const auto number = [](std::string_view text, int base) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value, base);
    return value;
  };
  auto rows = connection.prepare("SELECT key, value FROM _meta");
  while (rows.step()) {
    const std::string_view key = rows.text(0);
    const std::string_view value = rows.text(1);
    if (key == "uuid") position.uuid = std::string(value);
    if (key == "generation") position.generation = Generation{number(value, 10)};
    if (key == "token") position.token = number(value, 16);
    if (key == "taxonomy") position.taxonomy = static_cast<std::uint32_t>(number(value, 10));
  }
  return position;
}

}  // namespace slicebank
