// slicebank-phantom: writes a synthetic dataset in the SA-Med2D v1 layout.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "bench/phantom.h"
#include "schema/error.h"

namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

const char* const kUsage =
    "usage: slicebank-phantom DEST [--subjects N] [--slices N] [--side N] [--seed N]\n"
    "\n"
    "Writes a synthetic dataset in the SA-Med2D v1 layout to the new folder DEST: CT, MR,\n"
    "fundus and ultrasound pictures with their masks. Same options, same pictures.\n"
    "\n"
    "  --subjects N  subjects in all, spread over four datasets (24)\n"
    "  --slices N    slices a subject and volume (4)\n"
    "  --side N      height and width of every picture in pixels, 16 to 4096 (256)\n"
    "  --seed N      another seed is another population (7)\n"
    "  --help        this text\n";

std::optional<std::uint64_t> parse_number(const std::string& text, std::uint64_t max) {
  if (text.empty() || text.size() > 19) return std::nullopt;
  std::uint64_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (value > max) return std::nullopt;
  return value;
}

int usage_error(const std::string& message) {
  std::fprintf(stderr, "slicebank-phantom: %s\n%s", message.c_str(), kUsage);
  return kExitUsage;
}

int run(const std::vector<std::string>& arguments) {
  constexpr std::uint64_t kMax32 = std::numeric_limits<std::uint32_t>::max();
  slicebank::phantom::Options options;
  std::string destination;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i];
    if (name == "--help" || name == "-h") {
      std::fputs(kUsage, stdout);
      return 0;
    }
    if (name.rfind("--", 0) != 0) {
      if (!destination.empty()) return usage_error("more than one DEST: '" + name + "'");
      destination = name;
      continue;
    }
    std::string text;
    const std::size_t equals = name.find('=');
    if (equals != std::string::npos) {
      text = name.substr(equals + 1);
      name.resize(equals);
    } else if (i + 1 < arguments.size()) {
      text = arguments[++i];
    }
    const bool known =
        name == "--subjects" || name == "--slices" || name == "--side" || name == "--seed";
    if (!known) return usage_error("no option '" + name + "'");
    const auto value =
        parse_number(text, name == "--seed" ? std::numeric_limits<std::uint64_t>::max() : kMax32);
    if (!value) return usage_error(name + " needs a whole number, not '" + text + "'");
    if (name == "--subjects") options.subjects = static_cast<std::uint32_t>(*value);
    if (name == "--slices") options.slices_per_subject = static_cast<std::uint32_t>(*value);
    if (name == "--side") options.side = static_cast<std::uint32_t>(*value);
    if (name == "--seed") options.seed = *value;
  }
  if (destination.empty()) return usage_error("DEST is missing");

  const auto report = slicebank::phantom::write_sa_med2d(destination, options);
  std::printf("%llu images and %llu masks in %zu datasets below %s\n",
              static_cast<unsigned long long>(report.images),
              static_cast<unsigned long long>(report.masks), report.datasets.size(),
              destination.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const slicebank::Error& error) {
    std::fprintf(stderr, "slicebank-phantom: %s\n", error.what());
    if (!error.hint().empty()) std::fprintf(stderr, "  %s\n", error.hint().c_str());
    return error.code() == slicebank::ErrorCode::bad_argument ? kExitUsage : kExitFailed;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "slicebank-phantom: %s\n", error.what());
    return kExitFailed;
  }
}
