#!/usr/bin/env bash
# Makes the random model of speed_model.json, with the tokenizer of models/mini, unless FOLDER holds
# it already:  tools/demo/speed_model.sh FOLDER
# Prints what `levin synth` prints. LEVIN names another engine than build/release/levin.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=$1
config=tools/demo/speed_model.json
if [[ ! -f $folder/model.safetensors && ! -f $folder/model.safetensors.index.json ]] ||
  [[ $config -nt $folder/config.json ]]; then
  "${LEVIN:-build/release/levin}" synth "$config" --out "$folder" --force
fi
cp models/mini/tokenizer.json models/mini/tokenizer_config.json "$folder/"
