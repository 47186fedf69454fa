#!/bin/sh
# Runs every fuzz target for a while: fuzz/run.sh [seconds per target] [target...]
# Fails if one of them crashes, leaks, hangs or grows; the input is then in build/fuzz/findings/.
# New inputs are kept in build/fuzz/found/<target>/ and used again next time.
# LEVIN_FUZZ_PRESET=asan takes the targets of that preset, which is built already where its tests ran.
set -eu
cd "$(dirname "$0")/.."
preset=${LEVIN_FUZZ_PRESET:-fuzz}
seconds=${1:-60}
[ $# -gt 0 ] && shift
targets=$*
if [ -z "$targets" ]; then
  for source in fuzz/*_fuzz.cpp; do
    target=${source#fuzz/}
    targets="$targets ${target%_fuzz.cpp}"
  done
fi

cmake --preset "$preset" >/dev/null
mkdir -p build/fuzz/findings
status=0
for target in $targets; do
  cmake --build "build/$preset" --target "fuzz_$target" >/dev/null
  found=build/fuzz/found/$target
  mkdir -p "$found"
  set -- "$found" "fuzz/corpus/$target"
  # The broken files of the tests are seeds too.
  [ -d "tests/data/bad/$target" ] && set -- "$@" "tests/data/bad/$target"
  echo "== $target: $seconds s"
  if ! "build/$preset/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
       -artifact_prefix="build/fuzz/findings/$target-" -print_final_stats=1 -verbosity=0 "$@" \
       >"build/fuzz/$target.log" 2>&1; then
    echo "FINDING: $target, see build/fuzz/$target.log and build/fuzz/findings/"
    tail -n 40 "build/fuzz/$target.log"
    status=1
  fi
  grep -E 'number_of_executed_units|new_units_added' "build/fuzz/$target.log" || true
done
exit $status
