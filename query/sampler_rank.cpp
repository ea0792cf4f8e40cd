#include "query/sampler_rank.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "schema/error.h"

namespace slicebank {
namespace {

constexpr std::string_view kMagic = "slicebank-sampler-1";

[[noreturn]] void refuse(const std::string& message, std::string hint = {}) {
  throw Error(ErrorCode::bad_argument, message, std::move(hint));
}

[[noreturn]] void refuse_state() {
  throw Error(ErrorCode::bad_format, "this is no state of a sampler",
              "give back the whole line that state() gave");
}

}  // namespace

RankSampler::RankSampler(std::unique_ptr<DrawOrder> order, std::uint64_t rank,
                         std::uint64_t world_size, std::uint64_t rank_block)
    : order_(std::move(order)), rank_(rank), world_size_(world_size), rank_block_(rank_block) {
  if (world_size == 0 || rank >= world_size) {
    refuse(fmt::format("rank {} does not exist in a world of {}", rank, world_size),
           "ranks count from 0");
  }
  constexpr std::uint64_t kMost = std::uint64_t{1} << 31;
  if (rank_block == 0 || rank_block >= kMost || world_size >= kMost) {
    refuse(fmt::format("{} ranks that take {} draws at a time", world_size, rank_block));
  }
  order_->set_epoch(0);
}

void RankSampler::set_epoch(std::uint64_t epoch) {
  if (epoch != epoch_) order_->set_epoch(epoch);
  epoch_ = epoch;
  begin_ = 0;
  drawn_ = 0;
}

std::uint64_t RankSampler::size() const noexcept {
  const std::uint64_t rest = order_->draws() - std::min(begin_, order_->draws());
  const std::uint64_t step = rank_block_ * world_size_;
  const std::uint64_t before = rank_ * rank_block_;  // of ranks below, in the last step
  const std::uint64_t last = rest % step;
  return rest / step * rank_block_ + (last > before ? std::min(last - before, rank_block_) : 0);
}

std::uint64_t RankSampler::position_of(std::uint64_t drawn) const noexcept {
  const std::uint64_t block = drawn / rank_block_ * world_size_ + rank_;
  return begin_ + block * rank_block_ + drawn % rank_block_;
}

bool RankSampler::next(std::uint64_t* item) {
  if (drawn_ >= size()) return false;
  *item = order_->at(position_of(drawn_));
  ++drawn_;
  return true;
}

std::vector<std::uint64_t> RankSampler::next_batch(std::size_t count) {
  const std::uint64_t left = size() - std::min(drawn_, size());
  std::vector<std::uint64_t> items(static_cast<std::size_t>(std::min<std::uint64_t>(count, left)));
  for (std::size_t done = 0; done < items.size();) {
    // As many as lie side by side in the global order.
    const std::uint64_t run =
        world_size_ == 1 ? items.size() - done : rank_block_ - drawn_ % rank_block_;
    const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(run, items.size() - done));
    order_->fill(position_of(drawn_), std::span(items).subspan(done, now));
    done += now;
    drawn_ += now;
  }
  return items;
}

void RankSampler::seek(std::uint64_t drawn) {
  if (drawn > size()) {
    refuse(fmt::format("draw {} is past the end of an epoch of {} draws", drawn, size()));
  }
  drawn_ = drawn;
}

std::uint64_t RankSampler::global_position() const noexcept {
  const std::uint64_t whole = drawn_ / rank_block_ * rank_block_;
  return std::min(begin_ + whole * world_size_, order_->draws());
}

std::string RankSampler::state() const {
  return fmt::format("{} {} {:016x} {} {} {} {} {}", kMagic, order_->kind(), order_->fingerprint(),
                     epoch_, begin_, drawn_, world_size_, rank_block_);
}

void RankSampler::resume(std::string_view state) {
  std::array<std::string_view, 8> words;
  std::string_view rest = state.substr(0, 400);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t blank = rest.find(' ');
    if ((blank == std::string_view::npos) != (i + 1 == words.size())) refuse_state();
    words[i] = rest.substr(0, blank);
    rest.remove_prefix(std::min(rest.size(), words[i].size() + 1));
  }
  if (words[0] != kMagic) refuse_state();
  std::array<std::uint64_t, 6> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::string_view word = words[i + 2];
    const auto [end, error] =
        std::from_chars(word.data(), word.data() + word.size(), numbers[i], i == 0 ? 16 : 10);
    if (error != std::errc() || end != word.data() + word.size() || word.empty()) refuse_state();
  }
  const auto [fingerprint, epoch, begin, drawn, world_size, rank_block] = numbers;
  if (words[1] != order_->kind() || fingerprint != order_->fingerprint()) {
    refuse(fmt::format("the state is of another order: {} {:016x}, this one is {} {:016x}",
                       words[1], fingerprint, order_->kind(), order_->fingerprint()),
           "resume with the same items, weights and seed");
  }
  constexpr std::uint64_t kMost = std::uint64_t{1} << 31;
  if (world_size == 0 || world_size >= kMost || rank_block == 0 || rank_block >= kMost)
    refuse_state();
  if (epoch != epoch_) order_->set_epoch(epoch);
  epoch_ = epoch;
  const std::uint64_t all = order_->draws();
  if (begin > all || drawn > all - begin) refuse_state();
  if (world_size == world_size_ && rank_block == rank_block_) {
    begin_ = begin;
    drawn_ = std::min(drawn, size());
    return;
  }
  const std::uint64_t steps = drawn / rank_block;
  const std::uint64_t step = rank_block * world_size;
  begin_ = steps > (all - begin) / step ? all : begin + steps * step;
  drawn_ = 0;
}

}  // namespace slicebank
