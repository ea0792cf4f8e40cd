#include <fmt/format.h>

#include <string>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "formats/source_tree.h"
#include "store/bank.h"

namespace slicebank::cli {
namespace {

class InfoCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb =
        app.add_subcommand("info", "What a bank is: size, generation, datasets, licences");
    verb->add_option("bank", bank_, "The bank")->required();
    verb->add_flag(
        "--digest", digest_,
        "Also the logical digest: equal for banks that hold the same, whatever their ids "
        "(reads every record)");
    verb->add_flag("--json", json_, "As JSON");
    return verb;
  }

  int run(Context& context) override {
    const Bank bank = Bank::open(bank_);
    const BankInfo info = bank.info();
    const std::string digest = digest_ ? bank.logical_digest() : std::string();
    context.terminal.out(json_ ? line(to_json(bank, info, digest)) + "\n"
                               : to_text(bank, info, digest));
    return exit_done;
  }

 private:
  static Json to_json(const Bank& bank, const BankInfo& info, const std::string& digest) {
    Json datasets = Json::array();
    for (const DatasetInfo& dataset : bank.datasets()) {
      datasets.push_back({{"name", dataset.name},
                          {"version", dataset.version},
                          {"url", dataset.source_url},
                          {"citation", dataset.citation},
                          {"image_licence", dataset.image_licence.text},
                          {"image_licence_tag", dataset.image_licence.tag},
                          {"label_licence", dataset.label_licence.text},
                          {"label_licence_tag", dataset.label_licence.tag},
                          {"classes", dataset.classes.size()}});
    }
    Json json = {{"path", info.path.string()},
                 {"uuid", info.uuid_text},
                 {"format", {{"major", info.format.major}, {"minor", info.format.minor}}},
                 {"created_by", info.created_by},
                 {"generation", raw(info.generation)},
                 {"samples", info.samples},
                 {"masks", info.masks},
                 {"labels", info.labels},
                 {"volumes", info.volumes},
                 {"subjects", info.subjects},
                 {"record_file_bytes", info.record_file_bytes},
                 {"index_file_bytes", info.index_file_bytes},
                 {"readers", info.readers},
                 {"datasets", std::move(datasets)}};
    if (!digest.empty()) json["digest"] = digest;
    return json;
  }

  static std::string to_text(const Bank& bank, const BankInfo& info, const std::string& digest) {
    std::string text;
    const auto row = [&text](std::string_view name, const std::string& value) {
      text += fmt::format("{:<12}{}\n", name, value);
    };
    row("bank", info.path.string());
    row("uuid", info.uuid_text);
    row("format",
        fmt::format("{}.{}, made by {}", info.format.major, info.format.minor, info.created_by));
    row("generation", grouped(raw(info.generation)));
    row("samples", grouped(info.samples));
    row("masks", grouped(info.masks));
    if (info.labels > 0) row("labels", grouped(info.labels));
    row("volumes", grouped(info.volumes));
    row("subjects", grouped(info.subjects));
    row("records", bytes_text(info.record_file_bytes));
    row("index", bytes_text(info.index_file_bytes));
    if (info.readers > 0) row("readers", grouped(info.readers));
    if (!digest.empty()) row("digest", digest);
    Table table({"dataset", "classes", "image licence", "label licence"});
    for (const DatasetInfo& dataset : bank.datasets()) {
      table.add({printable(dataset.name), grouped(dataset.classes.size()),
                 licence(dataset.image_licence), licence(dataset.label_licence)});
    }
    return text + "\n" + table.text();
  }

  static std::string licence(const Licence& licence) {
    if (!licence.tag.empty()) return licence.tag;
    return licence.text.empty() ? "unknown" : printable(licence.text);
  }

  std::string bank_;
  bool digest_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_info_command() { return std::make_unique<InfoCommand>(); }

}  // namespace slicebank::cli
