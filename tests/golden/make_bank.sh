#!/usr/bin/env bash
# A bank to be kept in tests/golden/banks/<format>: make_bank.sh SLICEBANK PHANTOM DEST
# Some phantom slices in two imports, two deleted, a split, and a selection saved between.
set -euo pipefail
slicebank=$1 phantom=$2 dest=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$phantom" "$work/data" --subjects 4 --slices 4 --side 64
"$slicebank" import "$dest" "$work/data" --limit 10
"$slicebank" query "$dest" "class = 'liver'" --save livers
"$slicebank" import "$dest" "$work/data"
"$slicebank" delete "$dest" --id 3,12 --yes
"$slicebank" split "$dest" create main
rm -f "$dest"/records.lmdb-lock "$dest"/index.sqlite-wal "$dest"/index.sqlite-shm "$dest"/writer.lock
