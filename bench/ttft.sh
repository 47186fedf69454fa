#!/usr/bin/env bash
# Time to the first token of a long document that `levin serve` is asked about three times: cold,
# again (its pages lie in memory), and again after a restart (they lie on disk, and the system's copy
# of the files is dropped before). The client measures, from sending the text to having its answer of
# one token. Prints a Markdown table; exits 1 if memory is not at least 20 times or the disk not at
# least 5 times faster than cold, or if the log-probabilities of an answer differ.
#
#   bench/ttft.sh [FOLDER]     checkpoints, caches and logs go there (default build/ttft)
#
# 16K tokens (its whole context) on models/mini, 32K on a random checkpoint of 6 layers. Ratios hold
# within one run. Wants curl and jq.
set -euo pipefail
cd "$(dirname "$0")/.."

levin=${LEVIN:-build/release/levin}
out=${1:-build/ttft}
port=${PORT:-8117}
server=

stop_server() {
  if [[ -n $server ]]; then
    kill -TERM "$server"
    wait "$server"
    server=
  fi
}
trap stop_server EXIT

start_server() {  # name, model folder
  "$levin" serve "$2" --port "$port" --disk-cache "$out/$1.cache" 2>> "$out/$1.log" &
  server=$!
  until curl -sf "localhost:$port/ready" > "$out/ready"; do
    kill -0 "$server"
    sleep 0.1
  done
}

# ask MODEL NAME: the report goes to MODEL.NAME.json; prints milliseconds
ask() {
  curl -sf "localhost:$port/v1/completions" -H 'content-type: application/json' -d @"$out/$1.request" \
    -o "$out/$1.$2.json" -w '%{time_total}' | awk '{ print 1000 * $1 }'
}

field() { jq -r "$3" "$out/$1.$2.json"; }

# A text of so many tokens, BOS included: the demo's document, numbered and repeated. No page is
# shared within it, because a page's name covers all that comes before.
make_request() {  # model tokens
  local part
  for part in {1..20}; do
    sed "s/^/$part: /" models/mini/demo/document.txt
  done > "$out/text"
  "$levin" tokenize models/mini --no-bos --json < "$out/text" | jq -c ".[:$2 - 1]" > "$out/ids"
  "$levin" tokenize models/mini --decode < "$out/ids" |
    jq -Rs '{model: "deepseek-chat", max_tokens: 1, temperature: 0, logprobs: 5, prompt: .}' > "$out/$1.request"
}

make_synth() {
  [[ -f $out/synth/config.json ]] || "$levin" synth tests/data/configs/peer-shape.json --out "$out/synth" \
    --dtype bf16 --set vocab_size=4096 --set hidden_size=1024 --set intermediate_size=2816 \
    --set moe_intermediate_size=512 --set n_routed_experts=16
  cp models/mini/tokenizer*.json "$out/synth"
}

# Files that were just written are read from the device, not from the system's copy in memory.
drop_system_copies() {  # model
  sync "$out/$1.cache/prefix-cache"/*.page
  local file
  for file in "$out/$1.cache/prefix-cache"/*.page; do
    dd if="$file" iflag=nocache count=0 status=none
  done
}

missed=0
measure() {  # name, model folder, tokens
  rm -rf "$out/$1.cache"
  make_request "$1" "$3"
  start_server "$1" "$2"
  local cold memory disk from
  cold=$(ask "$1" cold)
  memory=$(ask "$1" memory)
  stop_server
  drop_system_copies "$1"
  start_server "$1" "$2"
  disk=$(ask "$1" disk)
  stop_server
  for from in memory disk; do
    if [[ $(field "$1" cold .choices) != "$(field "$1" "$from" .choices)" ]]; then
      echo "ttft: $1: the answer from $from differs from the cold one" >&2
      missed=1
    fi
  done
  awk -v model="$1" -v tokens="$(field "$1" cold .usage.prompt_tokens)" -v cold="$cold" -v memory="$memory" -v disk="$disk" \
    -v hits="$(field "$1" disk .usage.prompt_cache_hit_tokens)" 'BEGIN {
      printf "| %s | %d | %d | %.0f | %.1f | %.1f | %.0f | %.0f |\n", model, tokens, hits, cold, memory, disk,
        cold / memory, cold / disk
      exit !(cold / memory >= 20 && cold / disk >= 5)
    }' || missed=1
}

mkdir -p "$out"
make_synth
echo '| model | prompt tokens | of these cached | cold ms | memory ms | disk ms | cold / memory (>= 20) | cold / disk (>= 5) |'
echo '|---|---:|---:|---:|---:|---:|---:|---:|'
measure mini models/mini 16383
measure synth "$out/synth" 32768
exit "$missed"
