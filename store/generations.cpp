#include "store/generations.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

#include "schema/error.h"
#include "store/bank.h"
#include "store/catalog.h"
#include "store/internal/bank_state.h"

namespace slicebank {
namespace {

using catalog::Kind;

std::string number_text(Generation generation) { return std::to_string(raw(generation)); }

std::vector<GenerationEntry> read_log(const lmdb::ReadTransaction& transaction,
                                      const BankUuid& bank) {
  std::vector<GenerationEntry> log;
  transaction.scan(lmdb::Database::catalog, catalog::kind_prefix(Kind::generation),
                   [&](std::string_view key, Bytes value) {
                     log.push_back(catalog::decode_generation(catalog::open(bank, key, value)));
                     return true;
                   });
  return log;
}

// How many samples below `next` later generations took out.
std::uint64_t removed_since(const lmdb::ReadTransaction& transaction, const BankUuid& bank,
                            Generation generation, SampleId next) {
  std::uint64_t removed = 0;
  transaction.scan(
      lmdb::Database::catalog, catalog::kind_prefix(Kind::removal),
      [&](std::string_view key, Bytes value) {
        if (catalog::id64_of(key) <= raw(generation)) return true;
        const auto removal = catalog::decode_removal(catalog::open(bank, key, value));
        removed += static_cast<std::uint64_t>(
            std::lower_bound(removal.ids.begin(), removal.ids.end(), next) - removal.ids.begin());
        return true;
      });
  return removed;
}

// Why a generation is in no log, and what can be asked for.
[[noreturn]] void throw_unknown(const BankState& bank, const lmdb::ReadTransaction& transaction,
                                const BankPosition& position, Generation wanted) {
  const std::string what = bank.path.string() + ": generation " + number_text(wanted);
  const std::string now = number_text(position.generation);
  if (wanted > position.generation) {
    throw Error(ErrorCode::not_found, what + " is still to come: the bank is at " + now);
  }
  const std::vector<GenerationEntry> log = read_log(transaction, bank.file.uuid);
  if (log.empty()) {
    throw Error(ErrorCode::not_found,
                what +
                    " is not known: an older slicebank wrote this bank and kept no log of its "
                    "generations, which begins with the next commit",
                "ask for " + now + ", what it holds now");
  }
  const GenerationEntry& first = log.front();
  if (wanted < first.generation) {
    throw Error(ErrorCode::not_found,
                what + " is not known: the log of this bank begins with generation " +
                    number_text(first.generation) + ", and what an older slicebank wrote before " +
                    "is one step of it",
                "ask for " + number_text(first.generation) + " or a later one");
  }
  const auto next = std::find_if(log.begin(), log.end(), [&](const GenerationEntry& each) {
    return each.generation > wanted;
  });
  throw Error(ErrorCode::not_found,
              what + " was lost with its records; `reindex` wrote that down in generation " +
                  (next == log.end() ? now : number_text(next->generation)),
              "`SELECT * FROM generations` lists those there are");
}

// Two digits, or four, at the front of the text; taken off it.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + digits, number);
  if (failed != std::errc{} || end != text.data() + digits || text.front() == '-') {
    return std::nullopt;
  }
  text.remove_prefix(digits);
  return number;
}

bool take_letter(std::string_view& text, std::string_view one_of) {
  if (text.empty() || one_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// The last second that "2026-11-29", or "2026-11-29T14:30:05Z" means.
std::optional<std::int64_t> last_second(std::string_view text) {
  using namespace std::chrono;
  const auto y = take_number(text, 4);
  if (!y || !take_letter(text, "-")) return std::nullopt;
  const auto m = take_number(text, 2);
  if (!m || !take_letter(text, "-")) return std::nullopt;
  const auto d = take_number(text, 2);
  if (!d) return std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*m)},
                            day{static_cast<unsigned>(*d)}};
  if (!date.ok()) return std::nullopt;
  const std::int64_t midnight = duration_cast<seconds>(sys_days(date).time_since_epoch()).count();
  if (text.empty()) return midnight + 86'399;
  if (!take_letter(text, "Tt ")) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take_letter(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  int second = 59;
  if (take_letter(text, ":")) {
    const auto given = take_number(text, 2);
    if (!given || *given > 59) return std::nullopt;
    second = *given;
  }
  take_letter(text, "Zz");
  if (!text.empty()) return std::nullopt;
  return midnight + *hour * 3600 + *minute * 60 + second;
}

}  // namespace

std::vector<GenerationEntry> list_generations(const Bank& bank) {
  const BankState& state = *bank.state();
  const lmdb::ReadTransaction transaction(state.records());
  return read_log(transaction, state.file.uuid);
}

PastGeneration past_generation(const Bank& bank, Generation generation) {
  const BankState& state = *bank.state();
  const BankUuid& uuid = state.file.uuid;
  const lmdb::ReadTransaction transaction(state.records());
  const BankPosition position = read_position(transaction, uuid);
  PastGeneration past;
  const auto payload =
      read_catalog(transaction, uuid, catalog::id_key(Kind::generation, raw(generation)));
  if (payload) {
    past.entry = catalog::decode_generation(*payload);
  } else if (generation == position.generation) {
    past.entry = {generation,
                  GenerationKind::begin,
                  SampleId{position.next.sample},
                  transaction.entries(lmdb::Database::records),
                  0,
                  0};
  } else {
    throw_unknown(state, transaction, position, generation);
  }
  past.removed_since = removed_since(transaction, uuid, generation, past.entry.next_sample);
  return past;
}

Generation generation_at(const Bank& bank, std::int64_t utc_seconds) {
  const std::vector<GenerationEntry> log = list_generations(bank);
  const auto timed = std::find_if(
      log.begin(), log.end(), [](const GenerationEntry& each) { return each.committed_at != 0; });
  const auto after = std::find_if(timed, log.end(), [&](const GenerationEntry& each) {
    return each.committed_at > utc_seconds;
  });
  if (after != timed) return std::prev(after)->generation;
  const std::string what = bank.path().string() + " at " + utc_text(utc_seconds);
  if (timed == log.end()) {
    throw Error(ErrorCode::not_found,
                what + " is not known: an older slicebank wrote it and kept no times",
                "ask for generation " + number_text(bank.generation()) + ", what it holds now");
  }
  const std::string since = utc_text(timed->committed_at);
  if (timed->kind == GenerationKind::begin) {
    throw Error(ErrorCode::not_found, what + " was not there yet: it was made at " + since);
  }
  throw Error(ErrorCode::not_found,
              what + " is not known: its log begins with generation " +
                  number_text(log.front().generation) + ", before " + since,
              "ask for generation " + number_text(log.front().generation) +
                  ", what an older slicebank had written by then");
}

Generation find_generation(const Bank& bank, std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed == std::errc{} && end == text.data() + text.size()) return Generation{number};
  if (const auto until = last_second(text)) return generation_at(bank, *until);
  throw Error(ErrorCode::bad_argument,
              "'" + std::string(text) + "' is neither a generation nor a time",
              "as 7, 2026-11-29 or 2026-11-29T14:30:00Z");
}

std::string utc_text(std::int64_t utc_seconds) {
  using namespace std::chrono;
  const sys_seconds time{seconds{utc_seconds}};
  const sys_days day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

}  // namespace slicebank
