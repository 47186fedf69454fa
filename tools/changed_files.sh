#!/usr/bin/env bash
# Prints the C++ files that a change touches, one a line, the latest first:
#   - what differs from the merge base with origin/main, with what is not committed yet;
#   - in a clone that stands on origin/main itself: what the commits of the last 24 hours before
#     HEAD touched.
# With --all: every tracked C++ file.
set -euo pipefail
cd "$(dirname "$0")/.."

patterns=('*.cpp' '*.h')
if [[ ${1:-} == --all ]]; then
  git ls-files -- "${patterns[@]}"
  exit
fi

head=$(git rev-parse HEAD)
base=$(git merge-base HEAD origin/main 2> /dev/null || true)
{
  git diff --name-only --diff-filter=d HEAD -- "${patterns[@]}"
  if [[ -n $base && $base != "$head" ]]; then
    git log --format= --name-only --diff-filter=d "$base..HEAD" -- "${patterns[@]}"
  else
    since=$(($(git log -1 --format=%ct) - 24 * 3600))
    git log --format= --name-only --diff-filter=d --since="@$since" -- "${patterns[@]}"
  fi
} | awk 'NF && !seen[$0]++' | while read -r file; do
  if [[ -e $file ]]; then echo "$file"; fi
done
