#!/usr/bin/env bash
# Prints how many compilations to run at once: one per usable core, but only as many as the free
# memory carries at 1.2 GiB each. LEVIN_JOBS overrides it.
set -euo pipefail

if [[ -n ${LEVIN_JOBS:-} ]]; then
  echo "$LEVIN_JOBS"
  exit
fi
cores=$(nproc)
available_kib=$(awk '$1 == "MemAvailable:" {print $2}' /proc/meminfo)
by_memory=$((${available_kib:-0} / (1200 * 1024)))
jobs=$((by_memory < cores ? by_memory : cores))
echo $((jobs < 1 ? 1 : jobs))
