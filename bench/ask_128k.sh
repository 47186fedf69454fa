#!/usr/bin/env bash
# `levin ask` over 128K tokens of real text: one novel and the beginning of another, read by a small
# model of random weights (tools/demo/speed_model.json, its answer is noise), sparse and dense. Prints
# a Markdown table; exits 1 if a reading fails, if its anonymous memory is not within 5 % of what
# `levin inspect` said before, or if Ctrl-C takes more than a second to end a reading.
#
#   bench/ask_128k.sh [FOLDER]     model and text go there (default build/ask_128k)
#
# Wants jq, and what tools/fetch_corpus.sh wants. A dense reading takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

levin=${LEVIN:-build/release/levin}
out=${1:-build/ask_128k}
readonly context=131072 document_tokens=130900 max_tokens=64 max_off_percent=5 max_stop_ms=1000
readonly question="What is the name of her sister?"
readonly delays_s="0.2 1 4 9"
missed=0

make_model() {
  LEVIN=$levin tools/demo/speed_model.sh "$out/model" > "$out/synth.log"
}

make_text() {
  tools/fetch_corpus.sh > "$out/corpus.log"
  cat build/corpus/persuasion.txt build/corpus/emma.txt |
    "$levin" tokenize "$out/model" --no-bos --json | jq -c ".[:$document_tokens]" |
    "$levin" tokenize "$out/model" --decode > "$out/text.txt"
}

forecast() {  # attention
  "$levin" inspect "$out/model" --attention "$1" --json | jq ".contexts[] | select(.context_tokens == $context).anonymous_bytes"
}

# read_text ATTENTION: one row of the table
read_text() {
  local report=$out/$1.json predicted off
  predicted=$(forecast "$1")
  "$levin" ask "$out/model" --file "$out/text.txt" --attention "$1" --max-tokens $max_tokens --json \
    "$question" > "$report"
  off=$(jq "100 * (.anonymous_bytes - $predicted) / $predicted" "$report")
  jq -r '[.prompt_tokens, .time_to_first_token_s, .prefill_tokens_per_s, 1000 / .decode_tokens_per_s,
    100 * .share_of_context_read, .anonymous_bytes / 1048576, .mapped_bytes / 1048576] | @tsv' "$report" |
    awk -v attention="$1" -v predicted="$predicted" -v off="$off" '{
      printf "| %s | %d | %.1f | %.0f | %.2f | %.1f %% | %.0f | %.0f (%+.1f %%) | %.0f |\n", attention, $1, $2, $3, $4, $5,
        predicted / 1048576, $6, off, $7}'
  if awk -v off="$off" "BEGIN { exit !(off > $max_off_percent || off < -$max_off_percent) }"; then missed=1; fi
}

# stop_after ATTENTION SECONDS: milliseconds from Ctrl-C to the end of the program
stop_after() {
  local start status=0
  "$levin" ask "$out/model" --file "$out/text.txt" --attention "$1" "$question" > "$out/stopped.txt" 2>&1 &
  sleep "$2"
  start=$(date +%s%N)
  kill -INT $!
  wait $! || status=$?
  if [[ $status -ne 130 ]]; then
    echo "ask_128k: interrupted after $2 s, it ended with $status instead of 130" >&2
    exit 1
  fi
  echo $((($(date +%s%N) - start) / 1000000))
}

mkdir -p "$out"
make_model
make_text
echo '| attention | prompt tokens | to the first token, s | prefill t/s | decode ms/token | context read | anonymous MiB, predicted | measured | mapped MiB |'
echo '|---|---:|---:|---:|---:|---:|---:|---:|---:|'
read_text sparse
read_text dense

echo
set -m  # a program in the background of a script would else ignore Ctrl-C
for attention in sparse dense; do
  times=
  for delay in $delays_s; do
    ms=$(stop_after "$attention" "$delay")
    times+=" $ms"
    if ((ms > max_stop_ms)); then missed=1; fi
  done
  echo "Ctrl-C ends a $attention reading, sent after $delays_s s, in$times ms."
done
exit $missed
