#!/bin/sh
# Line coverage of the parsers by the seeds of their fuzz targets (and what fuzz/run.sh found):
# fuzz/coverage.sh [minimum per cent]. Prints a table; fails below the minimum (default 80).
set -eu
cd "$(dirname "$0")/.."
minimum=${1:-80}
build=build/fuzz-coverage

# target: the sources that parse its input
parsers="
safetensors: src/formats/safetensors.cpp src/formats/tensor_values.cpp src/formats/json.cpp
config_json: src/model/config.cpp src/model/config_fields.cpp src/model/config_indexer.cpp src/model/config_mlp.cpp src/model/config_quantization.cpp src/model/config_rope.cpp
index_json: src/formats/checkpoint_index.cpp
tokenizer_json: src/text/tokenizer_json.cpp src/text/pre_tokenizer.cpp src/text/regex.cpp src/text/added_tokens.cpp
chat_messages: src/text/chat_message.cpp src/text/chat_json.cpp src/text/chat_v32_parse.cpp src/text/python_json_parse.cpp
lookup_file: src/eval/lookup_file.cpp
http_request: src/serve/http/request_parser.cpp src/serve/http/access.cpp
api_request: src/serve/api/request_json.cpp src/serve/api/chat_request.cpp src/serve/api/completion_request.cpp src/serve/api/common_fields.cpp
json_schema: src/generation/json_schema.cpp src/generation/json_schema_containers.cpp src/generation/json_schema_reader.cpp src/generation/json_schema_values.cpp src/generation/schema_place.cpp src/generation/grammar_regex.cpp src/generation/grammar_regex_parse.cpp src/generation/grammar_number.cpp
output_parser: src/text/output_parser.cpp src/text/output_parser_calls.cpp src/text/output_parser_v31.cpp src/text/output_parser_v32.cpp
"

cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER=clang++ \
  -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1 -fprofile-instr-generate -fcoverage-mapping" \
  -DLEVIN_FUZZ=ON -DLEVIN_TESTS=OFF -DLEVIN_SANITIZE=fuzzer-no-link >/dev/null

status=0
printf '%-16s %-40s %8s %8s %9s\n' target source lines missed coverage
echo "$parsers" | {
  while IFS=: read -r target sources; do
    [ -f "fuzz/${target}_fuzz.cpp" ] || continue
    cmake --build $build --target "fuzz_$target" >/dev/null
    set -- "fuzz/corpus/$target"
    for extra in "tests/data/bad/$target" "build/fuzz/found/$target"; do
      [ -d "$extra" ] && set -- "$@" "$extra"
    done
    LLVM_PROFILE_FILE="$build/$target.profraw" "$build/fuzz_$target" -runs=0 "$@" 2>/dev/null >&2
    llvm-profdata merge -sparse "$build/$target.profraw" -o "$build/$target.profdata"
    # shellcheck disable=SC2086 # a list of files
    llvm-cov export "$build/fuzz_$target" -instr-profile="$build/$target.profdata" -summary-only $sources |
      python3 -c "
import json, os, sys
bad = False
for file in json.load(sys.stdin)['data'][0]['files']:
    lines = file['summary']['lines']
    bad |= lines['percent'] < $minimum
    print('%-16s %-40s %8d %8d %8.1f%%' % ('$target', os.path.relpath(file['filename']), lines['count'],
                                           lines['count'] - lines['covered'], lines['percent']))
sys.exit(bad)" || status=1
  done
  exit $status
}
