// Images of a single value: empty slices at the end of a scan, failed exports. Many people
// have them, and they say nothing of whose they are.
#pragma once

#include <set>

#include "schema/ids.h"
#include "schema/sample.h"
#include "store/bank.h"
#include "store/reader.h"

namespace slicebank {

// Every pixel equals the first one.
bool is_blank(const Image& image);

// Asks each image once. Reads the bank's records. Use one from one thread.
class BlankImages {
 public:
  explicit BlankImages(const Bank& bank) : reader_(bank.reader()) {}

  // Whether the image with this hash, which `sample` has, is blank.
  bool contains(const ContentHash& hash, SampleId sample);

 private:
  Reader reader_;
  std::set<ContentHash> blank_;
  std::set<ContentHash> other_;
};

}  // namespace slicebank
