#!/usr/bin/env bash
# The demo: Levin reads a document and answers questions about it, with sparse attention and with
# dense attention side by side; then reads 100,000 tokens with a random model, for the speed alone.
#
#   tools/demo.sh              everything
#   tools/demo.sh --check [N]  the questions only, or the first N; fails unless both get nine of ten right
#
# Needs the built engine (make build) and jq. LEVIN names another engine than build/release/levin.
set -euo pipefail
cd "$(dirname "$0")/.."

levin=${LEVIN:-build/release/levin}
model=models/mini
document=$model/demo/document.txt
questions=$model/demo/questions.json
long_tokens=100000
speed_model=build/demo/speed-model  # random, of a shape in which attention costs what it costs in large models

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [[ -t 1 && -z ${NO_COLOR:-} ]] || [[ -n ${FORCE_COLOR:-} ]]; then
  bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' cyan=$'\e[36m' plain=$'\e[0m'
else
  bold='' dim='' green='' red='' cyan='' plain=''
fi

# Where somebody looks on, an answer streams behind its question; the finished row takes its place.
show_answer() {
  if [[ -t 1 ]]; then stdbuf -o0 tr -d '\n'; else cat > /dev/null; fi
}

show_row() {
  if [[ -t 1 ]]; then printf '\r\e[K'; fi
  printf '%s' "$1"
}

# ask MODE OUT.json QUESTION: one answer; the engine's own messages only if it fails.
ask() {
  local mode=$1 out=$2 question=$3
  if ! "$levin" ask "$model" --file "$document" --attention "$mode" --max-tokens 24 --stats "$out" \
    "$question" 2> "$work/stderr" | show_answer; then
    cat "$work/stderr" >&2
    exit 1
  fi
}

# One side of a row: answer, mark, time to the first token, share of the context read.
cell() {
  local out=$1 expected=$2 text mark
  text=$(jq -r '.text' "$out")
  text=${text# }
  if [[ $text == "$expected" ]]; then
    mark="$green✓$plain"
  else
    mark="$red✗$plain"
  fi
  text=${text##* is }
  printf '%-10.10s %b %s' "${text%.}" "$mark" \
    "$(jq -r '[.time_to_first_token_s, 100 * .share_of_context_read] | @tsv' "$out" |
      awk '{printf "%6.2f s %5.1f%%", $1, $2}')"
}

is_right() {
  local text
  text=$(jq -r '.text' "$1")
  [[ ${text# } == "$2" ]]
}

# Adds up a number over the answers of a mode.
total() {
  jq -s "map($2) | add" "$work"/"$1"-*.json
}

ask_questions() {
  local count=${1:-} all least_right index question expected row sparse_right=0 dense_right=0 tokens parameters index_topk
  all=$(jq length "$questions")
  count=${count:-$all}
  if ! [[ $count =~ ^[1-9][0-9]{0,3}$ ]] || ((count > all)); then
    echo "demo: --check takes a number of questions from 1 to $all, not \"$count\"" >&2
    exit 2
  fi
  least_right=$(((count * 9 + 9) / 10))
  parameters=$("$levin" inspect "$model" --json | jq '.parameters / 1e5 | round / 10')
  index_topk=$(jq .index_topk "$model/config.json")
  ask sparse "$work/first.json" "$(jq -r '.[0].question' "$questions")" > /dev/null
  tokens=$(jq .prompt_tokens "$work/first.json")

  echo "${bold}Levin reads $document${plain}: $tokens tokens of a novel held out from training,"
  echo "$count facts strewn in, asked about in questions that a seed fixed before training."
  echo "${dim}$model has $parameters M parameters. Dense attention reads every token before; sparse attention reads${plain}"
  echo "${dim}the $index_topk that its indexer picks. time: until the answer begins; read: share of the cached rows.${plain}"
  echo
  printf '%s%-38s  %-28s  %s%s\n' "$cyan" "question" "sparse         time     read" \
    "dense          time     read" "$plain"
  for ((index = 0; index < count; ++index)); do
    question=$(jq -r ".[$index].question" "$questions")
    expected=$(jq -r ".[$index].answer" "$questions")
    row=$(printf '%-38.38s  ' "$question")
    if [[ -t 1 ]]; then show_row "$row${dim}sparse:$plain "; fi
    ask sparse "$work/sparse-$index.json" "$question"
    row+=$(cell "$work/sparse-$index.json" "$expected")'  '
    if [[ -t 1 ]]; then show_row "$row${dim}dense:$plain "; fi
    ask dense "$work/dense-$index.json" "$question"
    show_row "$row$(cell "$work/dense-$index.json" "$expected")"
    echo
    if is_right "$work/sparse-$index.json" "$expected"; then sparse_right=$((sparse_right + 1)); fi
    if is_right "$work/dense-$index.json" "$expected"; then dense_right=$((dense_right + 1)); fi
  done
  echo
  printf '%s%-38s  %-28s  %s%s\n' "$bold" "right answers" "$sparse_right of $count" \
    "$dense_right of $count" "$plain"
  printf '%-38s  %-28s  %s\n' "rows of the cache read" "$(rows_read sparse)" "$(rows_read dense)"
  if [[ $sparse_right -lt $least_right || $dense_right -lt $least_right ]]; then
    echo "demo: at least $least_right right answers are expected of both" >&2
    exit 1
  fi
}

rows_read() {
  awk -v read="$(total "$1" .latent_rows_read)" -v visible="$(total "$1" .visible_rows)" \
    'BEGIN {printf "%.0f of %.0f million", read / 1e6, visible / 1e6}'
}

# read_long MODE: reads the long text, reports one line.
read_long() {
  local mode=$1 out=$work/long-$1.json
  "$levin" ask "$speed_model" --file "$work/long.txt" --attention "$mode" --max-tokens 64 --json \
    "What is the year of Zoe?" > "$out"
  jq -r '[.prompt_tokens, .time_to_first_token_s, .prefill_tokens_per_s, 1000 / .decode_tokens_per_s,
    100 * .share_of_context_read] | @tsv' "$out" |
    awk -v mode="$mode" '{
      printf "%-8s %9d %10.1f s %11.0f %14.1f ms %10.1f%%\n", mode, $1, $2, $3, $4, $5}'
}

read_long_document() {
  local copies bytes
  LEVIN=$levin tools/demo/speed_model.sh "$speed_model" > "$work/synth.txt"
  # As many copies of the document as make up the tokens, cut at the end.
  bytes=$(($(wc -c < "$document") * long_tokens / $(($(jq .prompt_tokens "$work/first.json") - 10))))
  copies=$((bytes / $(wc -c < "$document") + 1))
  for ((; copies > 0; --copies)); do cat "$document"; done | head -c "$bytes" > "$work/long.txt"

  echo
  echo "${bold}The same over 100,000 tokens, for the speed alone${plain}: the document again and again, read by a"
  echo "model of random weights (tools/demo/speed_model.json), whose answer is noise and is not shown."
  echo
  printf '%s%-8s %9s %12s %11s %17s %11s%s\n' "$cyan" "" "tokens" "reading" "tokens/s" \
    "next token" "read" "$plain"
  read_long sparse
  read_long dense
  echo
  jq -rs '"Sparse reads \(.[1].time_to_first_token_s / .[0].time_to_first_token_s * 10 | round / 10) times and writes \(.[0].decode_tokens_per_s / .[1].decode_tokens_per_s * 10 | round / 10) times as fast as dense on this machine."' \
    "$work/long-sparse.json" "$work/long-dense.json"
}

if [[ ! -x $levin ]]; then
  echo "demo: there is no $levin; run make build" >&2
  exit 1
fi
if [[ ${1:-} == --check ]]; then
  ask_questions "${2:-}"
else
  ask_questions
  read_long_document
fi
