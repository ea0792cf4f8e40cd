// A table as an Arrow stream. Buffers are not copied: arrays point into the table's
// columns, and each array that is handed out keeps the table.
#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "python/native/arrow_c.h"
#include "python/native/table.h"

namespace slicebank::python {
namespace {

// What stands behind an exported schema: its name, and the memory of its children.
struct SchemaOwner {
  std::string name;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> pointers;
};

void release_schema(ArrowSchema* schema) {
  for (std::int64_t i = 0; i < schema->n_children; ++i) {
    // A consumer may have moved a child away; it is marked as released then.
    if (schema->children[i]->release != nullptr) schema->children[i]->release(schema->children[i]);
  }
  delete static_cast<SchemaOwner*>(schema->private_data);
  schema->release = nullptr;
}

const char* format_of(Column::Kind kind) {
  switch (kind) {
    case Column::Kind::integer:
      return "l";
    case Column::Kind::real:
      return "g";
    case Column::Kind::none:
    case Column::Kind::text:
      return "U";
  }
  return "U";
}

void fill_schema(ArrowSchema* out, const char* format, const std::string& name) {
  auto owner = std::make_unique<SchemaOwner>();
  owner->name = name;
  *out = {};
  out->format = format;
  out->name = owner->name.c_str();
  out->release = release_schema;
  out->private_data = owner.release();
}

struct ArrayOwner {
  std::shared_ptr<const Table> table;
  std::array<const void*, 3> buffers{};
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> pointers;
};

void release_array(ArrowArray* array) {
  for (std::int64_t i = 0; i < array->n_children; ++i) {
    if (array->children[i]->release != nullptr) array->children[i]->release(array->children[i]);
  }
  delete static_cast<ArrayOwner*>(array->private_data);
  array->release = nullptr;
}

void fill_column(const std::shared_ptr<const Table>& table, const Column& column, ArrowArray* out) {
  auto owner = std::make_unique<ArrayOwner>();
  owner->table = table;
  owner->buffers[0] = column.nulls() == 0 ? nullptr : column.valid_bits().data();
  std::int64_t buffers = 2;
  switch (column.kind()) {
    case Column::Kind::integer:
      owner->buffers[1] = column.integers().data();
      break;
    case Column::Kind::real:
      owner->buffers[1] = column.reals().data();
      break;
    case Column::Kind::none:
    case Column::Kind::text:
      owner->buffers[1] = column.offsets().data();
      owner->buffers[2] = column.bytes().data();
      buffers = 3;
      break;
  }
  *out = {};
  out->length = static_cast<std::int64_t>(column.size());
  out->null_count = static_cast<std::int64_t>(column.nulls());
  out->n_buffers = buffers;
  out->buffers = owner->buffers.data();
  out->release = release_array;
  out->private_data = owner.release();
}

void fill_batch(const std::shared_ptr<const Table>& table, ArrowArray* out) {
  auto owner = std::make_unique<ArrayOwner>();
  owner->table = table;
  owner->children.resize(table->columns.size());
  for (ArrowArray& child : owner->children) owner->pointers.push_back(&child);
  for (std::size_t i = 0; i < table->columns.size(); ++i) {
    fill_column(table, table->columns[i], &owner->children[i]);
  }
  *out = {};
  out->length = static_cast<std::int64_t>(table->rows());
  out->n_buffers = 1;  // validity of the rows themselves: all are there
  out->buffers = owner->buffers.data();
  out->n_children = static_cast<std::int64_t>(owner->pointers.size());
  out->children = owner->pointers.data();
  out->release = release_array;
  out->private_data = owner.release();
}

struct StreamOwner {
  std::shared_ptr<const Table> table;
  bool given = false;
};

int stream_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  try {
    export_schema(*static_cast<StreamOwner*>(stream->private_data)->table, out);
    return 0;
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

int stream_next(ArrowArrayStream* stream, ArrowArray* out) {
  auto& owner = *static_cast<StreamOwner*>(stream->private_data);
  *out = {};  // released: the end
  if (owner.given || owner.table->rows() == 0) return 0;
  try {
    fill_batch(owner.table, out);
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
  owner.given = true;
  return 0;
}

const char* stream_error(ArrowArrayStream*) { return nullptr; }

void release_stream(ArrowArrayStream* stream) {
  delete static_cast<StreamOwner*>(stream->private_data);
  stream->release = nullptr;
}

}  // namespace

void export_schema(const Table& table, ArrowSchema* out) {
  auto owner = std::make_unique<SchemaOwner>();
  owner->children.resize(table.columns.size());
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    fill_schema(&owner->children[i], format_of(table.columns[i].kind()), table.columns[i].name());
    owner->children[i].flags = kArrowNullable;
    owner->pointers.push_back(&owner->children[i]);
  }
  *out = {};
  out->format = "+s";
  out->name = owner->name.c_str();
  out->n_children = static_cast<std::int64_t>(owner->pointers.size());
  out->children = owner->pointers.data();
  out->release = release_schema;
  out->private_data = owner.release();
}

void export_stream(std::shared_ptr<const Table> table, ArrowArrayStream* out) {
  auto owner = std::make_unique<StreamOwner>();
  owner->table = std::move(table);
  *out = {};
  out->get_schema = stream_schema;
  out->get_next = stream_next;
  out->get_last_error = stream_error;
  out->release = release_stream;
  out->private_data = owner.release();
}

}  // namespace slicebank::python
