// What was taken out of a bank, and when it grew: the catalog's own memory.
#include "store/internal/catalog_codec.h"

namespace slicebank::catalog {

Payload encode(const Removal& removal) {
  return Encoder()
      .id(removal.generation)
      .number(static_cast<std::uint64_t>(removal.reason))
      .id(removal.first)
      .id(removal.end)
      .ascending(removal.ids)
      .finish();
}

Removal decode_removal(Bytes payload) {
  Decoder in(payload, "removal");
  Removal removal;
  removal.generation = in.id<Generation>();
  removal.reason =
      static_cast<RemovalReason>(in.number(static_cast<std::uint64_t>(RemovalReason::skipped)));
  removal.first = in.id<SampleId>();
  removal.end = in.id<SampleId>();
  removal.ids = in.ascending<SampleId>();
  in.finish();
  return removal;
}

Payload encode(const GenerationEntry& entry) {
  return Encoder()
      .id(entry.generation)
      .number(static_cast<std::uint64_t>(entry.kind))
      .id(entry.next_sample)
      .number(entry.samples)
      .number(entry.removed)
      .number(static_cast<std::uint64_t>(entry.committed_at))
      .finish();
}

GenerationEntry decode_generation(Bytes payload) {
  constexpr std::uint64_t kSecondsMax = std::uint64_t{1} << 40;  // some 35,000 years
  Decoder in(payload, "generation");
  GenerationEntry entry;
  entry.generation = in.id<Generation>();
  entry.kind =
      static_cast<GenerationKind>(in.number(1, static_cast<std::uint64_t>(GenerationKind::begin)));
  entry.next_sample = in.id<SampleId>();
  entry.samples = in.number();
  entry.removed = in.number();
  entry.committed_at = static_cast<std::int64_t>(in.number(0, kSecondsMax));
  in.finish();
  return entry;
}

}  // namespace slicebank::catalog
