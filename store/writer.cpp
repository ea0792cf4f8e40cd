#include "store/writer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "schema/error.h"
#include "schema/limits.h"
#include "store/catalog.h"
#include "store/internal/batch_writer.h"
#include "store/internal/file_system.h"
#include "store/internal/process.h"

namespace slicebank {
namespace {

using catalog::Kind;

void check_name(const std::string& text, std::size_t bytes_max, const char* what) {
  if (text.empty()) throw Error(ErrorCode::bad_argument, std::string(what) + " is empty");
  if (text.size() > bytes_max) {
    throw Error(ErrorCode::limit, std::string(what) + " has " + std::to_string(text.size()) +
                                      " bytes; " + std::to_string(bytes_max) + " are possible");
  }
}

// Classes of `wanted` that are new, joined with those of `known`. Both ascending.
std::vector<ClassId> united(const std::vector<ClassId>& known, std::vector<ClassId> wanted) {
  std::sort(wanted.begin(), wanted.end());
  std::vector<ClassId> both;
  std::set_union(known.begin(), known.end(), wanted.begin(), wanted.end(),
                 std::back_inserter(both));
  both.erase(std::unique(both.begin(), both.end()), both.end());
  return both;
}

std::filesystem::path canonical_bank(const std::filesystem::path& path) {
  std::error_code failed;
  auto canonical = std::filesystem::canonical(path, failed);
  if (failed) {
    throw Error(ErrorCode::not_found, "there is no bank at " + path.string(),
                "make one with `slicebank init " + path.string() + "`");
  }
  read_bank_file(canonical);  // before a lock file is put into some other folder
  return canonical;
}

}  // namespace

struct Writer::Impl {
  Impl(const std::filesystem::path& path, const WriterOptions& options)
      : owner(current_process()),
        lock(path, options.lock_wait_ms),
        state(open_records(path, true, true)),
        bank(state),
        batch(state, options.bulk),
        taxonomy(*state->taxonomy()) {}

  ~Impl() { batch.checkpoint(); }

  DatasetInfo& dataset(DatasetId id);
  void put_dataset(const DatasetInfo& info);
  bool merge_raw_class(DatasetInfo& info, const RawClass& wanted, std::uint32_t* number);
  ClassId canonical_class(const std::string& name);
  std::uint32_t coverage_set(const std::vector<ClassId>& classes);
  std::vector<ClassId> coverage(std::uint32_t set) const;
  std::optional<std::uint64_t> find_id(const std::string& key) const;
  catalog::Payload entry_named(const std::string& key) const;
  void add_member(const std::string& key, std::uint64_t id);
  void check_class(ClassId id) const;
  std::shared_ptr<const Dictionary> load_dictionary(std::uint32_t id) const;

  const ProcessKey owner;
  const WriterLock lock;  // taken first, given back last
  std::shared_ptr<BankState> state;
  Bank bank;
  BatchWriter batch;
  Taxonomy taxonomy;
  std::map<DatasetId, DatasetInfo> datasets;
  mutable std::map<std::uint32_t, std::shared_ptr<const Dictionary>> dictionaries;
};

// --- Small helpers

std::optional<std::uint64_t> Writer::Impl::find_id(const std::string& key) const {
  const auto payload = batch.entry(key);
  if (!payload) return std::nullopt;
  return catalog::decode_id(*payload);
}

// An entry that another one names, so that it must be there.
catalog::Payload Writer::Impl::entry_named(const std::string& key) const {
  auto payload = batch.entry(key);
  if (payload) return std::move(*payload);
  throw Error(ErrorCode::corrupt, state->path.string() + ": the catalog has lost an entry",
              "run `slicebank verify " + state->path.string() + "`");
}

void Writer::Impl::add_member(const std::string& key, std::uint64_t id) {
  batch.put(key, catalog::encode_id(id));
}

void Writer::Impl::check_class(ClassId id) const {
  if (taxonomy.class_info(id) != nullptr) return;
  throw Error(ErrorCode::bad_argument,
              "class " + std::to_string(raw(id)) + " is not in the taxonomy of this bank",
              "make it with Writer::raw_class first");
}

DatasetInfo& Writer::Impl::dataset(DatasetId id) {
  if (const auto known = datasets.find(id); known != datasets.end()) return known->second;
  const auto payload = batch.entry(catalog::id_key(Kind::dataset, raw(id)));
  if (!payload) {
    throw Error(ErrorCode::bad_argument,
                "there is no dataset " + std::to_string(raw(id)) + " in this bank");
  }
  return datasets[id] = catalog::decode_dataset(*payload);
}

void Writer::Impl::put_dataset(const DatasetInfo& info) {
  batch.put(catalog::id_key(Kind::dataset, raw(info.id)), catalog::encode(info));
}

// The class of that name; made when the taxonomy has none.
ClassId Writer::Impl::canonical_class(const std::string& name) {
  check_name(name, limits::kNameBytesMax, "the name of a class");
  if (const auto known = taxonomy.find_class(name)) return *known;
  ClassInfo info;
  info.id = ClassId{static_cast<std::uint32_t>(batch.next().bank_class)};
  info.name = normalise_class_name(name);
  if (info.name.empty()) info.name = name;
  info.base = info.name;
  for (const auto& [side, word] : {std::pair{Side::left, std::string("left ")},
                                   std::pair{Side::right, std::string("right ")}}) {
    if (!info.name.starts_with(word) || info.name.size() == word.size()) continue;
    info.side = side;
    info.base = info.name.substr(word.size());
    if (const auto parent = taxonomy.find_class(info.base)) info.parents.push_back(*parent);
  }
  taxonomy.add_class(info);
  ++batch.next().bank_class;
  batch.put(catalog::id_key(Kind::bank_class, raw(info.id)), catalog::encode(info));
  return info.id;
}

// Finds or appends a raw class; whether `info` was changed.
bool Writer::Impl::merge_raw_class(DatasetInfo& info, const RawClass& wanted,
                                   std::uint32_t* number) {
  auto& classes = info.classes;
  const auto same = [&](const RawClass& each) {
    return each.name == wanted.name && (each.code == wanted.code || wanted.code.empty());
  };
  auto found = std::find_if(classes.begin(), classes.end(), same);
  bool changed = false;
  if (found == classes.end() && !wanted.code.empty()) {
    found = std::find_if(classes.begin(), classes.end(), [&](const RawClass& each) {
      return each.name == wanted.name && each.code.empty();
    });
    if (found != classes.end()) {
      found->code = wanted.code;
      changed = true;
    }
  }
  if (found == classes.end()) {
    RawClass fresh = wanted;
    if (raw(fresh.class_id) == 0) {
      fresh.class_id = canonical_class(fresh.meaning.empty() ? fresh.name : fresh.meaning);
    } else {
      check_class(fresh.class_id);
    }
    fresh.meaning.clear();  // what is kept here equals what is read back
    found = classes.insert(classes.end(), std::move(fresh));
    changed = true;
  }
  *number = static_cast<std::uint32_t>(found - classes.begin()) + 1;
  return changed;
}

std::vector<ClassId> Writer::Impl::coverage(std::uint32_t set) const {
  if (set == 0) return {};
  return catalog::decode_classes(entry_named(catalog::id_key(Kind::coverage_set, set)));
}

std::uint32_t Writer::Impl::coverage_set(const std::vector<ClassId>& classes) {
  if (classes.empty()) return 0;
  if (classes.size() > limits::kCoverageMax) {
    throw Error(ErrorCode::limit, "a coverage of " + std::to_string(classes.size()) + " classes");
  }
  for (const ClassId each : classes) check_class(each);
  const std::string key = catalog::coverage_set_value_key(classes);
  if (const auto known = find_id(key)) return static_cast<std::uint32_t>(*known);
  const auto id = static_cast<std::uint32_t>(batch.next().coverage_set++);
  batch.put(catalog::id_key(Kind::coverage_set, id), catalog::encode_classes(classes));
  add_member(key, id);
  return id;
}

std::shared_ptr<const Dictionary> Writer::Impl::load_dictionary(std::uint32_t id) const {
  if (const auto known = dictionaries.find(id); known != dictionaries.end()) return known->second;
  const auto payload = entry_named(catalog::id_key(Kind::dictionary, id));
  auto loaded = Dictionary::load(id, catalog::decode_dictionary(payload).bytes);
  return dictionaries.emplace(id, std::move(loaded)).first->second;
}

// --- The writer

Writer::Writer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;

Writer::~Writer() {
  // After a fork the child holds a copy that belongs to its parent: nothing of it may be
  // closed here.
  if (impl_ && !(impl_->owner == current_process())) (void)impl_.release();
}

Writer Writer::open(const std::filesystem::path& path, const WriterOptions& options) {
  const auto bank = canonical_bank(path);
  refuse_network_filesystem(bank, options.allow_network_filesystem);
  return Writer(std::make_unique<Impl>(bank, options));
}

const Bank& Writer::bank() const { return impl_->bank; }
const Taxonomy& Writer::taxonomy() const { return impl_->taxonomy; }

// --- Entities

DatasetId Writer::dataset(const DatasetInfo& info) {
  check_name(info.name, limits::kNameBytesMax, "the name of a dataset");
  const std::string key = catalog::name_key(Kind::dataset_name, info.name);
  const auto known = impl_->find_id(key);
  bool changed = !known;
  if (!known) {
    DatasetInfo fresh;
    fresh.id = DatasetId{static_cast<std::uint32_t>(impl_->batch.next().dataset++)};
    fresh.name = info.name;
    impl_->datasets[fresh.id] = fresh;
    impl_->add_member(key, raw(fresh.id));
  }
  const DatasetId id{known ? static_cast<std::uint32_t>(*known)
                           : static_cast<std::uint32_t>(impl_->batch.next().dataset - 1)};
  DatasetInfo& kept = impl_->dataset(id);
  const auto fill = [&](std::string& mine, const std::string& theirs) {
    if (!mine.empty() || theirs.empty()) return;
    if (theirs.size() > limits::kTextBytesMax) {
      throw Error(ErrorCode::limit, "a text of dataset " + info.name + " has " +
                                        std::to_string(theirs.size()) + " bytes");
    }
    mine = theirs;
    changed = true;
  };
  fill(kept.version, info.version);
  fill(kept.source_url, info.source_url);
  fill(kept.citation, info.citation);
  fill(kept.image_licence.text, info.image_licence.text);
  fill(kept.image_licence.tag, info.image_licence.tag);
  fill(kept.image_licence.source, info.image_licence.source);
  fill(kept.label_licence.text, info.label_licence.text);
  fill(kept.label_licence.tag, info.label_licence.tag);
  fill(kept.label_licence.source, info.label_licence.source);
  if (raw(kept.region) == 0 && raw(info.region) != 0) {
    kept.region = info.region;
    changed = true;
  }
  for (const RawClass& each : info.classes) {
    std::uint32_t number = 0;
    changed |= impl_->merge_raw_class(kept, each, &number);
  }
  if (changed) impl_->put_dataset(kept);
  return id;
}

std::uint32_t Writer::raw_class(DatasetId dataset, const std::string& name, const std::string& code,
                                const std::string& meaning) {
  check_name(name, limits::kNameBytesMax, "the name of a class");
  DatasetInfo& info = impl_->dataset(dataset);
  std::uint32_t number = 0;
  if (impl_->merge_raw_class(info, {name, code, ClassId{}, meaning}, &number)) {
    impl_->put_dataset(info);
  }
  return number;
}

const DatasetInfo& Writer::dataset_info(DatasetId id) const { return impl_->dataset(id); }

SubjectId Writer::subject(DatasetId dataset, const std::string& patient_id) {
  check_name(patient_id, limits::kNameBytesMax, "a patient id");
  const std::string key = catalog::name_key(Kind::subject_name, raw(dataset), patient_id);
  if (const auto known = impl_->find_id(key)) return SubjectId{*known};
  impl_->dataset(dataset);  // it must be there
  const SubjectInfo info{SubjectId{impl_->batch.next().subject++}, dataset, patient_id, 0};
  impl_->batch.put(catalog::id_key(Kind::subject, raw(info.id)), catalog::encode(info));
  impl_->add_member(key, raw(info.id));
  return info.id;
}

void Writer::set_alias_group(SubjectId subject, std::uint64_t alias_group) {
  const std::string key = catalog::id_key(Kind::subject, raw(subject));
  const auto payload = impl_->batch.entry(key);
  if (!payload) {
    throw Error(ErrorCode::bad_argument,
                "there is no subject " + std::to_string(raw(subject)) + " in this bank");
  }
  SubjectInfo info = catalog::decode_subject(*payload);
  if (info.alias_group == alias_group) return;
  info.alias_group = alias_group;
  impl_->batch.put(key, catalog::encode(info));
}

VolumeId Writer::volume(const VolumeInfo& info) {
  check_name(info.key, limits::kNameBytesMax, "the key of a volume");
  const std::string name_key = catalog::name_key(Kind::volume_name, raw(info.dataset_id), info.key);
  if (const auto known = impl_->find_id(name_key)) {
    const std::string key = catalog::id_key(Kind::volume, *known);
    auto kept = catalog::decode_volume(impl_->entry_named(key));
    const auto both = united(impl_->coverage(kept.coverage_set), info.coverage);
    const std::uint32_t set = impl_->coverage_set(both);
    if (set != kept.coverage_set) {
      kept.coverage_set = set;
      impl_->batch.put(key, catalog::encode(kept));
    }
    return VolumeId{*known};
  }
  impl_->dataset(info.dataset_id);
  const auto subject = impl_->batch.entry(catalog::id_key(Kind::subject, raw(info.subject_id)));
  if (!subject || catalog::decode_subject(*subject).dataset_id != info.dataset_id) {
    throw Error(ErrorCode::bad_argument, "volume " + info.key +
                                             " names a subject that is not one "
                                             "of its dataset");
  }
  if (!info.affine_4x4.empty() && info.affine_4x4.size() != 16) {
    throw Error(ErrorCode::bad_argument, "volume " + info.key + ": an affine has 16 numbers");
  }
  bool finite = std::all_of(info.affine_4x4.begin(), info.affine_4x4.end(),
                            [](double each) { return std::isfinite(each); });
  for (const double each : info.spacing_xyz_mm.value_or(std::array<double, 3>{})) {
    finite = finite && std::isfinite(each);
  }
  if (!finite) {
    throw Error(ErrorCode::bad_argument, "volume " + info.key + ": geometry is not finite");
  }
  catalog::StoredVolume volume;
  volume.info = info;
  volume.info.id = VolumeId{impl_->batch.next().volume++};
  volume.coverage_set = impl_->coverage_set(united({}, info.coverage));
  volume.info.coverage.clear();
  impl_->batch.put(catalog::id_key(Kind::volume, raw(volume.info.id)), catalog::encode(volume));
  impl_->add_member(name_key, raw(volume.info.id));
  return volume.info.id;
}

ImportId Writer::begin_import(const ImportInfo& info) {
  ImportInfo kept = info;
  kept.id = ImportId{static_cast<std::uint32_t>(impl_->batch.next().import++)};
  impl_->batch.put(catalog::id_key(Kind::import, raw(kept.id)), catalog::encode(kept));
  return kept.id;
}

// --- Samples

SampleId Writer::add(EncodedSample&& sample, VolumeId volume) {
  if (raw(volume) == 0 || raw(volume) >= impl_->batch.next().volume) {
    throw Error(ErrorCode::bad_argument,
                "there is no volume " + std::to_string(raw(volume)) + " in this bank");
  }
  impl_->batch.facts_of(volume);  // read now, so that a damaged one does not spoil the batch
  for (const AnnotationInfo& each : sample.info.annotations) {
    impl_->check_class(each.class_id);
    if (!std::isfinite(each.value)) {
      throw Error(ErrorCode::bad_argument, "the value of a label is not finite");
    }
  }
  const SampleId id{impl_->batch.next().sample};
  QueuedSample queued;
  queued.info = std::move(sample.info);
  queued.info.id = id;
  queued.info.volume_id = volume;
  queued.record = seal_record(impl_->state->file.uuid, id, volume, std::move(sample));
  impl_->batch.add(std::move(queued));
  ++impl_->batch.next().sample;
  return id;
}

CommitReport Writer::delete_samples(std::span<const SampleId> ids) {
  return impl_->batch.delete_samples(ids, impl_->taxonomy);
}

std::uint64_t Writer::queued_bytes() const { return impl_->batch.queued_bytes(); }

CommitReport Writer::commit() { return impl_->batch.commit(impl_->taxonomy); }

// --- Ledger and problems

std::optional<LedgerEntry> Writer::ledger(const std::string& scope,
                                          const std::string& item_key) const {
  const auto payload = impl_->batch.entry(catalog::item_key(Kind::ledger, scope, item_key));
  if (!payload) return std::nullopt;
  return catalog::decode_ledger(*payload);
}

void Writer::put_ledger(const LedgerEntry& entry) {
  const std::string marker =
      catalog::item_key(Kind::ledger_superseding, entry.scope, entry.item_key);
  impl_->batch.put(catalog::item_key(Kind::ledger, entry.scope, entry.item_key),
                   catalog::encode(entry));
  if (!entry.superseded.empty()) {
    impl_->batch.put(marker, catalog::encode_id(1));
  } else if (impl_->batch.entry(marker)) {
    impl_->batch.erase(marker);
  }
}

std::vector<LedgerEntry> Writer::superseding_entries() const {
  std::vector<LedgerEntry> entries;
  for (std::string key : impl_->batch.keys(catalog::kind_prefix(Kind::ledger_superseding))) {
    key.front() = static_cast<char>(Kind::ledger);  // the rest of the key is the same
    entries.push_back(catalog::decode_ledger(impl_->entry_named(key)));
  }
  return entries;
}

void Writer::add_problem(const Problem& problem, const std::string& item_key) {
  const auto import = impl_->batch.entry(catalog::id_key(Kind::import, raw(problem.import_id)));
  catalog::StoredProblem stored;
  stored.id = impl_->batch.next().problem++;
  stored.problem = problem;
  stored.item_key = item_key.empty() ? problem.path : item_key;
  if (import) {
    const ImportInfo info = catalog::decode_import(*import);
    stored.scope = info.importer + ":" + info.source_root;
  }
  impl_->batch.put(catalog::id_key(Kind::problem, stored.id), catalog::encode(stored));
  impl_->batch.put(catalog::problem_item_key(stored.scope, stored.item_key, stored.id),
                   catalog::encode_id(stored.id));
}

void Writer::clear_problems(const std::string& scope, const std::string& item_key) {
  for (const std::string& key : impl_->batch.keys(catalog::problem_item_prefix(scope, item_key))) {
    const auto id = catalog::decode_id(impl_->entry_named(key));
    impl_->batch.erase(catalog::id_key(Kind::problem, id));
    impl_->batch.erase(key);
  }
}

// --- Dictionaries, splits, saved selections

std::shared_ptr<const Dictionary> Writer::add_dictionary(DatasetId dataset, const ImageShape& shape,
                                                         const std::vector<Image>& images) {
  impl_->dataset(dataset);
  if (auto known = find_dictionary(dataset, shape)) return known;
  const auto id = static_cast<std::uint32_t>(impl_->batch.next().dictionary);
  auto trained = Dictionary::train(id, images);
  if (!trained) return nullptr;
  catalog::StoredDictionary stored{
      id, dataset, shape, {trained->bytes().begin(), trained->bytes().end()}};
  impl_->batch.put(catalog::id_key(Kind::dictionary, id), catalog::encode(stored));
  impl_->add_member(catalog::dictionary_shape_key(dataset, shape), id);
  ++impl_->batch.next().dictionary;
  impl_->dictionaries[id] = trained;
  return trained;
}

std::shared_ptr<const Dictionary> Writer::find_dictionary(DatasetId dataset,
                                                          const ImageShape& shape) const {
  const auto id = impl_->find_id(catalog::dictionary_shape_key(dataset, shape));
  if (!id) return nullptr;
  return impl_->load_dictionary(static_cast<std::uint32_t>(*id));
}

SplitId Writer::put_split(const SplitData& split) {
  check_name(split.name, limits::kNameBytesMax, "the name of a split");
  if (split.samples.size() != split.members.size() ||
      !std::is_sorted(split.samples.begin(), split.samples.end()) ||
      std::adjacent_find(split.samples.begin(), split.samples.end()) != split.samples.end()) {
    throw Error(ErrorCode::bad_argument,
                "split " + split.name + ": samples must ascend, each with its side");
  }
  for (const std::uint16_t side : split.members) {
    if (side >= split.sides.size()) {
      throw Error(ErrorCode::bad_argument, "split " + split.name + " names a side it has not");
    }
  }
  const std::string key = catalog::name_key(Kind::split_name, split.name);
  const auto known = impl_->find_id(key);
  SplitData kept = split;
  kept.id = SplitId{static_cast<std::uint32_t>(known ? *known : impl_->batch.next().split++)};
  if (!known) impl_->add_member(key, raw(kept.id));
  impl_->batch.put(catalog::id_key(Kind::split, raw(kept.id)), catalog::encode(kept));
  return kept.id;
}

bool Writer::delete_split(const std::string& name) {
  const std::string key = catalog::name_key(Kind::split_name, name);
  const auto id = impl_->find_id(key);
  if (!id) return false;
  impl_->batch.erase(catalog::id_key(Kind::split, static_cast<std::uint32_t>(*id)));
  impl_->batch.erase(key);
  return true;
}

void Writer::put_saved_selection(const SavedSelection& selection) {
  check_name(selection.name, limits::kNameBytesMax, "the name of a selection");
  impl_->batch.put(catalog::name_key(Kind::saved_selection, selection.name),
                   catalog::encode(selection));
}

bool Writer::delete_saved_selection(const std::string& name) {
  const std::string key = catalog::name_key(Kind::saved_selection, name);
  if (!impl_->batch.entry(key)) return false;
  impl_->batch.erase(key);
  return true;
}

}  // namespace slicebank
