#!/usr/bin/env bash
# Builds the wheel, installs it in a clean virtual environment, runs tests/python there.
#
#   packaging/python_tests.sh [BUILD_DIR]
#
# BUILD_DIR (default build/release) holds finished static libraries of these sources: they
# are linked, and only the binding is compiled. Without them everything is built.
# Environment: SLICEBANK_PYTHON, the interpreter to take (3.10 or later); SLICEBANK_PYTHON_TORCH=1
# installs PyTorch too (CPU) and tests under it. Where pip cannot reach a registry the
# tests are skipped, loudly. Last line: `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
libraries=${1:-build/release}
room=build/python-venv
log=build/python.log
mkdir -p build
: >"$log"

count() { printf '%d passed, %d failed, %d skipped\n' "$1" "$2" "$3"; }
tests=$(grep -hc '^def test_' tests/python/test_*.py | awk '{n += $1} END {print n}')
skip_all() {
  printf 'SKIPPED: the %d tests of the Python package: %s (see %s)\n' "$tests" "$1" "$log" >&2
  count 0 0 "$tests"
  exit 0
}
fail() {
  tail -n 40 "$log" >&2
  printf 'python: %s; the whole log is %s\n' "$1" "$log" >&2
  count 0 1 0
  exit 1
}

# An interpreter that is new enough, can make virtual environments and has its headers.
fitting='import sys, sysconfig, os, venv, ensurepip
header = os.path.join(sysconfig.get_path("include"), "Python.h")
sys.exit(0 if sys.version_info >= (3, 10) and os.path.exists(header) else 1)'
python=
for candidate in ${SLICEBANK_PYTHON:-python3 /usr/bin/python3}; do
  if "$candidate" -c "$fitting" >>"$log" 2>&1; then python=$candidate; break; fi
done
[ -n "$python" ] || skip_all 'no python3 from 3.10 with venv and headers (python3-venv, python3-dev)'

rm -rf "$room"
"$python" -m venv "$room" >>"$log" 2>&1 || skip_all 'no virtual environment could be made'
pip="$room/bin/python -m pip --disable-pip-version-check --retries 1 --timeout 30"
tools='scikit-build-core>=0.11 nanobind>=3.0 ninja numpy pytest hypothesis mypy'
# shellcheck disable=SC2086
$pip install -q $tools >>"$log" 2>&1 || skip_all 'pip reaches no registry'
for extra in pyarrow pandas polars duckdb opencv-python-headless; do $pip install -q "$extra" >>"$log" 2>&1 || true; done
if [ "${SLICEBANK_PYTHON_TORCH:-0}" != 0 ]; then
  $pip install -q torch==2.13.0 torchdata >>"$log" 2>&1 || printf 'SKIPPED: no PyTorch to test under\n' >&2
fi

options=()
if [ -f "$libraries/libslicebank_exporters.a" ] && [ -f "$libraries/bench/libslicebank_phantom.a" ]; then
  options=(--config-settings "cmake.define.SLICEBANK_LIBRARIES_FROM=$(cd "$libraries" && pwd)")
fi
printf 'building the wheel ...\n' >&2
rm -rf build/wheel
PATH=$PWD/$room/bin:$PATH $pip wheel -q --no-build-isolation --no-deps -w build/wheel \
  --config-settings build-dir=build/python/wheel ${options[0]+"${options[@]}"} . >>"$log" 2>&1 || fail 'the wheel was not built'
$pip install -q --no-deps --no-index build/wheel/slicebank-*.whl >>"$log" 2>&1 ||
  fail 'the wheel could not be installed'

report=build/python-tests.xml
rm -f "$report"
"$room/bin/python" -m pytest -p no:cacheprovider -q -ra --junitxml "$report" tests/python >build/python-tests.log 2>&1
status=$?
grep -vE '^[.sFEx]+ +\[ *[0-9]+%\]$' build/python-tests.log || true
[ -f "$report" ] || { count 0 1 0; exit 1; }
"$room/bin/python" - "$report" "$status" <<'PY'
import sys
import xml.etree.ElementTree

suite = xml.etree.ElementTree.parse(sys.argv[1]).getroot().find("testsuite")
total, skipped = int(suite.get("tests")), int(suite.get("skipped"))
failed = int(suite.get("failures")) + int(suite.get("errors"))
if int(sys.argv[2]) not in (0, 1) or total == 0:
    failed, total = failed + 1, total + 1  # pytest itself did not get through
print(f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed else 0)
PY
