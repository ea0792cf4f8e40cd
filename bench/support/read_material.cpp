#include "bench/support/read_material.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "formats/png.h"
#include "schema/error.h"
#include "store/reader.h"
#include "store/record.h"
#include "store/writer.h"

namespace slicebank::bench {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr std::uint64_t kCommitBytes = 8u << 20;
constexpr int kPngLevel = 6;  // what PIL, ImageMagick and libpng use when nothing is said
constexpr unsigned kThreads = 2;

std::uint64_t decoded_bytes(SliceKind kind, std::uint32_t side) {
  const std::uint64_t pixels = std::uint64_t{side} * side;
  return pixels * (kind == SliceKind::gray ? 1 : kind == SliceKind::rgb ? 3 : 2);
}

using Sources = std::vector<std::vector<SourceSlice>>;  // by kind

Image make_picture(const Sources& sources, const MaterialOptions& options, std::size_t place) {
  const std::size_t kinds = std::size(kSliceKinds);
  return vary(sources[place % kinds], options.seed + place % kinds,
              static_cast<std::uint32_t>(place / kinds), options.side);
}

fs::path png_path(const fs::path& work, std::size_t place) {
  return work / "png" / fmt::format("{:02}", place / 1000) / fmt::format("{:06}.png", place);
}

bool all_pngs_exist(const fs::path& work, std::size_t count) {
  for (std::size_t place = 0; place < count; ++place) {
    if (!fs::exists(png_path(work, place))) return false;
  }
  return true;
}

// What the material depends on, but for the codec.
ordered_json manifest_of(const Sources& sources, const MaterialOptions& options,
                         std::size_t count) {
  ordered_json names = ordered_json::array();
  for (const auto& kind : sources) {
    for (const SourceSlice& source : kind) {
      const ContentHash hash = hash_image(source.image.view());
      names.push_back(fmt::format("{} {:016x}", source.name, hash.low));
    }
  }
  return {{"version", 1},         {"count", count},     {"side", options.side},
          {"seed", options.seed}, {"level", kPngLevel}, {"sources", names}};
}

bool manifest_matches(const fs::path& path, const ordered_json& wanted) {
  std::ifstream file(path);
  if (!file) return false;
  const auto found = ordered_json::parse(file, nullptr, false);
  return !found.is_discarded() && found == wanted;
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Error(ErrorCode::io, "bench: cannot write " + path.string());
}

void write_pngs(const Sources& sources, const MaterialOptions& options, std::size_t count) {
  fs::remove_all(options.work / "png");
  for (std::size_t place = 0; place < count; place += 1000) {
    fs::create_directories(png_path(options.work, place).parent_path());
  }
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  {
    std::vector<std::jthread> workers;
    for (unsigned i = 0; i < kThreads; ++i) {
      workers.emplace_back([&] {
        for (std::size_t place = next++; place < count && !failed; place = next++) {
          const auto file =
              png::encode(png_form(make_picture(sources, options, place)).view(), kPngLevel);
          std::ofstream out(png_path(options.work, place), std::ios::binary);
          out.write(reinterpret_cast<const char*>(file.data()),
                    static_cast<std::streamsize>(file.size()));
          out.close();
          if (!out) failed = true;
        }
      });
    }
  }
  if (failed)
    throw Error(ErrorCode::io, "bench: cannot write PNG files below " + options.work.string(),
                "is the disk full?");
}

void write_bank(const Sources& sources, const MaterialOptions& options, std::size_t count) {
  const fs::path path = options.work / "random_read.bank";
  fs::remove_all(path);
  Bank::create(path);
  WriterOptions writer_options;
  writer_options.bulk = true;
  Writer writer = Writer::open(path, writer_options);
  DatasetInfo dataset_info;
  dataset_info.name = "RandomRead";
  const DatasetId dataset = writer.dataset(dataset_info);
  VolumeInfo volume_info;
  volume_info.dataset_id = dataset;
  volume_info.subject_id = writer.subject(dataset, "1");
  volume_info.key = "all";
  const VolumeId volume = writer.volume(volume_info);
  for (std::size_t place = 0; place < count; ++place) {
    Sample sample;
    sample.slice_index = static_cast<std::uint32_t>(place);
    sample.name = fmt::format("{:06}", place);
    sample.image = make_picture(sources, options, place);
    writer.add(encode_sample(sample), volume);
    if (writer.queued_bytes() > kCommitBytes) writer.commit();
  }
  writer.commit();
}

std::vector<SampleId> all_ids(const Bank& bank) {
  std::vector<SampleId> ids;
  bank.reader().for_each_id([&](SampleId id) {
    ids.push_back(id);
    return true;
  });
  return ids;
}

// A bank of an older codec would measure that: the first pictures are encoded anew and
// compared with their records.
bool bank_is_current(const Sources& sources, const MaterialOptions& options, std::size_t count) {
  const fs::path path = options.work / "random_read.bank";
  if (!Bank::is_bank(path)) return false;
  try {
    const Bank bank = Bank::open(path);
    const auto ids = all_ids(bank);
    if (ids.size() != count) return false;
    const Reader reader = bank.reader();
    for (std::size_t place = 0; place < std::min<std::size_t>(count, 12); ++place) {
      const SampleInfo info = reader.info(ids[place]);
      Sample sample;
      sample.slice_index = info.slice_index;
      sample.name = info.name;
      sample.image = make_picture(sources, options, place);
      const EncodedSample encoded = encode_sample(sample);
      if (encoded.info.image_hash != info.image_hash) return false;
      if (encoded.record.size() != reader.record_bytes(ids[place])) return false;
    }
  } catch (const Error&) {
    return false;  // of another version, or damaged: made anew
  }
  return true;
}

}  // namespace

Image png_form(const Image& image) {
  if (image.shape.pixel_type != PixelType::i16) return image;
  Image moved{image.shape, image.image_hwc};
  moved.shape.pixel_type = PixelType::u16;
  for (std::size_t at = 1; at < moved.image_hwc.size(); at += 2) {
    moved.image_hwc[at] ^= std::byte{0x80};
  }
  return moved;
}

Material prepare_material(const MaterialOptions& options) {
  fs::create_directories(options.work);
  Sources sources;
  std::uint64_t group_bytes = 0;  // one picture of each kind
  for (const SliceKind kind : kSliceKinds) {
    sources.push_back(load_sources(kind, options.shared_data, options.python, options.work,
                                   options.side, options.seed));
    group_bytes += decoded_bytes(kind, options.side);
  }
  const auto groups =
      static_cast<std::size_t>(options.gigabytes * 1e9 / static_cast<double>(group_bytes)) + 1;
  const std::size_t count = groups * std::size(kSliceKinds);
  const ordered_json manifest = manifest_of(sources, options, count);
  const fs::path manifest_path = options.work / "manifest.json";

  const bool pngs_are_there =
      manifest_matches(manifest_path, manifest) && all_pngs_exist(options.work, count);
  const bool bank_is_there = pngs_are_there && bank_is_current(sources, options, count);
  if (!pngs_are_there) {
    fs::remove(manifest_path);
    std::fprintf(stderr, "writing %zu PNG files below %s (once) ...\n", count,
                 options.work.c_str());
    write_pngs(sources, options, count);
    write_text(manifest_path, manifest.dump(1) + "\n");
  }
  if (!bank_is_there) {
    std::fprintf(stderr, "writing the bank of the same %zu pictures ...\n", count);
    write_bank(sources, options, count);
  }

  const fs::path bank_path = options.work / "random_read.bank";
  Material material{Bank::open(bank_path),          options.work / "list.txt", {}, {}, 0,
                    pngs_are_there && bank_is_there};
  const auto ids = all_ids(material.bank);
  const Reader reader = material.bank.reader();
  std::string list;
  for (std::size_t place = 0; place < count; ++place) {
    const SliceKind kind = kSliceKinds[place % std::size(kSliceKinds)];
    const fs::path png = fs::absolute(png_path(options.work, place));
    material.pictures.push_back({kind, ids[place], png, decoded_bytes(kind, options.side),
                                 reader.record_bytes(ids[place]), fs::file_size(png)});
    list += png.string() + "\n";
  }
  write_text(material.list, list);
  for (const auto& kind : sources) {
    for (const SourceSlice& source : kind) material.sources.push_back(source.name);
  }
  const BankInfo info = material.bank.info();
  material.bank_file_bytes = info.record_file_bytes + info.index_file_bytes;
  return material;
}

}  // namespace slicebank::bench
