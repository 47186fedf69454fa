#!/usr/bin/env bash
# A C++ file has one responsibility and at most 400 lines. (Functions: 60 lines, by clang-tidy.)
# Also: no tracked text names a folder of the machine that it was written on.
set -euo pipefail
cd "$(dirname "$0")/.."

max_lines=400
violations=$(
  tools/changed_files.sh --all | xargs -d '\n' awk -v max="$max_lines" '
    FNR == 1 && file != "" && lines > max { print file ": " lines " lines, at most " max }
    { file = FILENAME; lines = FNR }
    END { if (lines > max) print file ": " lines " lines, at most " max }'
  git grep -InE '(^|[^A-Za-z0-9_.])/(work|home|root)/[A-Za-z]' -- . ':!tests/data' ':!tools/check_sizes.sh' |
    sed 's/$/  <- a path of one machine/' || true
)
if [[ -n $violations ]]; then
  echo "$violations"
  echo "size check: $(wc -l <<< "$violations") violations" >&2
  exit 1
fi
echo "size check: ok"
