#!/usr/bin/env bash
# Drives the libFuzzer targets: run.sh BUILD_DIR [TARGET] [SECONDS]. New inputs are kept in
# build/fuzz-corpus/<target>; a crash is left as a file that `replay` can run.
set -euo pipefail
programs=$1/tests/fuzz
only=${2:-}
seconds=${3:-60}
found=0
for source in tests/fuzz/*_fuzz.cpp; do
  target=$(basename "$source" _fuzz.cpp)
  [ -z "$only" ] || [ "$only" = "$target" ] || continue
  found=1
  kept=build/fuzz-corpus/$target
  mkdir -p "$kept" "tests/fuzz/corpus/$target"
  printf '== %s for %s s\n' "$target" "$seconds"
  "$programs/fuzz_$target" "$kept" "tests/fuzz/corpus/$target" -max_total_time="$seconds" \
    -rss_limit_mb=3000 -timeout=10 -artifact_prefix="$kept/" -print_final_stats=1
done
[ "$found" -eq 1 ] || { printf "fuzz: no target '%s'\n" "$only" >&2; exit 2; }
