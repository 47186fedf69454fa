#!/usr/bin/env bash
# Line coverage of src/ by the fast tests: a summary here, the details in
# build/coverage/report/index.html.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/build.sh coverage
find build/coverage -name '*.gcda' -delete
tools/ctest.sh coverage -L fast
mkdir -p build/coverage/report
gcovr --root . --filter src/ --object-directory build/coverage --exclude-throw-branches \
  -j "$(tools/jobs.sh)" --print-summary --txt build/coverage/report/summary.txt \
  --html-details build/coverage/report/index.html
awk 'NR > 5' build/coverage/report/summary.txt
