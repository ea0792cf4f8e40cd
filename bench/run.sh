#!/usr/bin/env bash
# What `./dev bench` runs, from the root of the checkout: run.sh record | read | patch | import | split | index | loader | all [ARG ...]
set -euo pipefail
which=$1; shift
programs=build/release/bench
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

patch() {
  "$programs/patch_bench" --work "$data/patch" --json "$results/patch.json" "$@"
}

import() {
  "$programs/import_bench" --work "$data/import" --json "$results/import.json" "$@"
}

# The peers of a bench that come from PyPI, in a virtual environment of their own; without it
# they are left out, and said so: peers_of NAME MODULES PACKAGE ...
peers_of() {
  local place=$data/$1-peers modules=$2; shift 2
  if ! "$place/bin/python" -c "import $modules" 2>/dev/null; then
    rm -rf "$place"
    if ! { "$python" -m venv "$place" && "$place/bin/python" -m pip install --quiet "$@"; } >&2; then
      printf 'SKIPPED: %s cannot be installed (no venv, or no registry)\n' "$*" >&2
      rm -rf "$place"
      return 0
    fi
  fi
  printf '%s\n' "$place/bin/python"
}

split() {
  local peers with=()
  peers=$(peers_of split 'iterstrat, sklearn' scikit-learn iterative-stratification)
  if [ -n "$peers" ]; then with=(--python "$peers"); fi
  "$programs/split_bench" --work "$data/split" --json "$results/split.json" ${with[@]+"${with[@]}"} "$@"
}

index() {
  local peers
  peers=$(peers_of index 'duckdb, pandas' duckdb pandas)
  "$programs/index_bench" --work "$data/index" --json "$results/index.json" "$@"
  if [ -n "$peers" ]; then "$peers" bench/peers/index_peers.py "$results/index.json"; fi
}

loader() {
  local peers
  peers=$(peers_of loader 'torch, cv2, lmdb, webdataset, datasets' torch==2.13.0 opencv-python-headless lmdb \
    webdataset datasets)
  [ -n "$peers" ] || return 0
  "$peers" -c 'import slicebank' 2>/dev/null || "$peers" -m pip install --quiet \
    --config-settings "cmake.define.SLICEBANK_LIBRARIES_FROM=$PWD/build/release" . >&2
  "$peers" bench/peers/loader_bench.py --json "$results/loader.json" "$@"
}

case $which in
  record) record "$@" ;;
  read) read_samples "$@" ;;
  patch) patch "$@" ;;
  import) import "$@" ;;
  split) split "$@" ;;
  index) index "$@" ;;
  loader) loader "$@" ;;
  all) record; read_samples; patch; import; split; index; loader ;;
  *) printf "bench: no bench '%s'; there are record, read, patch, import, split, index, loader and all\n" "$which" >&2; exit 2 ;;
esac
printf 'results are kept in %s\n' "$results" >&2
