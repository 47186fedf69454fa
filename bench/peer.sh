#!/usr/bin/env bash
# Measures a peer's speed on a GGUF model with the peer's own benchmark program, in the form that
# bench/bars.sh asks for: prints "PREFILL_TOKENS_PER_S DECODE_MS" at a depth of context.
#
#   bench/peer.sh PROGRAM MODEL.gguf DEPTH
#   PEER="bench/peer.sh .../llama-bench build/bars/peer.gguf" bench/bars.sh
#
# PROGRAM is llama.cpp's llama-bench, or ik_llama.cpp's llama-sweep-bench, told apart by the name.
# Both read DEPTH random tokens first, so 32K takes minutes. Prefill is one chunk of 512 at that
# depth, decode 16 single tokens; llama-bench gives the median of 3, llama-sweep-bench one sample.
#
# PEER_THREADS (default: all processors) and PEER_OPTIONS (such as "-fa 1", "-mla 3") go to PROGRAM.
# bench/peer_model.py writes the model. Wants jq.
set -euo pipefail

if [[ $# -ne 3 || ! $3 =~ ^[0-9]+$ ]]; then
  echo "usage: bench/peer.sh PROGRAM MODEL.gguf DEPTH" >&2
  exit 2
fi
program=$1
model=$2
depth=$3
readonly chunk=512 decode=16
threads=${PEER_THREADS:-$(nproc)}
read -r -a options <<< "${PEER_OPTIONS:-}"

for file in "$program" "$model"; do
  if [[ ! -r $file ]]; then
    echo "peer: $file: is not there" >&2
    exit 4
  fi
done
log=$(mktemp)
trap 'rm -f "$log"' EXIT

run() {  # arguments; stdout of the program
  if ! "$program" -m "$model" -t "$threads" "${options[@]}" "$@" 2> "$log"; then
    tail -n 20 "$log" >&2
    echo "peer: $program failed" >&2
    exit 1
  fi
}

case $(basename "$program") in
  *sweep-bench*)
    # Rows of 512 tokens up to the depth; each is measured before the next is read.
    if [[ $((depth % chunk)) -ne 0 ]]; then
      echo "peer: llama-sweep-bench measures at multiples of $chunk, got $depth" >&2
      exit 2
    fi
    run -c $((depth + chunk)) -b 2048 -ub $chunk -n $decode --output-format jsonl |
      grep '^{"n_kv_max"' |
      jq -er --argjson d "$depth" 'select(.n_kv == $d) | "\(.speed_pp) \(1000 / .speed_tg)"'
    ;;
  *llama-bench*)
    run -p $chunk -n $decode -d "$depth" -ub $chunk -r 3 -o json |
      jq -er 'def median: sort | .[length / 2 | floor];
        (map(select(.n_gen == 0))[0].samples_ts | median) as $prefill |
        (map(select(.n_prompt == 0))[0].samples_ts | median) as $decode |
        "\($prefill) \(1000 / $decode)"'
    ;;
  *)
    echo "peer: $program is neither llama-bench nor llama-sweep-bench" >&2
    exit 2
    ;;
esac
