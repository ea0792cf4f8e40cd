#!/usr/bin/env bash
# The walk of `./dev demo`: from a folder of slices to a subset, with nothing but the command.
# Usage: demo.sh BUILD_DIR [FOLDER]
set -euo pipefail
build=$1
source=${2:-}
slicebank=$build/slicebank
out=demo
bank=$out/demo.bank

run() {
  printf '\n$ slicebank %s\n' "$*"
  "$slicebank" "$@"
}

# For steps that may end with 3: finished, and something was left out or could not be held.
run_noting() {
  local status=0
  run "$@" || status=$?
  [ "$status" -eq 0 ] || [ "$status" -eq 3 ] || exit "$status"
}

rm -rf "$out"
mkdir -p "$out"
if [ -z "$source" ]; then
  source=$out/phantom
  printf '$ slicebank-phantom %s --seed 7\n' "$source"
  "$build"/bench/slicebank-phantom "$source" --seed 7
fi

run_noting import "$bank" "$source"
run info "$bank"
run stats "$bank" --by modality,class

# The class with most samples stands for "the one you care about".
class=$("$slicebank" sql "$bank" --csv \
  "SELECT class FROM masks GROUP BY class ORDER BY count(DISTINCT sample_id) DESC, class LIMIT 1" |
  tail -n 1 | tr -d '\r')
if [ -z "$class" ]; then
  printf '\nThere is no mask in this folder: nothing to query or split by class.\n'
else
  run query "$bank" "class = '${class//\'/\'\'}'" --limit 5
fi

subjects=$("$slicebank" sql "$bank" --csv "SELECT count(*) FROM subjects" | tail -n 1 | tr -d '\r')
if [ "$subjects" -ge 3 ]; then
  run split "$bank" create main --ratio train=0.8,val=0.1,test=0.1 --group subject \
    --stratify class,modality --seed 7
  side=main:train
elif [ "$subjects" -eq 2 ]; then
  run split "$bank" create main --ratio train=0.5,test=0.5 --group subject --seed 7
  side=main:train
fi
if [ -n "${side:-}" ]; then
  run audit "$bank" main
fi

run sample "$bank" --count 16 --seed 7 --out "$out/contact_sheet.png"
first=$("$slicebank" query "$bank" "masks > 0" --ids --limit 1)
[ -z "$first" ] || run show "$bank" "$first" --out "$out/sample_$first.png"
run_noting export "$bank" "$out/export" --format sa-med2d ${side:+--split "$side"}
run verify "$bank" --level 3

cat <<TXT

Made in $PWD/$out:
  demo.bank          the bank: try  $slicebank query $bank "area_fraction > 0.05"
  contact_sheet.png  16 random samples with their outlines
${first:+  sample_$first.png       one sample, enlarged, with a legend
}  export/            ${side:-everything} in the SA-Med2D layout, licences beside it
TXT
