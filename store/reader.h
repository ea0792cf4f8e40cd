// Samples by id. One short LMDB read transaction a call, so that a long training run
// never pins pages. No SQLite is touched. Safe from many threads at once.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "schema/ids.h"
#include "schema/sample.h"

namespace slicebank {

struct BankState;
class DecodeSink;  // store/record.h

// Which parts of a sample to read. Sections that are left out are not even touched.
struct ReadParts {
  bool image = true;
  bool masks = true;
  std::vector<ClassId> classes;  // ascending; empty: all. Use Taxonomy::members for a union
};

class Reader {
 public:
  // Each throws Error(not_found) for an id that never was or was deleted (the message
  // says which, and in which generation), Error(corrupt) naming the sample otherwise.
  SampleInfo info(SampleId id) const;
  Sample sample(SampleId id, const ReadParts& parts = {}) const;
  // What sample() gives, cut to the box: image and masks are (y1 - y0) x (x1 - x0), and a mask
  // with nothing in it is there, empty. Rows and runs outside are left out as far as the codec
  // allows. Error(bad_argument) for a box that is empty or reaches out of the image.
  Sample crop(SampleId id, const Box& box, const ReadParts& parts = {}) const;
  Image image(SampleId id) const;
  std::vector<Mask> masks(SampleId id, std::span<const ClassId> classes = {}) const;

  // Decodes into the caller's memory, which must hold exactly the image's bytes.
  void image_into(SampleId id, MutableBytes out_hwc) const;

  // Decodes into memory that the sink gives, part by part. The transaction lasts until the
  // last call of the sink returns, which must not read from this bank.
  void read_into(SampleId id, DecodeSink& sink) const;

  // Many samples under one read transaction, in the order of `ids`.
  std::vector<Sample> samples(std::span<const SampleId> ids, const ReadParts& parts = {}) const;

  // Asks the kernel to bring these records into memory (index-ahead prefetch).
  void prefetch(std::span<const SampleId> ids) const;

  // Size of the stored record in bytes.
  std::size_t record_bytes(SampleId id) const;

  // Ascending ids of all records, chunk by chunk, a transaction each. `visit` returns
  // false to stop.
  void for_each_id(const std::function<bool(SampleId)>& visit) const;

  explicit Reader(std::shared_ptr<BankState> state);

 private:
  std::shared_ptr<BankState> state_;
};

}  // namespace slicebank
