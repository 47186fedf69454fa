#!/usr/bin/env bash
# Builds the fuzz targets with clang and runs each for a while from its seed corpus; ends at the
# first finding, which libFuzzer leaves as a file under build/fuzz/findings.
#
#   LEVIN_FUZZ_SECONDS=600 tools/fuzz.sh [TARGET...]      default: 20 seconds, every target
#
# Target fuzz_NAME of fuzz/NAME_fuzz.cpp reads fuzz/corpus/NAME; what it discovers stays under
# build/fuzz/corpus/NAME.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${LEVIN_FUZZ_SECONDS:-20}
tools/build.sh fuzz

if [[ $# -gt 0 ]]; then
  targets=("$@")
else
  mapfile -t targets < <(find build/fuzz -maxdepth 1 -type f -name 'fuzz_*' -perm -u+x -printf '%f\n' | sort)
fi
if [[ ${#targets[@]} -eq 0 ]]; then
  echo "fuzz: no targets under build/fuzz" >&2
  exit 1
fi

run_one() {
  local target=$1 name=${1#fuzz_} log
  log=build/fuzz/$target.log
  mkdir -p "build/fuzz/corpus/$name" build/fuzz/findings
  if ! "build/fuzz/$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$target-" \
    "build/fuzz/corpus/$name" "fuzz/corpus/$name" > "$log" 2>&1; then
    tail -n 40 "$log"
    echo "fuzz: $target found something; see $log and build/fuzz/findings" >&2
    return 1
  fi
  echo "fuzz: $target ok, $(awk '/stat::number_of_executed_units/ {print $2}' "$log") inputs in $seconds s"
}
export -f run_one
export seconds
# xargs ends with an error if one of them failed.
printf '%s\n' "${targets[@]}" | xargs -d '\n' -P "$(nproc)" -I{} bash -c 'run_one {}'
