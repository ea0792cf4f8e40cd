// Datasets of every layout with one damaged file, or with a thing that is no file in its
// place, imported into a bank of their own.
//
// hostile_imports FIXTURES [options]: the datasets are those of the conformance tests. The
// import may throw an Error in words, or tell problems and bring in the rest; the bank that
// is left, if any, must be sound.
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <span>
#include <stdexcept>

#include "formats/source_tree.h"
#include "importers/import.h"
#include "store/bank.h"
#include "store/verify.h"
#include "tests/hostile/campaign.h"
#include "tests/support/temp_dir.h"

namespace slicebank::hostile {
namespace {

namespace fs = std::filesystem;

File read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void write_file(const fs::path& path, const File& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

void run_script(const std::string& python, const fs::path& script, const fs::path& folder) {
  const std::string command = python + " '" + script.string() + "' '" + folder.string() + "'";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

struct SourceFile {
  fs::path root;
  fs::path path;
  File whole;
};

constexpr std::uint64_t kRefused = ~0ull;  // there is no import at all

// What stands in the place of a file.
enum class Instead { damaged, link_out, pipe, device, folder, loop };

struct Imported {
  std::uint64_t left_out = 0;  // or kRefused
  std::string digest;          // of the bank
};

class Layout final : public Subject {
 public:
  Layout(std::string importer, const std::string& python, const fs::path& script)
      : importer_(std::move(importer)) {
    const fs::path made = folder_ / "made";
    fs::create_directories(made);
    run_script(python, script, made);
    for (const auto& entry : fs::directory_iterator(made)) {
      if (entry.is_directory()) add_files(entry.path());
    }
    std::sort(files_.begin(), files_.end(),
              [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
    if (files_.empty()) throw std::runtime_error("no files in the fixture of " + importer_);
  }

  File make(Random& random) override {
    chosen_ = &files_[random.below(files_.size())];
    recognise_ = random.below(4) == 0;
    instead_ = random.below(8) == 0 ? static_cast<Instead>(1 + random.below(5)) : Instead::damaged;
    return mutated(chosen_->whole, files_[random.below(files_.size())].whole, random);
  }

  Outcome run(const File& file) override {
    const Imported& usual = imported_whole();
    put(file);
    const Imported imported = import();
    fs::remove_all(chosen_->path);
    if (instead_ == Instead::link_out && imported.digest == usual.digest &&
        import().digest != usual.digest) {
      throw std::runtime_error("a link out of the dataset was followed: " + chosen_->path.string());
    }
    write_file(chosen_->path, chosen_->whole);
    return imported.left_out > usual.left_out ? Outcome::refused : Outcome::read;
  }

 private:
  void add_files(const fs::path& root) {
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (entry.is_regular_file() && !entry.is_symlink()) {
        files_.push_back({root, entry.path(), read_file(entry.path())});
      }
    }
  }

  void put(const File& file) const {
    const fs::path& path = chosen_->path;
    if (instead_ != Instead::damaged) fs::remove(path);
    switch (instead_) {
      case Instead::damaged:
        write_file(path, file);
        break;
      case Instead::link_out:
        write_file(folder_ / "outside", chosen_->whole);
        fs::create_symlink(folder_ / "outside", path);
        break;
      case Instead::pipe:
        if (mkfifo(path.c_str(), 0600) != 0) throw std::runtime_error("mkfifo");
        break;
      case Instead::device:
        fs::create_symlink("/dev/zero", path);
        break;
      case Instead::folder:
        fs::create_directory(path);
        break;
      case Instead::loop:
        fs::create_symlink(path.filename(), path);
        break;
    }
  }

  // What the undamaged dataset gives: the fixtures have traps of their own.
  const Imported& imported_whole() {
    const auto known = whole_.find(chosen_->root);
    if (known != whole_.end()) return known->second;
    return whole_[chosen_->root] = import();
  }

  Imported import() const {
    ImportOptions options;
    options.jobs = 1;
    options.keep_patient_ids = true;
    if (!recognise_) options.format = importer_;
    options.problem = [](const Problem& problem) {
      if (problem.kind.empty() || problem.message.empty()) {
        throw std::runtime_error("a problem without words");
      }
      for (const std::string& text : {problem.path, problem.message}) check_message(text, {});
    };
    const fs::path bank = folder_ / "a.bank";
    Imported imported;
    try {
      imported.left_out = import_source(bank, chosen_->root, options).skipped;
    } catch (const Error& error) {
      check_message(error.what(), {});
      imported.left_out = kRefused;
    }
    if (fs::exists(bank)) {
      const VerifyReport report = verify(bank, VerifyLevel::decode);
      if (!report.sound()) {
        throw std::runtime_error("the bank is not sound: " + report.findings.front().message);
      }
      imported.digest = Bank::open(bank).logical_digest();
    }
    fs::remove_all(bank);
    return imported;
  }

  const testing::TempDir folder_;
  std::string importer_;
  std::vector<SourceFile> files_;
  const SourceFile* chosen_ = nullptr;
  bool recognise_ = false;
  Instead instead_ = Instead::damaged;
  std::map<fs::path, Imported> whole_;
};

// The command of a Python that can run the scripts, or empty.
std::string fitting_python() {
  for (const std::string python : {"python3", "/usr/bin/python3"}) {
    const std::string probe =
        python + " -c 'import numpy, nibabel, pydicom, PIL, tifffile' >/dev/null 2>&1";
    if (std::system(probe.c_str()) == 0) return python;
  }
  return {};
}

std::vector<Entry> entries(const std::string& python, const fs::path& scripts) {
  std::vector<Entry> all;
  for (const std::unique_ptr<Importer>& importer : importers()) {
    const std::string name(importer->name());
    std::string script = name + ".py";
    std::replace(script.begin(), script.end(), '-', '_');
    all.push_back({name, [=] { return std::make_unique<Layout>(name, python, scripts / script); }});
  }
  return all;
}

}  // namespace
}  // namespace slicebank::hostile

int main(int count, char** arguments) {
  if (count < 2 || !std::filesystem::is_directory(arguments[1])) {
    std::fprintf(stderr, "usage: %s FIXTURES [options]\n", arguments[0]);
    return 2;
  }
  const std::string python = slicebank::hostile::fitting_python();
  if (python.empty()) {
    std::fprintf(stderr, "SKIPPED: no python3 with numpy, nibabel, pydicom, PIL, tifffile\n");
    return 0;
  }
  const std::filesystem::path scripts = arguments[1];
  arguments[1] = arguments[0];
  return slicebank::hostile::campaign(slicebank::hostile::entries(python, scripts), 6, 1000,
                                      count - 1, arguments + 1);
}
