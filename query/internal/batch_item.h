// One item: read, placed, and put into its slot of a batch.
#pragma once

#include <cstddef>
#include <cstdint>

#include "query/batch.h"
#include "query/internal/batch_plan.h"
#include "query/internal/batch_pool.h"
#include "query/loader.h"
#include "store/bank.h"
#include "store/reader.h"

namespace slicebank {

// What all items of a batch share. Borrowed parts outlive the batch's making.
struct BatchMaking {
  const Bank& bank;
  const Reader& reader;
  const BatchPlan& plan;
  BatchPool& pool;
  RandomKey key;
};

// Gives the batch its shape, as a slice of this shape wants it, and memory for `items`.
// Throws Error(bad_argument), or Error(limit) when that is too much memory.
void shape_batch(const BatchPlan& plan, const ImageShape& shape, std::size_t items, Batch& batch);

// Whether the shape depends on the spec alone.
bool has_fixed_shape(const BatchSpec& spec) noexcept;

// Fills slot `index`. With `shapes` the batch gets its shape from this item first. Throws
// what Reader throws, and Error(bad_argument) naming the sample. Threads may fill different
// slots of a batch at once.
void make_item(const BatchMaking& making, const LoadItem& item, std::size_t index, bool shapes,
               Batch& batch, BatchScratch& scratch);

// Moves what slot `from` holds into slot `to`, which is below it.
void move_item(std::size_t from, std::size_t to, Batch& batch);

// Leaves `items` slots.
void shorten_batch(std::size_t items, Batch& batch);

}  // namespace slicebank
