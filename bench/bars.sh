#!/usr/bin/env bash
# Holds the engine against its bars: ratios within one run, and the best peer on the same shape.
# Prints a Markdown table; exits 1 if a bar is missed. Wants a quiet machine, 6 GB of disk and a
# quarter of an hour.
#
#   bench/bars.sh [FOLDER]     checkpoints and reports go there (default build/bars)
#
# Peers: ik_llama.cpp 8337e4cd, best row for each cell on this shape with Q8_0 weights, 2 threads,
# measured on a machine that read 35.5 GB/s and did 469 bf16 GFLOP/s; decode is scaled by this
# machine's read rate, prefill by its bf16 rate.
set -euo pipefail
cd "$(dirname "$0")/.."

levin=${LEVIN:-build/release/levin}
out=${1:-build/bars}
readonly peer_read_gb_per_s=35.5 peer_bf16_gflop_per_s=469
readonly peer_decode_0_ms=12.12 peer_decode_32k_ms=25.71 peer_prefill_32k=43.3

make_checkpoint() {  # name config [synth options]
  [[ -f $out/$1/config.json ]] || "$levin" synth "tests/data/configs/$2" --out "$out/$1" "${@:3}"
}

measure() {  # report model [bench options]
  echo "bars: $1" >&2
  "$levin" bench "$out/$2" "${@:3}" --json > "$out/$1.json"
}

# cell REPORT ATTENTION DEPTH FIELD: a median of a report
cell() {
  jq -r --arg a "$2" --argjson d "$3" --arg f "$4" \
    '.rows[] | select(.attention == $a and .depth == $d) | .[$f] | if type == "object" then .median else . end' \
    "$out/$1.json"
}

missed=0
# row TEXT VALUE RELATION BAR
row() {
  local verdict
  verdict=$(awk -v v="$2" -v r="$3" -v b="$4" \
    'BEGIN { print ((r == ">=" && v >= b) || (r == "<=" && v <= b)) ? "yes" : "NO" }')
  [[ $verdict == yes ]] || missed=1
  printf '| %s | %.2f | %s %s | %s |\n' "$1" "$2" "$3" "$4" "$verdict"
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { print a / b }'; }

mkdir -p "$out"
make_checkpoint real deepseek-v32-685b.json --dtype fp8 --set num_hidden_layers=2 \
  --set first_k_dense_replace=0 --set n_routed_experts=32 --set vocab_size=4096
make_checkpoint peer peer-shape.json --dtype bf16

measure decode real --attention sparse --depth 0,2048,32768,131072 --chunk 0 --decode 32
measure dense real --attention dense --depth 131072 --chunk 2048 --decode 8 --repetitions 1
measure sparse real --attention sparse --depth 131072 --chunk 2048 --decode 8 --repetitions 1
measure peer peer --weights int8 --attention sparse --depth 0,32768 --chunk 512 --decode 32

read_rate=$(jq -r .read_gb_per_s "$out/peer.json")
bf16_rate=$(jq -r .bf16_gflop_per_s "$out/peer.json")
to_this_read=$(ratio "$read_rate" "$peer_read_gb_per_s")
to_this_bf16=$(ratio "$bf16_rate" "$peer_bf16_gflop_per_s")
# What dense decode at 128K takes beyond short-context decode is its attention core:
# 2 layers x 278,528 FLOP a cached token.
dense_core_share=$(awk -v d="$(cell dense dense 131072 decode_ms)" \
  -v s="$(cell decode sparse 0 decode_ms)" -v r="$(jq -r .bf16_gflop_per_s "$out/dense.json")" \
  'BEGIN { print 2 * 278528 * 131072 / ((d - s) * 1e-3) * 1e-9 / r }')

echo "| what | measured | bar | held |"
echo "|---|---|---|---|"
row "real layer shape: share of the read bandwidth that decode at depth 0 reaches" \
  "$(cell decode sparse 0 share_of_read_bandwidth)" ">=" 0.65
row "sparse decode, 32K over 2K" \
  "$(ratio "$(cell decode sparse 32768 decode_ms)" "$(cell decode sparse 2048 decode_ms)")" "<=" 1.25
row "sparse decode, 128K over 2K" \
  "$(ratio "$(cell decode sparse 131072 decode_ms)" "$(cell decode sparse 2048 decode_ms)")" "<=" 1.6
row "decode at 128K, dense over sparse" \
  "$(ratio "$(cell dense dense 131072 decode_ms)" "$(cell sparse sparse 131072 decode_ms)")" ">=" 3
row "share of the bf16 rate that the dense core reaches in decode at 128K" "$dense_core_share" ">=" 0.5
row "prefill at 128K, chunk 2048, sparse over dense" \
  "$(ratio "$(cell sparse sparse 131072 prefill_tokens_per_s)" \
    "$(cell dense dense 131072 prefill_tokens_per_s)")" ">=" 1.8
row "peer shape, int8: decode at depth 0, speed over the best peer" \
  "$(ratio "$(ratio "$peer_decode_0_ms" "$to_this_read")" "$(cell peer sparse 0 decode_ms)")" ">=" 0.8
row "decode at 32K, speed over the best sparse peer" \
  "$(ratio "$(ratio "$peer_decode_32k_ms" "$to_this_read")" "$(cell peer sparse 32768 decode_ms)")" ">=" 1.2
row "prefill at 32K, chunk 512, speed over the best peer" \
  "$(awk -v a="$(cell peer sparse 32768 prefill_tokens_per_s)" -v b="$peer_prefill_32k" \
    -v s="$to_this_bf16" 'BEGIN { print a / (b * s) }')" ">=" 2
exit "$missed"
