#!/usr/bin/env bash
# Everything that is checked without running: scripts, format, module order, file sizes, symbols of
# the kernels, clang-tidy on changed files (--all: on all). Runs every check, then fails if one did.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

failed=()
check() {
  "$@" || failed+=("$1")
}

mapfile -t scripts < <(git ls-files -- '*.sh' .ci/run)
check shellcheck "${scripts[@]}"
check tools/format.sh --check
check tools/check_layers.sh
check tools/check_sizes.sh
if [[ -d build/release/src/kernels ]]; then
  check tools/check_isa_symbols.sh
fi
check tools/tidy.sh "$@"

if [[ ${#failed[@]} -gt 0 ]]; then
  echo "lint: failed: ${failed[*]}" >&2
  exit 1
fi
echo "lint: ok"
