#!/bin/sh
# The bars of models/mini against the tables of its evaluation: recipes/mini/bars.sh [FOLDER]
#
# FOLDER (default build/eval/mini) has first.md and text.md of `make -f recipes/mini/Makefile evaluation`.
# Prints a line for each bar; ends with 1 if one is missed.
set -eu
folder=${1:-build/eval/mini}
for table in first.md text.md; do
  if [ ! -f "$folder/$table" ]; then
    echo "recipes/mini/bars.sh: $folder/$table is not there; make -f recipes/mini/Makefile evaluation makes it" >&2
    exit 2
  fi
done

# Columns: measure, context, rule, count, value, against dense, against the baseline.
awk -F '|' '
  function number(text) { sub(/^ */, "", text); sub(/ .*/, "", text); return text + 0 }
  function judge(holds, what, got, wanted) {
    printf "%-6s %-58s %8.2f  (%s)\n", holds ? "holds" : "MISSED", what, got, wanted
    judged += 1
    missed += !holds
  }
  {
    measure = $2; context = number($3); rule = $4
    gsub(/^ +| +$/, "", measure); gsub(/^ +| +$/, "", rule)
  }
  measure == "first wording" && rule == "dense" {
    least = context > 8192 ? 90 : 95
    judge(number($6) >= least, "dense at " context " tokens, %", number($6), ">= " least)
    judge(number($5) >= 2000, "questions at " context " tokens", number($5), ">= 2000")
  }
  measure == "first wording" && rule == "sparse" {
    judge(number($7) >= -1, "sparse - dense at " context ", points", number($7), ">= -1")
    judge(number($8) >= -1, "sparse - mini-dense at " context ", points", number($8), ">= -1")
  }
  measure == "first wording" && (rule == "recency" || rule == "strided" || rule == "random") && context >= 1024 {
    judge(number($7) <= -40, rule " - dense at " context ", points", number($7), "<= -40")
  }
  measure ~ /^perplexity beyond / && rule == "sparse" {
    judge(number($7) <= 1, measure ": sparse against dense, %", number($7), "<= 1")
    judge(number($8) <= 1, measure ": sparse against mini-dense, %", number($8), "<= 1")
  }
  END {
    # Five lengths of two, two and three bars, and perplexity twice.
    if (judged != 37) {
      printf "%d bars judged instead of 37: the tables are not whole\n", judged
      exit 1
    }
    printf "%d of %d bars hold\n", judged - missed, judged
    exit missed > 0
  }' "$folder/first.md" "$folder/text.md"
