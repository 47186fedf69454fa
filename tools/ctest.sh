#!/usr/bin/env bash
# Runs the tests of a built preset; further arguments go to ctest.
#
#   tools/ctest.sh PRESET [ctest options...]
set -euo pipefail
cd "$(dirname "$0")/.."

preset=$1
shift
prefix=()
if [[ $preset == tsan ]] && setarch -R true 2> /dev/null; then
  prefix=(setarch -R)  # see tools/build.sh
fi
exec "${prefix[@]}" ctest --preset "$preset" -j "$(nproc)" --no-tests=error "$@"
