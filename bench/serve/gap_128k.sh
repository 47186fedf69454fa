#!/usr/bin/env bash
# bench/serve/gap.mjs for a prompt of 128K tokens: starts `levin serve` with a small model of random
# weights (tools/demo/speed_model.json) and measures how long an answer of it waits for its tokens
# while the prompt is read beside it. Prints a Markdown table; exits 1 if a bar is missed.
#
#   bench/serve/gap_128k.sh [FOLDER]     model and log go there (default build/gap_128k)
set -euo pipefail
cd "$(dirname "$0")/../.."

levin=${LEVIN:-build/release/levin}
out=${1:-build/gap_128k}
port=${PORT:-8118}

mkdir -p "$out"
LEVIN=$levin tools/demo/speed_model.sh "$out/model" > "$out/synth.log"
"$levin" serve "$out/model" --port "$port" --cache-mib 1024 2> "$out/server.log" &
server=$!
trap 'kill -TERM "$server"; wait "$server"' EXIT
until curl -sf "localhost:$port/ready" > "$out/ready"; do
  kill -0 "$server"
  sleep 0.1
done
node bench/serve/gap.mjs --url "http://127.0.0.1:$port" --prompt-tokens 130000
