#include "query/internal/normal_form.h"

#include <memory>
#include <utility>

#include "query/internal/mask_sql.h"

namespace slicebank {
namespace {

using Kind = Filter::Kind;

FilterPtr node(Kind kind, std::size_t column, std::vector<FilterPtr> children) {
  auto made = std::make_shared<Filter>();
  made->kind = kind;
  made->column = column;
  made->children = std::move(children);
  return made;
}

// Whether one IN can say both: the same field, names or values that are asked for.
bool can_merge(const Filter& a, const Filter& b) {
  return !a.field.empty() && a.field == b.field && a.exact == b.exact && is_positive_equality(a) &&
         is_positive_equality(b);
}

// Says both in one IN. Places in the text are kept where both have them.
void append(Filter& list, const Filter& more) {
  const bool places = list.value_columns.size() == list.values.size() &&
                      more.value_columns.size() == more.values.size();
  if (!places) list.value_columns.clear();
  for (std::size_t i = 0; places && i < more.value_columns.size(); ++i) {
    list.value_columns.push_back(more.value_columns[i]);
  }
  list.values.insert(list.values.end(), more.values.begin(), more.values.end());
}

// Children of an OR, neighbours that one IN can say said by it.
std::vector<FilterPtr> merge_equalities(const std::vector<FilterPtr>& children) {
  std::vector<FilterPtr> kept;
  std::shared_ptr<Filter> list;  // the last of `kept`, when it is a new one
  for (const FilterPtr& child : children) {
    if (kept.empty() || !can_merge(*kept.back(), *child)) {
      kept.push_back(child);
      list = nullptr;
      continue;
    }
    if (list == nullptr) {
      list = std::make_shared<Filter>(*kept.back());
      list->kind = Kind::in;
      kept.back() = list;
    }
    append(*list, *child);
  }
  return kept;
}

FilterPtr normal(const FilterPtr& filter, bool negated) {
  switch (filter->kind) {
    case Kind::logical_not:
      return normal(filter->children.front(), !negated);
    case Kind::logical_and:
    case Kind::logical_or: {
      const Kind kind =
          (filter->kind == Kind::logical_and) != negated ? Kind::logical_and : Kind::logical_or;
      std::vector<FilterPtr> children;
      for (const FilterPtr& child : filter->children) {
        FilterPtr part = normal(child, negated);
        if (part->kind == kind) {
          children.insert(children.end(), part->children.begin(), part->children.end());
        } else {
          children.push_back(std::move(part));
        }
      }
      if (kind == Kind::logical_or) children = merge_equalities(children);
      if (children.size() == 1) return children.front();
      return node(kind, filter->column, std::move(children));
    }
    case Kind::mask: {
      FilterPtr inner = node(Kind::mask, filter->column, {normal(filter->children.front(), false)});
      return negated ? node(Kind::logical_not, filter->column, {std::move(inner)}) : inner;
    }
    default:
      return negated ? node(Kind::logical_not, filter->column, {filter}) : filter;
  }
}

using Conjunct = std::vector<FilterPtr>;

// Nothing where it takes more than `most`.
std::vector<Conjunct> conjuncts_of(const FilterPtr& filter, std::size_t most) {
  if (filter->kind == Kind::logical_or) {
    std::vector<Conjunct> all;
    for (const FilterPtr& child : filter->children) {
      std::vector<Conjunct> some = conjuncts_of(child, most);
      if (some.empty() || all.size() + some.size() > most) return {};
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }
  if (filter->kind != Kind::logical_and) return {Conjunct{filter}};
  std::vector<Conjunct> all{Conjunct{}};
  for (const FilterPtr& child : filter->children) {
    const std::vector<Conjunct> some = conjuncts_of(child, most);
    if (some.empty() || all.size() * some.size() > most) return {};
    std::vector<Conjunct> product;
    for (const Conjunct& left : all) {
      for (const Conjunct& right : some) {
        product.push_back(left);
        product.back().insert(product.back().end(), right.begin(), right.end());
      }
    }
    all = std::move(product);
  }
  return all;
}

}  // namespace

FilterPtr normal_form(const Filter& filter) {
  return normal(std::make_shared<Filter>(filter), false);
}

std::vector<FilterPtr> alternatives_of(const FilterPtr& normal, std::size_t most) {
  std::vector<FilterPtr> alternatives;
  for (Conjunct& conjunct : conjuncts_of(normal, most)) {
    alternatives.push_back(conjunct.size() == 1
                               ? conjunct.front()
                               : node(Kind::logical_and, normal->column, std::move(conjunct)));
  }
  if (alternatives.empty()) return {normal};
  return alternatives;
}

}  // namespace slicebank
