#!/usr/bin/env bash
# Builds `levin` with a preset of CMakePresets.json and lets good and bad clients at `levin serve`:
#
#   tools/soak.sh [PRESET] [OPTIONS]   release, 20 minutes beside 10,000 idle connections
#   tools/soak.sh tsan --minutes 5     ThreadSanitizer; OPTIONS are those of bench/serve/soak.mjs
set -euo pipefail
cd "$(dirname "$0")/.."

preset=release
if [[ ${1:--} != -* ]]; then
  preset=$1
  shift
fi
tools/build.sh "$preset" levin
prefix=()
if [[ $preset == tsan ]] && setarch -R true 2> /dev/null; then
  prefix=(setarch -R)  # see tools/build.sh
fi
exec "${prefix[@]}" node bench/serve/soak.mjs "build/$preset/levin" --idle most --log "build/soak-$preset.log" "$@"
