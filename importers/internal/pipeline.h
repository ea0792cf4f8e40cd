// The moving part of an import: one thread scans, many decode and encode, and the caller
// gets the outcomes in the order in which it admitted the items.
//
// The slices of one item are encoded by all threads: while one reads a volume, the others
// encode what it has cut off already. What they make waits until the item is complete, so
// that it can be forgotten where the volume turns out to be damaged. The caller's thread alone
// calls next(), admit() and stop(). Memory is bounded: a few items a thread are under way, a few
// slices a thread wait to be encoded, and threads wait while finished outcomes pile up.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "importers/import.h"
#include "importers/importer.h"
#include "importers/internal/fingerprint.h"
#include "store/record.h"

namespace slicebank::internal {

struct Scanned {
  SourceItem item;
  Fingerprint fingerprint;
};

// A slice that is ready for the writer. Where `tiny` is set the record is still to be
// made: the commit stage knows the dictionary.
struct EncodedSlice {
  EncodedSample encoded;
  std::optional<Sample> tiny;
};

// What became of an item.
struct Outcome {
  Scanned scanned;  // as admitted
  bool failed = false;
  DecodedItem decoded;               // samples are empty; problems hold why it failed
  std::vector<EncodedSlice> slices;  // in order
  std::uint64_t pixel_bytes = 0;
  std::uint64_t held_bytes = 0;  // of the slices, for the pipeline's own account
};

struct PipelineOptions {
  unsigned jobs = 1;
  Effort effort = Effort::balanced;
  std::uint64_t limit = 0;           // items to scan; 0 is all
  std::uint64_t held_bytes_max = 0;  // of finished outcomes
  DecodeOptions decode;
  SliceOptions slices;

  // Called for each item as scanned, in the scanning thread.
  std::function<void(SourceItem&)> adjust;
};

class Pipeline {
 public:
  // Both must outlive the pipeline. Starts the threads.
  Pipeline(const Importer& importer, const SourceTree& source, const PipelineOptions& options);
  ~Pipeline();  // stops the threads and waits for them
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Exactly one of the two is set; none when nothing happened for a moment (look at the
  // clock and at the stop token) or when all is done (see done()).
  struct Event {
    std::optional<Scanned> scanned;  // to be admitted, or dropped
    std::optional<Outcome> outcome;  // in the order of admit()
  };

  // Waits for the next event. Outcomes come first.
  Event next();

  // Nothing is left: the scan has ended and all outcomes were given.
  bool done() const;

  // Of all slices that were cut so far, but those of items that failed: moves while a
  // large volume is being read.
  std::uint64_t pixel_bytes() const;

  // Throws what scan() threw; everything before it was given by then.
  void rethrow_scan_error();

  // Hands an item to the decoding threads. Masks carry their class ids by now.
  void admit(Scanned&& item);

  // No new items: what is being decoded is finished, what waits is dropped. next() gives
  // the outcomes that are in order, and then done() is true.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slicebank::internal
