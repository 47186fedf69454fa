#!/usr/bin/env bash
# Runs clang-tidy 14 with the rules of .clang-tidy over the changed files (tools/changed_files.sh),
# or over all of them with --all, or over the files named.
#
#   tools/tidy.sh [--all | FILE...]
#
# A changed header is read through the source file of its name or another one that includes it.
# Sources that include LibTorch are read behind tools/tidy/libtorch_prelude.h, which says why.
# LEVIN_TIDY_MINUTES ends the run after that time; the last lines then name the files that were left.
set -euo pipefail
cd "$(dirname "$0")/.."

# clang-tidy wants to see each file alone, so the release preset is configured once more, without a
# unity build, and with LibTorch if build/release has it.
database=build/tidy

# The source file through which clang-tidy sees a file.
source_of() {
  local file=$1
  case "$file" in
    *.cpp) echo "$file" ;;
    *.h)
      if [[ -e ${file%.h}.cpp ]]; then
        echo "${file%.h}.cpp"
      else
        git grep -lF "#include \"${file#src/}\"" -- '*.cpp' | head -n 1 || true
      fi
      ;;
  esac
}

if [[ $# -gt 0 && $1 != --all ]]; then
  mapfile -t files < <(printf '%s\n' "$@")
else
  mapfile -t files < <(tools/changed_files.sh "$@")
fi
train=OFF
if grep -qs '^LEVIN_TRAIN:BOOL=ON' build/release/CMakeCache.txt; then
  train=ON
fi
cmake --preset release -B "$database" -DCMAKE_UNITY_BUILD=OFF -DLEVIN_TRAIN="$train" > /dev/null
mapfile -t sources < <(
  for file in "${files[@]}"; do source_of "$file"; done | awk 'NF && !seen[$0]++' |
    while read -r source; do
      # Fuzz targets and benchmarks are in the databases of other presets.
      if grep -qF "/$source\"" "$database/compile_commands.json"; then echo "$source"; fi
    done
)
if [[ ${#sources[@]} -eq 0 ]]; then
  echo "clang-tidy: no changed files"
  exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
end_s=$(($(date +%s) + ${LEVIN_TIDY_MINUTES:-600} * 60))
export database work end_s

tidy_one() {
  local source=$1 log arguments=(--extra-arg=-Wno-unknown-warning-option)
  if [[ $(date +%s) -ge $end_s ]]; then
    echo "$source" >> "$work/left"
    return
  fi
  log=$work/${source//\//_}
  # The analyzer of clang 14 loses its way in coroutines and reports it in Boost's headers.
  if grep -qE 'co_(await|spawn)' "$source"; then
    arguments+=('--checks=-clang-analyzer-*')
  fi
  case "$source" in
    */train/nn/* | */train/optim/* | */train/run/*)
      arguments+=("--extra-arg-before=-include$PWD/tools/tidy/libtorch_prelude.h")
      ;;
  esac
  if ! clang-tidy-14 -p "$database" --quiet "${arguments[@]}" "$source" > "$log" 2>&1; then
    echo "$source" >> "$work/failed"
    grep -vE '^[0-9]+ warnings? (generated|and)|warnings treated as errors' "$log" || true
  fi
}
export -f tidy_one
xargs -d '\n' -P "$(tools/jobs.sh)" -I{} bash -c 'tidy_one {}' < <(printf '%s\n' "${sources[@]}")

left=0
if [[ -f $work/left ]]; then
  left=$(wc -l < "$work/left")
fi
checked=$((${#sources[@]} - left))
say_what_was_left() {
  [[ $left -eq 0 ]] && return
  echo "clang-tidy: NOT CHECKED for lack of time (LEVIN_TIDY_MINUTES=${LEVIN_TIDY_MINUTES:-600}):"
  sort "$work/left" | sed 's/^/  /'
  echo "clang-tidy: $left of ${#sources[@]} files were left unchecked; tools/tidy.sh FILE... checks them"
}
if [[ -f $work/failed ]]; then
  sort "$work/failed" | sed 's/^/  /'
  echo "clang-tidy: $(wc -l < "$work/failed") of $checked checked files fail" >&2
  say_what_was_left
  exit 1
fi
echo "clang-tidy: $checked of ${#sources[@]} files checked, none fails"
say_what_was_left
