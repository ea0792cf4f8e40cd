#include "exporters/internal/ordered.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include "schema/error.h"

namespace {

using slicebank::exporting::for_each_ordered;

}  // namespace

TEST_CASE("ordered: results come in order, whatever the threads do, and few wait at a time") {
  for (const unsigned jobs : {1u, 2u, 7u}) {
    constexpr std::size_t kCount = 500;
    constexpr std::size_t kAhead = 5;
    std::atomic<std::size_t> made{0};
    std::size_t taken = 0;
    std::size_t most_waiting = 0;
    std::vector<std::size_t> order;
    for_each_ordered<std::size_t>(
        kCount, jobs, kAhead, {},
        [&](std::size_t number) {
          if (number % 13 == 0) std::this_thread::sleep_for(std::chrono::microseconds(300));
          ++made;
          return number;
        },
        [&](std::size_t&& number) {
          most_waiting = std::max(most_waiting, made.load() - taken);
          ++taken;
          order.push_back(number);
        });
    std::vector<std::size_t> expected(kCount);
    std::iota(expected.begin(), expected.end(), std::size_t{0});
    CHECK(order == expected);
    CHECK(most_waiting <= kAhead + 1);
  }
}

TEST_CASE("ordered: what a thread throws arrives in its turn and ends the work") {
  std::vector<std::size_t> order;
  CHECK_THROWS_WITH_AS(for_each_ordered<std::size_t>(
                           1000, 3, 6, {},
                           [](std::size_t number) -> std::size_t {
                             if (number == 20) throw std::runtime_error("number 20");
                             return number;
                           },
                           [&](std::size_t&& number) { order.push_back(number); }),
                       "number 20", std::runtime_error);
  CHECK(order.size() == 20);
}

TEST_CASE("ordered: what the taker throws ends the threads as well") {
  CHECK_THROWS_AS(for_each_ordered<int>(
                      100'000, 4, 8, {}, [](std::size_t) { return 1; },
                      [n = 0](int&&) mutable {
                        if (++n == 10) throw std::runtime_error("enough");
                      }),
                  std::runtime_error);
}

TEST_CASE("ordered: a stop ends it with interrupted") {
  std::stop_source stop;
  std::size_t taken = 0;
  try {
    for_each_ordered<int>(
        1000, 2, 4, stop.get_token(), [](std::size_t) { return 1; },
        [&](int&&) {
          if (++taken == 7) stop.request_stop();
        });
    FAIL("nobody noticed the stop");
  } catch (const slicebank::Error& error) {
    CHECK(error.code() == slicebank::ErrorCode::interrupted);
  }
  CHECK(taken == 7);
}

TEST_CASE("ordered: nothing to do is done at once") {
  for_each_ordered<int>(
      0, 4, 4, {}, [](std::size_t) { return 1; }, [](int&&) { FAIL("there is nothing to take"); });
}
