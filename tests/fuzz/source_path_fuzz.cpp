// Paths and file names as foreign lists write them.
#include <cstdlib>
#include <string>

#include "formats/source_tree.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/sa_med2d_names.h"
#include "importers/internal/sam_med2d_names.h"
#include "schema/error.h"
#include "tests/fuzz/fuzz.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_names(const std::string& text) {
  using namespace slicebank;
  if (const auto name = sa_med2d::parse_image_name(text)) {
    require(!name->dataset.empty() && !name->case_name.empty() && !name->modality_sub.empty());
    const std::string patient = sa_med2d::patient_of(name->dataset, name->case_name);
    require(!patient.empty() && name->case_name.starts_with(patient));
  }
  if (const auto name = sa_med2d::parse_mask_name(text)) {
    require(sa_med2d::parse_image_name(name->image_stem + ".png").has_value());
  }
  const auto scan = sam_med2d::parse_image_stem(text).scan;
  require(text.starts_with(scan) && (!scan.empty() || text.empty()));
  static_cast<void>(sam_med2d::known_modality(scan));
  static_cast<void>(sam_med2d::parse_mask_stem(text, scan));
}

}  // namespace

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  using namespace slicebank;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char c : printable(text)) {
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
  require(internal::shown_path(text).size() < 2000);
  check_names(text);
  try {
    const std::string clean = clean_relative_path(text);
    require(clean_relative_path(clean) == clean);
    require(!clean.empty() && clean.front() != '/');
    require(("/" + clean + "/").find("/../") == std::string::npos);
    require(clean.find('\0') == std::string::npos && clean.find('\n') == std::string::npos);
    check_names(clean);
  } catch (const Error&) {
    // The only way out that is allowed.
  }
}
