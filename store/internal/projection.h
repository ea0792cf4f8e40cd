// Records and catalog entries as rows: the one piece of code that a commit, a
// roll-forward and a reindex share, so that all three write the same index.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "schema/ids.h"
#include "schema/sample.h"
#include "schema/taxonomy.h"
#include "store/catalog.h"
#include "store/facets.h"
#include "store/internal/facet_writer.h"
#include "store/internal/sqlite.h"
#include "store/internal/state.h"

namespace slicebank {

// What a row of a sample takes from its volume.
struct VolumeFacts {
  DatasetId dataset{};
  SubjectId subject{};
  ModalityId modality{};
  SequenceId sequence{};
  std::int64_t official_split = 0;  // as official_split_value() has it
  std::uint32_t coverage_set = 0;
};

// Error(corrupt) when the volume is not in the catalog.
VolumeFacts volume_facts(const lmdb::ReadTransaction& transaction, const BankUuid& bank,
                         VolumeId volume);
VolumeFacts volume_facts(std::optional<Bytes> payload, VolumeId volume);

// Works inside a transaction of the caller. finish() belongs at the end of each.
class Projection {
 public:
  explicit Projection(sqlite::Connection& connection);
  ~Projection();
  Projection(const Projection&) = delete;
  Projection& operator=(const Projection&) = delete;

  // The catalog entry under `key` as it now is; nothing when it is gone.
  void entity(std::string_view key, std::optional<Bytes> payload);

  void insert_sample(const SampleInfo& info, std::uint64_t record_bytes, const VolumeFacts& volume);
  // False when there is no such row.
  bool remove_sample(SampleId id);

  void add_pending_delete(SampleId id);
  void clear_pending_deletes();

  // Writes names and classes anew when asked, or when an entity() changed them.
  void rewrite_taxonomy() { taxonomy_changed_ = true; }

  // Facet counts, and the taxonomy where it changed.
  void finish(const Taxonomy& taxonomy);

  // Who the index belongs to and where it stands; the last thing before the commit.
  void set_position(const BankUuid& bank, const BankPosition& position);

  // Facets of rows that an older build wrote without any.
  void fill_facets();

 private:
  struct Statements;
  struct Counts {
    std::int64_t masks = 0;
    std::int64_t samples = 0;
  };
  using MaskFacet = std::tuple<std::uint32_t, std::uint16_t, std::uint32_t>;
  using SampleFacet = std::tuple<std::uint16_t, std::uint32_t>;

  void insert_annotations(const SampleInfo& info, const VolumeFacts& volume);
  void note_sample(SampleId id, Axis axis, const VolumeFacts& volume, bool added);
  void note_mask(SampleId id, const MaskCell& cell, bool added);
  void note_label(SampleId id, ClassId class_id, double value, bool added);
  void remove_annotations(SampleId id);
  void fill_annotation_facets();
  void fill_split_facets();
  void move_samples(VolumeId id, const catalog::StoredVolume& volume);
  void project_dataset(DatasetId id, std::optional<Bytes> payload);
  void project_volume(VolumeId id, std::optional<Bytes> payload);
  void project_split(SplitId id, std::optional<Bytes> payload);
  void project_coverage_set(std::uint32_t id, std::optional<Bytes> payload);
  void project_other(std::string_view key, std::optional<Bytes> payload);
  void write_taxonomy(const Taxonomy& taxonomy);
  void write_classes(const Taxonomy& taxonomy);

  sqlite::Connection& connection_;
  std::unique_ptr<Statements> statements_;
  FacetWriter facets_;
  std::map<MaskFacet, Counts> mask_counts_;
  std::map<SampleFacet, std::int64_t> sample_counts_;
  bool taxonomy_changed_ = false;
};

// What the index says of itself.
struct IndexPosition {
  std::string uuid;
  Generation generation{};
  std::uint64_t token = 0;
  std::uint32_t taxonomy = 0;  // version of the built-in names it was written with
};
IndexPosition read_index_position(const sqlite::Connection& connection);

}  // namespace slicebank
