#include "exporters/internal/export_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "schema/error.h"

namespace slicebank::exporting {
namespace {

// Selections come in volume order as a rule, so a small memory of volumes is enough.
constexpr std::size_t kOriginsMax = 4096;

template <typename Value, typename Call>
std::optional<Value> unless_deleted(const Call& call) {
  try {
    return call();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
    return std::nullopt;
  }
}

}  // namespace

ExportSource::ExportSource(const Selection& selection)
    : bank_(selection.bank()), reader_(bank_.reader()), taxonomy_(bank_.taxonomy()) {}

std::optional<SampleInfo> ExportSource::info(SampleId id) const {
  return unless_deleted<SampleInfo>([&] { return reader_.info(id); });
}

std::optional<Loaded> ExportSource::load(SampleId id) const {
  auto info = this->info(id);
  if (!info) return std::nullopt;
  auto sample = unless_deleted<Sample>([&] { return reader_.sample(id); });
  if (!sample) return std::nullopt;
  auto from = origin(info->volume_id);
  return Loaded{std::move(*info), std::move(*sample), std::move(from)};
}

std::shared_ptr<const Origin> ExportSource::origin(VolumeId id) const {
  const std::scoped_lock lock(mutex_);
  const auto known = origins_.find(raw(id));
  if (known != origins_.end()) return known->second;
  auto volume = bank_.volume(id);
  if (!volume) {
    throw Error(ErrorCode::corrupt, fmt::format("volume {} is not in the catalog", raw(id)),
                "slicebank verify tells what is damaged");
  }
  Origin made;
  made.volume = std::move(*volume);
  made.dataset = dataset(made.volume.dataset_id);
  if (const auto subject = bank_.subject(made.volume.subject_id)) {
    made.patient_id = subject->patient_id;
  }
  if (origins_.size() >= kOriginsMax) origins_.clear();
  auto shared = std::make_shared<const Origin>(std::move(made));
  origins_.emplace(raw(id), shared);
  return shared;
}

std::shared_ptr<const DatasetInfo> ExportSource::dataset(DatasetId id) const {
  const auto known = datasets_.find(id);
  if (known != datasets_.end()) return known->second;
  auto dataset = bank_.dataset(id);
  if (!dataset) {
    throw Error(ErrorCode::corrupt, fmt::format("dataset {} is not in the catalog", raw(id)),
                "slicebank verify tells what is damaged");
  }
  auto shared = std::make_shared<const DatasetInfo>(std::move(*dataset));
  datasets_.emplace(id, shared);
  return shared;
}

unsigned export_threads(unsigned jobs) {
  return jobs > 0 ? jobs : std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace slicebank::exporting
