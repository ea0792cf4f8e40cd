#include "bench/support/contenders.h"

#include <fmt/format.h>

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

// Seconds that `body(part)` takes on as many threads as there are parts. The threads are
// started before the clock.
double time_threads(const std::vector<Order>& parts,
                    const std::function<void(const Order&)>& body) {
  std::barrier gate(static_cast<std::ptrdiff_t>(parts.size()) + 1);
  std::vector<std::jthread> workers;
  for (const Order& part : parts) {
    workers.emplace_back([&gate, &body, &part] {
      gate.arrive_and_wait();
      body(part);
      gate.arrive_and_wait();
    });
  }
  gate.arrive_and_wait();
  const auto start = Clock::now();
  gate.arrive_and_wait();
  return std::chrono::duration<double>(Clock::now() - start).count();
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

double OpenCv::run(const std::vector<Order>& parts) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::string line = "read";
    for (const std::size_t place : parts[i]) line += fmt::format(" {}", place);
    children_[i].write_line(line);
  }
  double slowest = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    slowest = std::max(slowest, std::strtod(answer(i).c_str(), nullptr));
  }
  return slowest;
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
