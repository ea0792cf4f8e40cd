#include "importers/internal/npz_row_window.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace slicebank::internal {
namespace {

// More than the members that one image of any layout is made of.
constexpr std::size_t kWindowsMax = 8;

// A member in Fortran order is held whole, and so must be small.
constexpr std::uint64_t kWholeBytesMax = std::uint64_t{256} << 20;

constexpr const char* kSlot = "npz-rows";

std::uint64_t rows_kept(std::size_t row_bytes) {
  return std::clamp<std::uint64_t>(NpzRowWindow::kBytesKept / std::max<std::size_t>(row_bytes, 1),
                                   1, NpzRowWindow::kRowsKept);
}

}  // namespace

NpzRowWindow::NpzRowWindow(NpzReader reader, std::string key)
    : reader_(std::move(reader)), key_(std::move(key)) {
  const NpzMember* member = reader_.find(key_);
  if (member != nullptr && member->fortran_order && member->shape.size() > 1) {
    std::uint64_t bytes = element_bytes(member->type);
    for (const std::uint64_t side : member->shape) {
      if (side != 0 && bytes > kWholeBytesMax / side) bytes = kWholeBytesMax + 1;
      bytes = std::min(bytes * side, kWholeBytesMax + 1);
    }
    if (bytes <= kWholeBytesMax) {
      ++passes_;
      whole_ = reader_.read(key_);
      rows_ = whole_->shape.front();
      return;
    }
  }
  begin();
}

Array NpzRowWindow::row(std::uint64_t index) {
  const std::lock_guard lock(mutex_);
  if (index >= rows_) {
    throw Error(ErrorCode::bad_argument,
                fmt::format("row {} of '{}' was asked for, which has {}", index, key_, rows_));
  }
  if (whole_) return row_of_whole(index);
  const auto kept = kept_.find(index);
  if (kept != kept_.end()) {
    Array row = std::move(kept->second);
    kept_bytes_ -= row.data.size();
    kept_.erase(kept);
    return row;
  }
  if (damage_ && index >= damage_->first) throw Error(damage_->second);
  if (!walk_ || index < walk_->row()) begin();
  pass(index);
  try {
    return walk_->next();
  } catch (const Error& error) {
    damage_.emplace(index, error);
    walk_.reset();
    throw;
  }
}

Array NpzRowWindow::row_of_whole(std::uint64_t index) {
  Array row;
  row.type = whole_->type;
  row.shape.assign(whole_->shape.begin() + 1, whole_->shape.end());
  const std::size_t bytes = whole_->data.size() / static_cast<std::size_t>(rows_);
  const auto first = whole_->data.begin() + static_cast<std::ptrdiff_t>(index * bytes);
  row.data.assign(first, first + static_cast<std::ptrdiff_t>(bytes));
  return row;
}

void NpzRowWindow::begin() {
  walk_.reset();
  kept_.clear();
  kept_bytes_ = 0;
  ++passes_;
  walk_ = reader_.rows(key_);
  rows_ = walk_->rows();
}

// Brings the walk to `index`, keeping the rows just before it: a thread that asks for one
// of them may have been overtaken.
void NpzRowWindow::pass(std::uint64_t index) {
  std::uint64_t lost = index;  // which of the skipped rows is damaged is not known
  try {
    const std::uint64_t kept = rows_kept(walk_->row_bytes());
    if (index - walk_->row() > kept) walk_->skip(index - kept - walk_->row());
    while (walk_->row() < index) {
      lost = walk_->row();
      keep(lost, walk_->next());
    }
  } catch (const Error& error) {
    damage_.emplace(lost, error);
    walk_.reset();
    throw;
  }
}

void NpzRowWindow::keep(std::uint64_t index, Array&& row) {
  const std::uint64_t most = rows_kept(row.data.size());
  kept_bytes_ += row.data.size();
  kept_.emplace(index, std::move(row));
  while (kept_.size() > most) {
    kept_bytes_ -= kept_.begin()->second.data.size();
    kept_.erase(kept_.begin());
  }
}

std::uint64_t NpzRowWindow::passes() const {
  const std::lock_guard lock(mutex_);
  return passes_;
}

std::shared_ptr<NpzRowWindows> NpzRowWindows::of(const SourceTree& source) {
  return std::static_pointer_cast<NpzRowWindows>(
      source.shared(kSlot, [] { return std::make_shared<NpzRowWindows>(); }));
}

Array NpzRowWindows::row(const SourceTree& source, const std::string& path, const std::string& key,
                         std::uint64_t index) {
  return window(source, path, key)->row(index);
}

std::shared_ptr<NpzRowWindow> NpzRowWindows::window(const SourceTree& source,
                                                    const std::string& path,
                                                    const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return slot.path == path && slot.key == key;
  });
  if (found != slots_.end()) {
    slots_.splice(slots_.begin(), slots_, found);
    return slots_.front().window;
  }
  auto opened = std::make_shared<NpzRowWindow>(NpzReader(source.open(path), printable(path)), key);
  slots_.push_front({path, key, std::move(opened)});
  while (slots_.size() > kWindowsMax) {
    passes_of_closed_ += slots_.back().window->passes();
    slots_.pop_back();
  }
  return slots_.front().window;
}

std::uint64_t NpzRowWindows::passes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t passes = passes_of_closed_;
  for (const Slot& slot : slots_) passes += slot.window->passes();
  return passes;
}

}  // namespace slicebank::internal
