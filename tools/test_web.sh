#!/usr/bin/env bash
# Tests the chat page: types, unit tests, that web/dist is what the sources build, and the page in
# Chromium against a mock server and, if LEVIN names the program, against `levin serve models/mini`.
# Skips (code 77) where npm or Chromium is missing or the npm packages cannot be fetched; fails there
# with LEVIN_NO_SKIPS=1 in the environment.
#
#   tools/test_web.sh [unit|bundle|browser...]   all three by default
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  if [[ ${LEVIN_NO_SKIPS:-} == 1 ]]; then
    echo "web tests failed, since LEVIN_NO_SKIPS=1 lets none be skipped: $1" >&2
    exit 1
  fi
  echo "web tests skipped: $1"
  exit 77
}

install_packages() {
  command -v npm > /dev/null || skip "npm is not installed (tools/install_deps.sh web)"
  # npm ci takes seconds: only when the packages that are there belong to another lock file.
  local stamp=web/node_modules/.levin-lock
  cmp -s web/package-lock.json "$stamp" && return
  npm --prefix web ci --loglevel=error || skip "the npm packages could not be fetched"
  cp web/package-lock.json "$stamp"
}

test_unit() {
  npm --prefix web run --silent check
  npm --prefix web run --silent test
}

# The build depends on nothing but the sources: it gives the committed bytes again.
test_bundle() {
  local built
  built=$(mktemp -d)
  npm --prefix web run --silent build -- --outDir "$built" --emptyOutDir --logLevel warn
  if ! diff -rq web/dist "$built"; then
    rm -rf "$built"
    echo "web/dist is not what web/src builds: run npm --prefix web run build, and commit it" >&2
    exit 1
  fi
  rm -rf "$built"
  if grep -n '"resolved"' web/package-lock.json; then
    echo "web/package-lock.json names a registry; web/.npmrc should keep it out" >&2
    exit 1
  fi
}

test_browser() {
  export CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
  [[ -x $CHROMIUM ]] || skip "there is no $CHROMIUM (tools/install_deps.sh web)"
  npm --prefix web run --silent test:browser
}

parts=("$@")
[[ ${#parts[@]} -gt 0 ]] || parts=(unit bundle browser)
install_packages
for part in "${parts[@]}"; do
  "test_$part"
done
