#!/usr/bin/env bash
# Objects compiled with the flags of one instruction set must define no weak symbol: the linker may
# keep that copy of an inline function for every caller, and a CPU without the instructions would
# crash in code that is not a kernel at all.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=build/${1:-release}/src/kernels/CMakeFiles
objects=$(find "$folder"/levin_kernels_avx*.dir "$folder"/levin_kernels_neon*.dir -name '*.o' \
  2> /dev/null | sort || true)
if [[ -z $objects ]]; then
  echo "ISA symbol check: no objects under $folder; build first" >&2
  exit 1
fi
weak=$(xargs -d '\n' nm -A -C --defined-only <<< "$objects" | grep -E '(^|[0-9a-f]|:) +[WVu] ' || true)
if [[ -n $weak ]]; then
  echo "${weak//$folder\//}"
  echo "ISA symbol check: $(wc -l <<< "$weak") weak symbols in kernels built for one CPU only" >&2
  exit 1
fi
echo "ISA symbol check: ok ($(wc -l <<< "$objects") objects)"
