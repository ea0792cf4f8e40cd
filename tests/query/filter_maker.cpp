#include "tests/query/filter_maker.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace slicebank::testing {

const std::vector<std::string> kClasses = {"liver",       "left kidney", "right kidney",
                                           "kidney",      "spleen",      "kidney tumor",
                                           "zebra thing", "polyp",       "Kidney_Left"};

namespace {

// Some that no mask has.
const std::vector<std::string> kLabelClasses = {"liver", "kidney", "pneumonia", "glaucoma"};

using Kind = Filter::Kind;

std::string pick(SplitMix& random, const std::vector<std::string>& words) {
  return words[random.below(words.size())];
}

FilterPtr node(Kind kind, std::vector<FilterPtr> children) {
  auto made = std::make_shared<Filter>();
  made->kind = kind;
  made->children = std::move(children);
  return made;
}

}  // namespace

// Everything that a filter can ask, in few values, so that conditions often meet.
SampleFacts random_facts(SplitMix& random, std::uint64_t number) {
  SampleFacts facts;
  const std::uint64_t dataset = random.below(3);
  facts.dataset = std::vector<std::string>{"Alpha", "beta's", "Gamma_3"}[dataset];
  facts.region = dataset == 0 ? "abdomen" : dataset == 1 ? "thorax" : "";
  const std::uint64_t patient = random.below(6);
  facts.patient = fmt::format("case_{}", patient);
  // Facts of a volume follow from its key.
  const std::uint64_t volume = random.below(3);
  facts.volume = fmt::format("vol_{}_{}", patient, volume);
  facts.modality = volume == 0 ? "CT" : volume == 1 ? "MR" : patient == 5 ? "" : "X-ray";
  facts.sequence = volume == 1 ? std::vector<std::string>{"", "T1", "T2"}[patient % 3] : "";
  facts.official_split = std::vector<std::string>{"", "train", "valid"}[patient % 3];
  if (patient % 2 == 0) facts.spacing = {{0.5, 0.75, 1.0 + static_cast<double>(volume)}};
  if (volume == 0) facts.coverage = {"liver", "left kidney", "right kidney", "spleen"};
  if (volume == 1) facts.coverage = {"kidney", "polyp"};
  if (volume == 1 && patient == 2) facts.coverage = {"left kidney"};
  facts.axis = random.below(4) == 0 ? Axis::none : Axis::z;
  facts.slice = static_cast<std::uint32_t>(number);
  facts.name = random.below(5) == 0 ? "" : fmt::format("Slice_{}%", random.below(20));
  facts.width = 8 + 4 * static_cast<std::uint32_t>(random.below(3));
  facts.height = 8 + 2 * static_cast<std::uint32_t>(random.below(3));
  facts.pixel_type = random.below(3) == 0 ? PixelType::u16 : PixelType::u8;
  facts.channels = random.below(6) == 0 ? 3 : 1;
  for (std::uint64_t masks = random.below(5); masks > 0; --masks) {
    MaskFacts mask;
    mask.raw_class = pick(random, kClasses);
    mask.x0 = static_cast<std::uint32_t>(random.below(6));
    mask.x1 = mask.x0 + static_cast<std::uint32_t>(random.below(facts.width - mask.x0 + 1));
    mask.y0 = static_cast<std::uint32_t>(random.below(6));
    mask.y1 = mask.y0 + 1 + static_cast<std::uint32_t>(random.below(facts.height - mask.y0));
    mask.instance = static_cast<std::uint32_t>(random.below(4));
    facts.masks.push_back(mask);
  }
  if (random.below(4) == 0) {
    const bool own = random.below(2) == 0;
    facts.labels.push_back(
        {pick(random, own ? kLabelClasses : kClasses), static_cast<double>(random.below(3)) - 0.5});
  }
  if (random.below(4) == 0) facts.labels.push_back({pick(random, kClasses), 0.0});
  return facts;
}

// Two splits, on some of the samples.
FilterOracle::Splits add_splits(BankBuilder& builder, SplitMix& random) {
  FilterOracle::Splits splits;
  for (const char* name : {"main", "other"}) {
    SplitData split;
    split.name = name;
    split.sides = {"left", "right"};
    for (const SampleFacts& sample : builder.samples()) {
      if (random.below(3) == 0) continue;
      split.samples.push_back(sample.id);
      split.members.push_back(static_cast<std::uint16_t>(random.below(2)));
      splits[name][raw(sample.id)] = split.sides[split.members.back()];
    }
    builder.writer().put_split(split);
  }
  return splits;
}

FilterPtr FilterMaker::make(int depth, bool in_mask) {
  const std::uint64_t drawn = random_.below(depth > 0 ? 12 : 6);
  if (drawn >= 6) {
    const Kind kind = drawn < 9 ? Kind::logical_and : Kind::logical_or;
    if (drawn == 11) return node(Kind::logical_not, {make(depth - 1, in_mask)});
    std::vector<FilterPtr> children;
    for (std::uint64_t n = 2 + random_.below(3); n > 0; --n) {
      children.push_back(make(depth - 1, in_mask));
    }
    return node(kind, children);
  }
  if (drawn == 5) return node(Kind::logical_not, {leaf(in_mask)});
  if (drawn == 4 && !in_mask) return special(depth);
  return leaf(in_mask);
}

FilterPtr FilterMaker::special(int depth) {
  auto made = std::make_shared<Filter>();
  switch (random_.below(4)) {
    case 0:
    case 1:
      return node(Kind::mask, {make(std::min(depth, 2), true)});
    case 2:
      made->kind = random_.below(2) == 0 ? Kind::absent : Kind::unknown;
      made->values = {pick(random_, kClasses)};
      return made;
    default:
      made->kind = Kind::split_side;
      made->values = {pick(random_, {"main", "other"})};
      if (random_.below(4) == 0) {
        made->negated = random_.below(2) == 0;
        return made;
      }
      made->values.emplace_back(std::string("left"));
      if (random_.below(3) == 0) {
        made->values.emplace_back(std::string("right"));
        made->negated = random_.below(2) == 0;
      } else if (random_.below(3) == 0) {
        made->comparison = Comparison::not_equal;
      }
      return made;
  }
}

FilterPtr FilterMaker::field_leaf(bool in_mask) {
  const std::vector<FieldInfo>& fields = filter_fields();
  const FieldInfo* field = &fields[random_.below(fields.size())];
  while (in_mask && !field->of_mask) {
    field = &fields[random_.below(fields.size())];
  }
  auto made = std::make_shared<Filter>();
  made->field = field->name;
  if (field->type == "yes/no") {
    made->kind = random_.below(2) == 0 ? Kind::flag : Kind::compare;
    if (made->kind == Kind::compare) {
      made->values = {random_.below(2) == 0};
      if (random_.below(2) == 0) made->comparison = Comparison::not_equal;
    }
    return made;
  }
  const bool text = field->type == "text";
  switch (random_.below(8)) {
    case 0:
      made->kind = Kind::is_null;
      made->negated = random_.below(2) == 0;
      break;
    case 1:
    case 2:
      made->kind = Kind::in;
      for (std::uint64_t n = 1 + random_.below(3); n > 0; --n) {
        made->values.push_back(value(field->name));
      }
      made->negated = random_.below(3) == 0;
      break;
    case 3:
      if (text) {
        made->kind = Kind::like;
        made->values = {pick(random_, {"%e%", "l%", "_R", "case\\_1", "%\\%", "A%", "%_t%"})};
        if (random_.below(2) == 0) {
          made->values.emplace_back(std::string("\\"));
        }
        made->negated = random_.below(3) == 0;
        break;
      }
      [[fallthrough]];
    case 4: {
      made->kind = Kind::between;
      FilterValue low = value(field->name);
      made->values = {low, value(field->name)};
      made->negated = random_.below(3) == 0;
      break;
    }
    default:
      made->kind = Kind::compare;
      made->comparison =
          random_.below(2) == 0 ? Comparison::equal : static_cast<Comparison>(random_.below(6));
      made->values = {value(field->name)};
      break;
  }
  const bool equality = made->kind == Kind::in ||
                        (made->kind == Kind::compare && made->comparison <= Comparison::not_equal);
  if (field->name == "class" && equality) made->exact = random_.below(4) == 0;
  return made;
}

FilterValue FilterMaker::value(const std::string& field) {
  const auto whole = [&](std::int64_t low, std::uint64_t count) {
    return FilterValue(low + static_cast<std::int64_t>(random_.below(count)));
  };
  if (field == "class") return pick(random_, random_.below(8) == 0 ? kLabelClasses : kClasses);
  if (field == "raw_class") return pick(random_, {"liver", "kidney", "pneumonia", "no such word"});
  if (field == "modality") return pick(random_, {"CT", "mri", "X-ray", "PET"});
  if (field == "sequence") return pick(random_, {"T1", "T2", "FLAIR"});
  if (field == "region" || field == "class_region") {
    return pick(random_, {"abdomen", "thorax", "brain"});
  }
  if (field == "dataset") return pick(random_, {"Alpha", "beta's", "Gamma_3"});
  if (field == "patient") return pick(random_, {"case_0", "case_1", "case_5", "nobody"});
  if (field == "volume") return pick(random_, {"vol_0_0", "vol_1_2", "vol_5_1"});
  if (field == "official_split") return pick(random_, {"train", "valid", "test"});
  if (field == "axis") return pick(random_, {"2d", "x", "z"});
  if (field == "side") return pick(random_, {"left", "right"});
  if (field == "pixel_type") return pick(random_, {"u8", "u16", "f32"});
  if (field == "name") return pick(random_, {"", "Slice_1%", "slice_2%"});
  if (field == "area_fraction") {
    return std::vector<FilterValue>{0.25, 0.125,      1.0,      0.0, std::int64_t{0},
                                    0.1,  6.0 / 96.0, 1.0 / 3.0}[random_.below(8)];
  }
  if (field.rfind("spacing_", 0) == 0) {
    return std::vector<FilterValue>{0.5, 0.75, std::int64_t{2}, 2.5}[random_.below(4)];
  }
  if (field == "id" || field == "slice") return whole(0, 320);
  if (field == "area") return whole(0, 40);
  return whole(0, 16);
}

FilterPtr FilterMaker::leaf(bool in_mask) {
  return random_.below(6) == 0 ? formula_leaf(in_mask) : field_leaf(in_mask);
}

// Conditions on something calculated. Inside mask(...) a field of the mask must be in it.
FilterPtr FilterMaker::formula_leaf(bool in_mask) {
  const bool with_masks = in_mask || random_.below(2) == 0;
  auto asked = std::make_shared<Formula>();
  asked->kind = static_cast<Formula::Kind>(3 + random_.below(4));
  auto field = std::make_shared<Formula>();
  field->kind = Formula::Kind::field;
  field->field =
      with_masks
          ? pick(random_, {"area", "x0", "x1", "y1", "box_width", "instance", "area_fraction"})
          : pick(random_, {"width", "height", "slice", "spacing_x", "spacing_z"});
  asked->operands = {field, formula(2, with_masks)};
  if (random_.below(2) == 0) std::swap(asked->operands[0], asked->operands[1]);

  auto made = std::make_shared<Filter>();
  made->formulas = {asked};
  switch (random_.below(6)) {
    case 0:
      made->kind = Kind::is_null;
      made->negated = random_.below(2) == 0;
      break;
    case 1:
      made->kind = Kind::in;
      made->values = {std::int64_t{0}, std::int64_t{4}, 0.5};
      made->negated = random_.below(3) == 0;
      break;
    case 2:
      made->kind = Kind::between;
      made->formulas.push_back(formula(1, with_masks));
      made->formulas.push_back(formula(1, with_masks));
      made->negated = random_.below(3) == 0;
      break;
    default:
      made->kind = Kind::compare;
      made->comparison = static_cast<Comparison>(random_.below(6));
      made->formulas.push_back(formula(1, with_masks));
  }
  return made;
}

FormulaPtr FilterMaker::formula(int depth, bool with_masks) {
  auto made = std::make_shared<Formula>();
  const std::uint64_t drawn = random_.below(depth > 0 ? 8 : 4);
  if (drawn < 2) {
    made->number = random_.below(3) == 0
                       ? FilterValue(static_cast<double>(random_.below(9)) / 4)
                       : FilterValue(static_cast<std::int64_t>(random_.below(20)) - 4);
  } else if (drawn < 4) {
    made->kind = Formula::Kind::field;
    made->field = with_masks && random_.below(2) == 0
                      ? pick(random_, {"area", "x0", "y0", "x1", "y1", "box_height"})
                      : pick(random_, {"width", "height", "slice", "masks", "spacing_y", "id"});
  } else if (drawn == 4) {
    made->kind = Formula::Kind::negate;
    made->operands = {formula(depth - 1, with_masks)};
  } else {
    made->kind = static_cast<Formula::Kind>(3 + random_.below(4));
    made->operands = {formula(depth - 1, with_masks), formula(depth - 1, with_masks)};
  }
  return made;
}

}  // namespace slicebank::testing
