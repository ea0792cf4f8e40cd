#include "bench/support/contenders.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "bench/support/png_folder.h"
#include "schema/error.h"
#include "store/reader.h"

namespace slicebank::bench {
namespace {

using Clock = std::chrono::steady_clock;

double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// What `body(part)` takes on as many threads as there are parts. The threads are started
// before the clock.
Timing time_threads(const std::vector<Order>& parts,
                    const std::function<void(const Order&)>& body) {
  std::barrier gate(static_cast<std::ptrdiff_t>(parts.size()) + 1);
  std::vector<double> cpu_seconds(parts.size());
  Timing timing;
  {
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      workers.emplace_back([&, i] {
        gate.arrive_and_wait();
        const double start = thread_cpu_seconds();
        body(parts[i]);
        cpu_seconds[i] = thread_cpu_seconds() - start;
        gate.arrive_and_wait();
      });
    }
    gate.arrive_and_wait();
    const auto start = Clock::now();
    gate.arrive_and_wait();
    timing.wall_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  for (const double seconds : cpu_seconds) timing.cpu_seconds += seconds;
  return timing;
}

std::size_t largest_picture(const Material& material) {
  std::size_t largest = 0;
  for (const Picture& picture : material.pictures) {
    largest = std::max<std::size_t>(largest, picture.decoded_bytes);
  }
  return largest;
}

}  // namespace

Contender bank_contender(const Material& material) {
  return {"slicebank", [&material](const std::vector<Order>& parts) {
            const Reader reader = material.bank.reader();
            return time_threads(parts, [&](const Order& part) {
              std::vector<std::byte> pixels(largest_picture(material));
              for (const std::size_t place : part) {
                const Picture& picture = material.pictures[place];
                reader.image_into(picture.id, MutableBytes(pixels).first(picture.decoded_bytes));
              }
            });
          }};
}

Contender libpng_contender(const Material& material) {
  return {"libpng", [&material](const std::vector<Order>& parts) {
            return time_threads(parts, [&](const Order& part) {
              std::vector<std::byte> pixels(largest_picture(material));
              PngFolderReader reader;
              for (const std::size_t place : part) {
                const Picture& picture = material.pictures[place];
                reader.read_into(picture.png, MutableBytes(pixels).first(picture.decoded_bytes));
              }
            });
          }};
}

OpenCv::OpenCv(const Material& material, const std::string& python, std::uint32_t workers) {
  for (std::uint32_t i = 0; i < workers; ++i) {
    Child child({python, baseline_script()});
    const std::string hello = child.read_line().value_or("error no answer from " + python);
    if (hello.rfind("ready ", 0) != 0) {
      reason_ = hello;
      children_.clear();
      return;
    }
    version_ = hello.substr(6);
    child.write_line("list " + std::filesystem::absolute(material.list).string());
    child.read_line();
    children_.push_back(std::move(child));
  }
}

Timing OpenCv::run(const std::vector<Order>& parts) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::string line = "read";
    for (const std::size_t place : parts[i]) line += fmt::format(" {}", place);
    children_[i].write_line(line);
  }
  Timing timing;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string line = answer(i);
    char* rest = nullptr;
    timing.wall_seconds = std::max(timing.wall_seconds, std::strtod(line.c_str(), &rest));
    timing.cpu_seconds += std::strtod(rest, nullptr);
  }
  return timing;
}

std::uint64_t OpenCv::sum(std::size_t place) {
  children_[0].write_line(fmt::format("sum {}", place));
  return std::strtoull(answer(0).c_str(), nullptr, 10);
}

std::string OpenCv::answer(std::size_t child) {
  const auto line = children_[child].read_line();
  if (!line || line->rfind("error", 0) == 0) {
    throw Error(ErrorCode::io, "bench: the OpenCV baseline says: " + line.value_or("nothing"));
  }
  return *line;
}

void check_agreement(const Material& material, OpenCv& opencv) {
  const Reader reader = material.bank.reader();
  PngFolderReader files;
  for (std::size_t i = 0; i < 30; ++i) {
    const std::size_t place = i * (material.pictures.size() - 1) / 29;
    const Picture& picture = material.pictures[place];
    const Image stored = png_form(reader.image(picture.id));
    std::vector<std::byte> decoded(stored.image_hwc.size());
    files.read_into(picture.png, decoded);
    if (decoded != stored.image_hwc) {
      throw Error(ErrorCode::corrupt, "bench: the bank and " + picture.png.string() + " differ");
    }
    if (!opencv.is_there()) continue;
    std::uint64_t sum = 0;
    const std::size_t step = pixel_bytes(stored.shape.pixel_type);
    for (std::size_t at = 0; at < decoded.size(); at += step) {
      sum += std::to_integer<std::uint64_t>(decoded[at]);
      if (step == 2) sum += std::to_integer<std::uint64_t>(decoded[at + 1]) << 8;
    }
    if (opencv.sum(place) != sum) {
      throw Error(ErrorCode::corrupt, "bench: OpenCV reads " + picture.png.string() + " otherwise");
    }
  }
}

}  // namespace slicebank::bench
