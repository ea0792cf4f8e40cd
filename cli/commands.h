// The list of verbs: each is made in <verb>_command.cpp.
#pragma once

#include <memory>

#include "cli/command.h"

namespace slicebank::cli {

std::unique_ptr<Command> make_init_command();
std::unique_ptr<Command> make_import_command();
std::unique_ptr<Command> make_info_command();
std::unique_ptr<Command> make_stats_command();
std::unique_ptr<Command> make_query_command();
std::unique_ptr<Command> make_sql_command();
std::unique_ptr<Command> make_show_command();
std::unique_ptr<Command> make_sample_command();
std::unique_ptr<Command> make_split_command();
std::unique_ptr<Command> make_audit_command();
std::unique_ptr<Command> make_export_command();
std::unique_ptr<Command> make_delete_command();
std::unique_ptr<Command> make_verify_command();
std::unique_ptr<Command> make_reindex_command();
std::unique_ptr<Command> make_bench_command();
std::unique_ptr<Command> make_version_command();

}  // namespace slicebank::cli
