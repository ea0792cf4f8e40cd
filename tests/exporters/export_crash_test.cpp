// Exports that are killed, and exports onto a disk that fills up.
#include <doctest/doctest.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>

#include "exporters/export.h"
#include "tests/exporters/export_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

namespace fs = std::filesystem;
using namespace slicebank;
using namespace slicebank::testing;

constexpr std::uint32_t kSlices = 12;

Selection make_bank(const fs::path& path) {
  BankBuilder builder(path);
  const DatasetId dataset = builder.dataset("D");
  VolumeInfo info;
  info.key = "ct_00--scan";
  info.source_modality = "ct_00";
  const VolumeId volume = builder.volume(dataset, info);
  for (std::uint32_t slice = 0; slice < kSlices; ++slice) {
    Sample sample;
    sample.axis = Axis::z;
    sample.slice_index = slice;
    sample.image = pattern(PixelType::u8, 200, 100, 1, slice);
    sample.masks.push_back(builder.mask(dataset, "liver", sample.image.shape, {2, 2, 9, 9}));
    builder.add(sample, volume);
  }
  return builder.selection();
}

// Runs `work` in a child process and gives its exit status. No doctest inside.
int in_child(const std::function<int()>& work) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    int code = 99;
    try {
      code = work();
    } catch (...) {
      code = 98;
    }
    _exit(code);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("export crash: killed after any sample, nothing looks whole and the next one is") {
  const TempDir temp;
  const Selection selection = make_bank(temp / "bank");
  export_to(selection, temp / "fresh/out", "sa-med2d");
  const auto fresh = files_below(temp / "fresh/out");
  for (std::uint64_t killed_at = 1; killed_at <= kSlices; ++killed_at) {
    CAPTURE(killed_at);
    const fs::path out = temp / ("at" + std::to_string(killed_at)) / "out";
    const int code = in_child([&] {
      ExportOptions options;
      options.format = "sa-med2d";
      options.progress = [&](std::uint64_t done, std::uint64_t) {
        if (done == killed_at) _exit(7);
      };
      export_selection(selection, out, options);
      return 0;
    });
    CHECK(code == 7);
    CHECK_FALSE(fs::exists(out));
    CHECK(fs::exists(out.string() + ".partial/images"));
    export_to(selection, out, "sa-med2d");
    CHECK(files_below(out) == fresh);
    CHECK(read_text(out / "MANIFEST.json") == read_text(temp / "fresh/out/MANIFEST.json"));
    CHECK_FALSE(fs::exists(out.string() + ".partial"));
  }
}

TEST_CASE("export crash: a full disk ends it with out_of_space and gives the space back") {
  const TempDir temp;
  const Selection selection = make_bank(temp / "bank");
  fs::create_directories(temp / "disk");
  constexpr int kNoMount = 50;
  const int code = in_child([&] {
    // A small file system of its own, where the kernel lets this process have one.
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return kNoMount;
    mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    const fs::path disk = temp / "disk";
    if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0) return kNoMount;
    try {
      export_to(selection, disk / "out", "sa-med2d");
      return 1;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::out_of_space) return 2;
      if (error.hint().empty()) return 3;
    }
    return fs::is_empty(disk) ? 0 : 4;
  });
  if (code == kNoMount) {
    std::fprintf(stderr, "SKIPPED: this process may not mount a small file system\n");
    return;
  }
  CHECK(code == 0);
}
