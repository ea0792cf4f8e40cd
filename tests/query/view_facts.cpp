#include "tests/query/view_facts.h"

#include <map>
#include <stdexcept>
#include <string>

#include "store/select.h"

namespace slicebank::testing {
namespace {

Axis axis_named(std::string_view name) {
  for (const Axis axis : {Axis::none, Axis::x, Axis::y, Axis::z}) {
    if (axis_name(axis) == name) return axis;
  }
  throw std::runtime_error("no axis");
}

PixelType pixel_type_named(std::string_view name) {
  for (int code = 1; code <= 9; ++code) {
    const auto type = static_cast<PixelType>(code);
    if (pixel_type_name(type) == name) return type;
  }
  throw std::runtime_error("no pixel type");
}

std::uint32_t number(const Rows& rows, int column) {
  return static_cast<std::uint32_t>(rows.integer(column));
}

}  // namespace

std::vector<SampleFacts> facts_from_views(const Bank& bank) {
  std::map<std::int64_t, std::vector<std::string>> coverage;
  for (Rows rows = select(bank, "SELECT volume_id, class FROM coverage"); rows.next();) {
    coverage[rows.integer(0)].emplace_back(rows.text(1));
  }
  std::map<std::int64_t, std::vector<MaskFacts>> masks;
  for (Rows rows = select(bank,
                          "SELECT sample_id, raw_class, x0, y0, x1, y1, instance, area, class "
                          "FROM masks ORDER BY sample_id, number");
       rows.next();) {
    MaskFacts mask{std::string(rows.text(1)), number(rows, 2), number(rows, 3),
                   number(rows, 4),           number(rows, 5), number(rows, 6)};
    // The evaluator takes the box for the mask, and finds the class by its raw name.
    if (std::uint64_t{mask.x1 - mask.x0} * (mask.y1 - mask.y0) != number(rows, 7)) {
      throw std::runtime_error("a mask is no rectangle");
    }
    if (bank.taxonomy()->class_info(bank.taxonomy()->find_class(mask.raw_class).value())->name !=
        rows.text(8)) {
      throw std::runtime_error("a mask has another class than its name");
    }
    masks[rows.integer(0)].push_back(mask);
  }
  std::map<std::int64_t, std::vector<LabelFacts>> labels;
  for (Rows rows = select(bank, "SELECT sample_id, raw_class, value FROM labels"); rows.next();) {
    labels[rows.integer(0)].push_back({std::string(rows.text(1)), rows.real(2)});
  }
  std::vector<SampleFacts> all;
  for (Rows rows =
           select(bank,
                  "SELECT id, dataset, modality, sequence, region, patient, subject_id, volume, "
                  "volume_id, axis, slice, name, width, height, channels, pixel_type, spacing_x, "
                  "spacing_y, spacing_z, official_split FROM samples ORDER BY id");
       rows.next();) {
    SampleFacts facts;
    facts.id = SampleId{static_cast<std::uint64_t>(rows.integer(0))};
    facts.dataset = rows.text(1);
    facts.modality = rows.text(2);
    facts.sequence = rows.text(3);
    facts.region = rows.text(4);
    facts.patient = rows.text(5);
    facts.subject = static_cast<std::uint64_t>(rows.integer(6));
    facts.volume = rows.text(7);
    facts.coverage = coverage[rows.integer(8)];
    facts.axis = axis_named(rows.text(9));
    facts.slice = number(rows, 10);
    facts.name = rows.text(11);
    facts.width = number(rows, 12);
    facts.height = number(rows, 13);
    facts.channels = number(rows, 14);
    facts.pixel_type = pixel_type_named(rows.text(15));
    if (!rows.is_null(16)) facts.spacing = {{rows.real(16), rows.real(17), rows.real(18)}};
    facts.official_split = rows.text(19);
    facts.masks = masks[rows.integer(0)];
    facts.labels = labels[rows.integer(0)];
    all.push_back(std::move(facts));
  }
  return all;
}

FilterOracle::Splits splits_from_views(const Bank& bank) {
  FilterOracle::Splits splits;
  for (Rows rows = select(bank, "SELECT split, side, sample_id FROM splits"); rows.next();) {
    splits[std::string(rows.text(0))][static_cast<std::uint64_t>(rows.integer(2))] = rows.text(1);
  }
  return splits;
}

}  // namespace slicebank::testing
