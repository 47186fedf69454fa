#!/usr/bin/env bash
# Configures a preset of CMakePresets.json where needed and builds it with all cores.
#
#   tools/build.sh PRESET [-DNAME=VALUE...] [TARGET...]
#
# Without -D options a build folder that is configured already is not configured again; CMake does
# so by itself when a file of its changed. ccache is used where it is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=$1
shift
options=()
while [[ ${1:-} == -D* ]]; do
  options+=("$1")
  shift
done

if [[ ! -f build/$preset/build.ninja || ${#options[@]} -gt 0 ]]; then
  if command -v ccache > /dev/null; then
    options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  if [[ $preset == release && ! -f build/$preset/build.ninja ]]; then
    options=(-DCMAKE_UNITY_BUILD=ON "${options[@]}")  # unless an option says OFF
  fi
  cmake --preset "$preset" "${options[@]}"
fi

# ThreadSanitizer of older compilers may not start under the address randomisation of newer kernels, and
# the build runs the test programs to list their tests.
prefix=()
if [[ $preset == tsan ]] && setarch -R true 2> /dev/null; then
  prefix=(setarch -R)
fi
"${prefix[@]}" cmake --build --preset "$preset" -j "$(tools/jobs.sh)" ${1:+--target "$@"}
