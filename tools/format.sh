#!/usr/bin/env bash
# Formats every tracked C++ file in place, or with --check says which ones clang-format 14 would
# change.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t files < <(tools/changed_files.sh --all)
if [[ ${1:-} != --check ]]; then
  clang-format-14 -i "${files[@]}"
  exit
fi
# Each file's first difference is enough to know it by.
unformatted=$(clang-format-14 --dry-run "${files[@]}" 2>&1 | grep -o '^[^ :]*:' | sort -u || true)
if [[ -n $unformatted ]]; then
  echo "${unformatted//:/}"
  echo "format check: $(wc -l <<< "$unformatted") files differ; run tools/format.sh" >&2
  exit 1
fi
echo "format check: ok (${#files[@]} files)"
