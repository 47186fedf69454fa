#!/bin/sh
# The bars of models/mini against the tables of its evaluation: recipes/mini/bars.sh [FOLDER]
#
# FOLDER (default build/eval/mini) has first.md, text.md and second_text.md of `make -f recipes/mini/Makefile
# MODELS=models evaluation`.
# Prints a line for each bar; ends with 1 if one is missed.
set -eu
folder=${1:-build/eval/mini}
for table in first.md text.md second_text.md; do
  if [ ! -f "$folder/$table" ]; then
    echo "recipes/mini/bars.sh: $folder/$table is not there; make -f recipes/mini/Makefile MODELS=models evaluation makes it" >&2
    exit 2
  fi
done

# Columns: measure, context, rule, count, value, against dense, against the baseline. A figure is
# rounded: what it may really be must hold too. A cell without a figure holds nothing.
awk -F '|' '
  function number(text) { sub(/^ */, "", text); sub(/ .*/, "", text); return text + 0 }
  function has_number(text) { return text ~ /^ *[-+]?[0-9]+(\.[0-9]+)?( |$)/ }
  function judge(what, text, sign, bar, step,    holds) {
    holds = has_number(text) && sign * (number(text) - bar) - step / 2 >= -1e-9
    printf("%-6s %-64s %8s  (%s %s)\n", holds ? "holds" : "MISSED", what,
           has_number(text) ? number(text) : "none", sign > 0 ? ">=" : "<=", bar)
    judged += 1
    missed += !holds
  }
  function at_least(what, text, bar, step) { judge(what, text, 1, bar, step) }
  function at_most(what, text, bar, step) { judge(what, text, -1, bar, step) }
  {
    measure = $2; context = number($3); rule = $4
    gsub(/^ +| +$/, "", measure); gsub(/^ +| +$/, "", rule)
  }
  measure == "first wording" && rule == "dense" {
    at_least("dense at " context " tokens, %", $6, context > 8192 ? 90 : 95, 0.1)
    at_least("questions at " context " tokens", $5, 2000, 0)
  }
  measure == "first wording" && rule == "sparse" {
    at_least("sparse - dense at " context ", points", $7, -1, 0.1)
    at_least("sparse - mini-dense at " context ", points", $8, -1, 0.1)
  }
  measure == "first wording" && (rule == "recency" || rule == "strided" || rule == "random") && context >= 1024 {
    at_most(rule " - dense at " context ", points", $7, -40, 0.1)
  }
  measure ~ /^perplexity beyond / && rule == "sparse" {
    text = (FILENAME ~ /second_text\.md$/ ? "second text, " : "text, ") measure
    at_most(text ": sparse against dense, %", $7, 1, 0.01)
    at_most(text ": sparse against mini-dense, %", $8, 1, 0.01)
  }
  END {
    # Five lengths of two, two and three bars, and perplexity twice in both texts.
    if (judged != 39) {
      printf "%d bars judged instead of 39: the tables are not whole\n", judged
      exit 1
    }
    printf "%d of %d bars hold\n", judged - missed, judged
    exit missed > 0
  }' "$folder/first.md" "$folder/text.md" "$folder/second_text.md"
