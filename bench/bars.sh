#!/usr/bin/env bash
# Holds the engine against its bars: ratios within one run, and the best peer on the same shape.
# Prints a Markdown table (medians over five turns, prefill at 128K over three); exits 1 if a bar is
# missed. Wants a quiet machine, 6 GB of disk and half an hour.
#
#   bench/bars.sh [FOLDER]     checkpoints and reports go there (default build/bars)
#   TURNS=3 PREFILL_TURNS=1 bench/bars.sh     a shorter look
#
# Peers: with PEER=COMMAND the peer runs beside us, in the same turns. `COMMAND DEPTH` measures the
# same shape with 8-bit weights at that depth and prints "PREFILL_TOKENS_PER_S DECODE_MS" (chunks of
# 512, medians): bench/peer.sh does so for llama.cpp and ik_llama.cpp, which read the whole context in
# every turn, so that it takes hours. Without PEER stored figures stand in: ik_llama.cpp 8337e4cd,
# best row for each cell with Q8_0 weights, 2 threads, on a machine that read 35.5 GB/s and did 469
# bf16 GFLOP/s; decode is scaled by this machine's read rate, prefill by its bf16 rate.
set -euo pipefail
cd "$(dirname "$0")/.."

levin=${LEVIN:-build/release/levin}
out=${1:-build/bars}
readonly peer_read_gb_per_s=35.5 peer_bf16_gflop_per_s=469
turns=$(seq "${TURNS:-5}")
prefill_turns=$(seq "${PREFILL_TURNS:-3}")  # a dense prefill at 128K takes minutes
readonly turns prefill_turns
readonly peer_decode_0_ms=12.12 peer_decode_32k_ms=25.71 peer_prefill_32k=43.3

make_checkpoint() {  # name config [synth options]
  [[ -f $out/$1/config.json ]] || "$levin" synth "tests/data/configs/$2" --out "$out/$1" "${@:3}"
}

measure() {  # report model [bench options]
  echo "bars: $1" >&2
  "$levin" bench "$out/$2" "${@:3}" --json > "$out/$1.json"
}

# cell REPORT ATTENTION DEPTH FIELD: a median of a report
# shellcheck disable=SC2317  # called through median_over
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

# shellcheck disable=SC2317  # called through median_over
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { print a / b }'; }

mkdir -p "$out"
make_checkpoint real deepseek-v32-685b.json --dtype fp8 --set num_hidden_layers=2 \
  --set first_k_dense_replace=0 --set n_routed_experts=32 --set vocab_size=4096
make_checkpoint peer peer-shape.json --dtype bf16

# What is divided is measured in turns, since the speed of memory changes from minute to minute.
for turn in $turns; do
  measure "decode-$turn" real --attention sparse --depth 0,2048,32768,131072 --chunk 0 --decode 16
  measure "dense-decode-$turn" real --attention dense --depth 131072 --chunk 0 --decode 8
  measure "peer-decode-$turn" peer --weights int8 --attention sparse --depth 0,32768 --chunk 0 --decode 32
  measure "peer-prefill-$turn" peer --weights int8 --attention sparse --depth 32768 --chunk 512 \
    --decode 0 --repetitions 1
  if [[ -n ${PEER:-} ]]; then
    for depth in 0 32768; do
      echo "bars: peer at $depth" >&2
      $PEER "$depth" > "$out/peer-$turn-$depth.txt"
    done
  fi
done
for turn in $prefill_turns; do
  for attention in dense sparse; do
    measure "$attention-prefill-$turn" real --attention "$attention" --depth 131072 --chunk 2048 \
      --decode 0 --repetitions 1
  done
done

# median_over TURNS FUNCTION ARGUMENTS...: of what the function prints for each turn
median_over() {
  local turn
  for turn in $1; do "$2" "$turn" "${@:3}"; done | sort -g |
    awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}
over_turns() { median_over "$turns" "$@"; }
# shellcheck disable=SC2317  # these are called through median_over
{
  read_share() { cell "decode-$1" sparse 0 share_of_read_bandwidth; }
  over_2k() { ratio "$(cell "decode-$1" sparse "$2" decode_ms)" "$(cell "decode-$1" sparse 2048 decode_ms)"; }
  dense_over_sparse() {
    ratio "$(cell "dense-decode-$1" dense 131072 decode_ms)" "$(cell "decode-$1" sparse 131072 decode_ms)"
  }
  sparse_over_dense_prefill() {
    ratio "$(cell "sparse-prefill-$1" sparse 131072 prefill_tokens_per_s)" \
      "$(cell "dense-prefill-$1" dense 131072 prefill_tokens_per_s)"
  }
  # What dense decode at 128K takes beyond short-context decode is its attention core:
  # 2 layers x 278,528 FLOP a cached token.
  dense_core_share() {
    awk -v d="$(cell "dense-decode-$1" dense 131072 decode_ms)" -v s="$(cell "decode-$1" sparse 0 decode_ms)" \
      -v r="$(jq -r .bf16_gflop_per_s "$out/dense-decode-$1.json")" \
      'BEGIN { print 2 * 278528 * 131072 / ((d - s) * 1e-3) * 1e-9 / r }'
  }
  # The peer's own figure of this turn, or the stored one on a machine as fast as this one is now.
  peer_decode_ms() {  # turn depth stored
    if [[ -n ${PEER:-} ]]; then
      cut -d ' ' -f 2 "$out/peer-$1-$2.txt"
    else
      ratio "$3" "$(ratio "$(cell "peer-decode-$1" sparse "$2" read_gb_per_s)" "$peer_read_gb_per_s")"
    fi
  }
  over_peer_decode() {  # turn depth stored
    ratio "$(peer_decode_ms "$@")" "$(cell "peer-decode-$1" sparse "$2" decode_ms)"
  }
  over_peer_prefill() {  # turn
    local peer
    if [[ -n ${PEER:-} ]]; then
      peer=$(cut -d ' ' -f 1 "$out/peer-$1-32768.txt")
    else
      peer=$(awk -v p="$peer_prefill_32k" -v a="$(jq -r .bf16_gflop_per_s "$out/peer-prefill-$1.json")" \
        -v b="$peer_bf16_gflop_per_s" 'BEGIN { print p * a / b }')
    fi
    ratio "$(cell "peer-prefill-$1" sparse 32768 prefill_tokens_per_s)" "$peer"
  }
}

echo "| what | measured | bar | held |"
echo "|---|---|---|---|"
row "real layer shape: share of the read bandwidth that decode at depth 0 reaches" \
  "$(over_turns read_share)" ">=" 0.65
row "sparse decode, 32K over 2K" "$(over_turns over_2k 32768)" "<=" 1.25
row "sparse decode, 128K over 2K" "$(over_turns over_2k 131072)" "<=" 1.6
row "decode at 128K, dense over sparse" "$(over_turns dense_over_sparse)" ">=" 3
row "share of the bf16 rate that the dense core reaches in decode at 128K" \
  "$(over_turns dense_core_share)" ">=" 0.5
row "prefill at 128K, chunk 2048, sparse over dense" \
  "$(median_over "$prefill_turns" sparse_over_dense_prefill)" ">=" 1.8
row "peer shape, int8: decode at depth 0, speed over the best peer" \
  "$(over_turns over_peer_decode 0 "$peer_decode_0_ms")" ">=" 0.8
row "decode at 32K, speed over the best peer" \
  "$(over_turns over_peer_decode 32768 "$peer_decode_32k_ms")" ">=" 1.2
row "prefill at 32K, chunk 512, speed over the best peer" "$(over_turns over_peer_prefill)" ">=" 2
exit "$missed"
