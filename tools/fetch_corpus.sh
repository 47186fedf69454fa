#!/bin/sh
# Fetches the books that the trainer's data is made of from Debian packages, without installing
# them, and writes each as plain text:  tools/fetch_corpus.sh [FOLDER]
# FOLDER (default build/corpus) then holds <book>.txt. Does nothing if the books are there already.
# Sources and licences: docs/data.md. `levin-train data build` checks every book's checksum.
set -eu

books="devils_dictionary emma king_james_bible mansfield_park moby_dick northanger_abbey persuasion \
pride_and_prejudice sense_and_sensibility world_english_bible"
packages="r-cran-janeaustenr r-cran-tokenizers dict-devil sword-text-web bible-kjv bible-kjv-text"

root=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$root/build/corpus}

fail() {
  echo "fetch_corpus: $*" >&2
  exit 1
}

has_all() {
  for book in $books; do
    [ -s "$1/$book.txt" ] || return 1
  done
}

if has_all "$folder"; then
  exit 0
fi
for program in apt-get dpkg python3; do
  command -v "$program" > /dev/null ||
    fail "$program is needed: run this on Debian or Ubuntu, or copy the folder from there"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# shellcheck disable=SC2086 # a list of words
apt-get -q download $packages > apt.log 2>&1 || {
  cat apt.log >&2
  fail "apt-get could not download $packages; try: apt-get update"
}
for package in *.deb; do
  dpkg -x "$package" unpacked
done
python3 "$root/tools/extract_corpus.py" unpacked books
# One verse a line, behind its place ("Ge1:1 In the beginning ...").
unpacked/usr/bin/bible -p unpacked/usr/lib -f gen1:1-rev22:21 < /dev/null > verses ||
  fail "the program bible of the package bible-kjv does not run; it needs libreadline8"
sed -E 's/^[A-Za-z0-9]+:[0-9]+ //' verses > books/king_james_bible.txt
has_all books || fail "some of these could not be read from the packages: $books"
mkdir -p "$folder"
for book in $books; do
  mv "books/$book.txt" "$folder/$book.txt"
done
echo "the books are in $folder"
