#!/usr/bin/env bash
# What `./dev bench` runs, from the root of the checkout: run.sh record | read | import | split | all [ARG ...]
set -euo pipefail
which=$1; shift
programs=build/bench/bench
data=build/bench-data
results=$data/results
mkdir -p "$data" "$results"

# The distribution's Python has the packages of packaging/apt.txt; another one in front of it on
# the PATH may not.
python=python3
for candidate in python3 /usr/bin/python3; do
  if "$candidate" -c 'import cv2, nibabel, numpy, PIL, pydicom' 2>/dev/null; then python=$candidate; break; fi
done

record() {
  if [ ! -d "$data/inputs" ]; then
    local samples=../shared/data
    [ -d "$samples" ] ||
      { printf 'real sample files (%s) are not there: phantom slices only\n' "$samples" >&2; samples=$data/none; }
    rm -rf "$data/phantom"
    "$programs/slicebank-phantom" "$data/phantom" --subjects 24 --slices 4 --side 512
    "$python" bench/make_inputs.py "$samples" "$data/inputs.new" "$data/phantom"
    mv "$data/inputs.new" "$data/inputs"
  fi
  "$programs/record_bench" "$data/inputs" --json "$results/record.json" "$@"
}

read_samples() {
  "$programs/random_read_bench" --work "$data/read" --python "$python" --json "$results/read.json" "$@"
}

import() {
  "$programs/import_bench" --work "$data/import" --json "$results/import.json" "$@"
}

# The peers of split_bench come from PyPI, into a virtual environment of their own; without it
# they are left out, and said so.
split() {
  local peers=$data/split-peers
  if ! "$peers/bin/python" -c 'import iterstrat, sklearn' 2>/dev/null; then
    rm -rf "$peers"
    if ! { "$python" -m venv "$peers" && "$peers/bin/python" -m pip install --quiet \
        scikit-learn iterative-stratification; } >&2; then
      printf 'SKIPPED: scikit-learn and iterative-stratification cannot be installed (no venv, or no registry)\n' >&2
      rm -rf "$peers"
    fi
  fi
  local with=()
  if [ -x "$peers/bin/python" ]; then with=(--python "$peers/bin/python"); fi
  "$programs/split_bench" --work "$data/split" --json "$results/split.json" ${with[@]+"${with[@]}"} "$@"
}

case $which in
  record) record "$@" ;;
  read) read_samples "$@" ;;
  import) import "$@" ;;
  split) split "$@" ;;
  all) record; read_samples; import; split ;;
  *) printf "bench: no bench '%s'; there are record, read, import, split and all\n" "$which" >&2; exit 2 ;;
esac
printf 'results are kept in %s\n' "$results" >&2
