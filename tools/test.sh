#!/usr/bin/env bash
# Builds the release preset with its tests and runs all of them, fast and slow.
set -euo pipefail
cd "$(dirname "$0")/.."

# The tests of the real tokenizer need its file, which is not ours to ship; they say that they
# were skipped where it is not there, unless LEVIN_NO_SKIPS=1 lets none be skipped.
if ! { tools/install_deps.sh tokenizer && tools/fetch_tokenizer.sh; }; then
  if [[ ${LEVIN_NO_SKIPS:-} == 1 ]]; then
    echo "make test: the real tokenizer could not be fetched, and LEVIN_NO_SKIPS=1 lets no test be skipped" >&2
    exit 1
  fi
  echo "make test: the real tokenizer could not be fetched; its tests are skipped" >&2
fi

# The chat page is tested in Chromium, with npm packages; without them those tests are skipped too, or
# fail with LEVIN_NO_SKIPS=1.
if ! tools/install_deps.sh web; then
  echo "make test: npm or Chromium could not be installed; the tests of the page cannot run" >&2
fi

if [[ $(grep -csE '^LEVIN_(TESTS|TRAIN):BOOL=ON' build/release/CMakeCache.txt) == 2 ]]; then
  tools/build.sh release
else
  tools/build.sh release -DLEVIN_TESTS=ON -DLEVIN_TRAIN=ON
fi

# The data of recipes/mini is downloaded where no test may be skipped; elsewhere its tests run where it is
# there already.
if [[ ${LEVIN_NO_SKIPS:-} == 1 ]]; then
  make --no-print-directory -f recipes/mini/Makefile build/data/mini/data.json
fi
tools/ctest.sh release "$@"
