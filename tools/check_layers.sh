#!/usr/bin/env bash
# Checks the one-way order of the modules against tools/layers.txt: what each file of src/ includes,
# what each module's CMakeLists.txt links, and that no file outside src/kernels names an
# instruction set. Prints one line per violation.
set -euo pipefail
cd "$(dirname "$0")/.."

# Files include only what the table gives their folder.
check_includes() {
  # shellcheck disable=SC2016  # awk's variables
  find src -name '*.h' -o -name '*.cpp' | sort | xargs -d "\n" awk '
    # The folder of a path, with its first subfolder where the table has a row for that.
    function room(path,  parts, count) {
      count = split(path, parts, "/")
      return count > 2 && (parts[1] "/" parts[2]) in rows ? parts[1] "/" parts[2] : parts[1]
    }
    BEGIN { FS = "[ \t:]+" }
    FILENAME == ARGV[1] {
      if ($0 !~ /^#/ && NF) for (i = 2; i <= NF; ++i) if ($i != "") may[$1, $i] = 1
      if ($0 !~ /^#/ && NF) rows[$1] = 1
      next
    }
    FNR == 1 {
      file = substr(FILENAME, 5)
      folder = room(file)
      if (!(folder in rows)) print FILENAME ": folder " folder " has no row in tools/layers.txt"
    }
    match($0, /^[ \t]*#[ \t]*include[ \t]*"[^"]*"/) {
      header = $0; sub(/^[^"]*"/, "", header); sub(/".*/, "", header)
      target = room(header)
      if (index(header, "/") == 0 || header ~ /\.\./)
        print FILENAME ":" FNR ": include \"" header "\" does not name its module"
      else if (header ~ /^levin\//)
        next
      else if (target != folder && !((folder, target) in may) && !((folder, header) in may) &&
               !((file, target) in may) && !((file, header) in may))
        print FILENAME ":" FNR ": " folder " may not include \"" header "\" (tools/layers.txt)"
      else if (folder != "kernels" && header ~ /^kernels\/(ref|avx2|avx512|neon|opencl|cuda)\//)
        print FILENAME ":" FNR ": only kernels/ may name an instruction set or device: " header
    }
    match($0, /^[ \t]*#[ \t]*include[ \t]*<(torch|ATen|c10)/) && folder !~ /^train\// {
      print FILENAME ":" FNR ": only train/ may include LibTorch"
    }
  ' tools/layers.txt
}

# levin_module(NAME deps...) in src/NAME/CMakeLists.txt links at most its row.
check_links() {
  grep -Ho 'levin_module([^)]*)' src/*/CMakeLists.txt src/*/*/CMakeLists.txt | awk '
    FILENAME == ARGV[1] {
      if ($0 ~ /^#/ || !NF) next
      row = $1; sub(":", "", row)
      for (i = 2; i <= NF; ++i) { target = $i; sub("/[^/]*[.]h$", "", target); may[row, target] = 1 }
      next
    }
    {
      sub(/:levin_module\(/, " "); sub(/\)/, "")
      for (i = 3; i <= NF; ++i)
        if (!(($2, $i) in may)) print $1 ": " $2 " may not link " $i " (tools/layers.txt)"
    }
  ' tools/layers.txt -
}

# Every quoted include names a file that exists.
check_exists() {
  local file header
  grep -rHoE --include='*.h' --include='*.cpp' '^#include "[^"]+"' src | sort -u -t: -k2 |
    while IFS=: read -r file header; do
      header=${header#*\"}
      header=${header%\"}
      [[ -e src/$header || -e include/$header ]] || echo "$file: no such header: $header"
    done
}

violations=$(check_links; check_includes; check_exists)
if [[ -n $violations ]]; then
  echo "$violations"
  echo "layer check: $(wc -l <<< "$violations") violations" >&2
  exit 1
fi
echo "layer check: ok"
