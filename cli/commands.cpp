#include "cli/commands.h"

#include "cli/command.h"

namespace slicebank::cli {

std::vector<std::unique_ptr<Command>> make_commands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(make_init_command());
  commands.push_back(make_import_command());
  commands.push_back(make_info_command());
  commands.push_back(make_stats_command());
  commands.push_back(make_query_command());
  commands.push_back(make_sql_command());
  commands.push_back(make_show_command());
  commands.push_back(make_sample_command());
  commands.push_back(make_split_command());
  commands.push_back(make_audit_command());
  commands.push_back(make_export_command());
  commands.push_back(make_delete_command());
  commands.push_back(make_verify_command());
  commands.push_back(make_reindex_command());
  commands.push_back(make_bench_command());
  commands.push_back(make_version_command());
  return commands;
}

}  // namespace slicebank::cli
