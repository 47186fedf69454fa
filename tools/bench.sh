#!/usr/bin/env bash
# Runs every micro-benchmark of the bench preset; arguments go to each program
# (--benchmark_filter=...). Pin the machine down first: other load changes the figures.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t programs < <(find build/bench -maxdepth 1 -type f -name '*_bench' -perm -u+x | sort)
if [[ ${#programs[@]} -eq 0 ]]; then
  echo "bench: no programs under build/bench; run make bench" >&2
  exit 1
fi
for program in "${programs[@]}"; do
  echo "== ${program##*/}"
  "$program" "$@"
done
