// Three ways to read the same pictures: from the bank, with libpng, with OpenCV.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/support/child.h"
#include "bench/support/read_material.h"

namespace slicebank::bench {

using Order = std::vector<std::size_t>;  // places in Material::pictures

// What reading some pictures took.
struct Timing {
  double wall_seconds = 0;  // until the last worker was done
  double cpu_seconds = 0;   // of all workers together: what a busy machine cannot stretch
};

// A way to read pictures. `run` reads each part with a worker of its own, all at once.
struct Contender {
  std::string name;
  std::function<Timing(const std::vector<Order>& parts)> run;
};

// The contenders borrow `material`.
Contender bank_contender(const Material& material);
Contender libpng_contender(const Material& material);

// One Python process a worker, kept for all rounds; none where cv2 cannot be had.
class OpenCv {
 public:
  OpenCv(const Material& material, const std::string& python, std::uint32_t workers);

  bool is_there() const { return !children_.empty(); }
  const std::string& reason() const { return reason_; }  // why it is not there
  const std::string& version() const { return version_; }

  // Each process times itself; the slowest one's wall clock counts.
  Timing run(const std::vector<Order>& parts);
  // Sum of the values of one picture.
  std::uint64_t sum(std::size_t place);

 private:
  std::string answer(std::size_t child);

  std::vector<Child> children_;
  std::string version_;
  std::string reason_;
};

// Reads some pictures in every way and throws Error(corrupt) when they differ: times
// mean nothing before that.
void check_agreement(const Material& material, OpenCv& opencv);

}  // namespace slicebank::bench
