#!/usr/bin/env python3
"""Turns the data files of unpacked Debian packages into plain text, one file a book.

usage: extract_corpus.py ROOT OUT
ROOT is the folder into which `dpkg -x` unpacked the packages; OUT gets <book>.txt with the lines of
the source as they stand (UTF-8). Cleaning and checksums are the business of levin-train.
"""

import gzip
import html
import pathlib
import re
import struct
import sys
import zlib

R_STRINGS = 16  # R's serialisation: type code of a character vector
R_STRING = 9  # ... and of one string
R_MISSING = -1

# How the text of a book begins, after byte order mark and blanks.
R_TITLES = {
    "SENSE AND SENSIBILITY": "sense_and_sensibility",
    "PRIDE AND PREJUDICE": "pride_and_prejudice",
    "MANSFIELD PARK": "mansfield_park",
    "EMMA": "emma",
    "NORTHANGER ABBEY": "northanger_abbey",
    "Persuasion": "persuasion",
    "The Project Gutenberg EBook of Moby Dick": "moby_dick",
}


def r_records(data):
    """The inflated records of an R lazy-load database: uint32 BE length, then a zlib stream."""
    start = 0
    while start < len(data) - 6:
        (length,) = struct.unpack(">I", data[start : start + 4])
        inflater = zlib.decompressobj()
        record = inflater.decompress(data[start + 4 :])
        if len(record) != length:
            raise ValueError(f"byte {start}: {length} bytes expected, inflated {len(record)}")
        start = len(data) - len(inflater.unused_data)
        yield record


def r_strings(record):
    """The strings of the first character vector in an R object (XDR), or None."""
    for match in re.finditer(rb"\x00\x00[\x00\x02]" + bytes([R_STRINGS]), record):
        pos = match.end()
        (count,) = struct.unpack(">i", record[pos : pos + 4])
        pos += 4
        strings = []
        for _ in range(max(count, 0)):
            if record[pos + 3 : pos + 4] != bytes([R_STRING]):
                break
            (length,) = struct.unpack(">i", record[pos + 4 : pos + 8])
            pos += 8
            if length != R_MISSING:
                strings.append(record[pos : pos + length].decode("utf-8", "replace"))
                pos += length
        if strings and len(strings) == count:
            return strings
    return None


def r_books(path):
    """(name, text) of every known book in a database of R data."""
    for record in r_records(path.read_bytes()):
        text = "\n".join(r_strings(record) or []).replace("\r\n", "\n").lstrip("\ufeff")
        for title, name in R_TITLES.items():
            if text.startswith(title):
                yield name, text


def sword_verses(folder):
    """The verses of a SWORD zText module, markup and all: blocks of a book, zlib-compressed."""
    for testament in ("ot", "nt"):
        blocks, verses, data = (
            (folder / f"{testament}.{end}").read_bytes() for end in ("bzs", "bzv", "bzz")
        )
        texts = [
            zlib.decompress(data[offset : offset + size]) if size else b""
            for offset, size, _ in struct.iter_unpack("<III", blocks)
        ]
        for block, offset, size in struct.iter_unpack("<IIH", verses):
            yield texts[block][offset : offset + size].decode("utf-8")


NOTE = r"<(note|title)\b[^>]*>.*?</\1>"


def between_words(note):
    """What stays of a note: a space if it is all that parts two words."""
    before = re.sub(r"<[^>]*>", "", note.string[max(0, note.start() - 200) : note.start()])[-1:]
    after = re.sub(r"<[^>]*>", "", note.string[note.end() : note.end() + 200])[:1]
    return " " if before.isalnum() and after.isalnum() else ""


def world_english_bible(folder):
    """One verse a line, with a blank line where a paragraph begins; no notes, no headings."""
    lines = []
    for verse in sword_verses(folder):
        if re.search(r"<div[^>]*type=\"(paragraph|x-p)\"|<lg\b|<chapter", verse) and lines:
            lines.append("")
        verse = re.sub(NOTE, between_words, verse, flags=re.DOTALL)
        verse = " ".join(re.sub(r"<[^>]*>", "", re.sub(r"<l\b", " <l", verse)).split())
        if verse:
            lines.append(html.unescape(verse))
    return "\n".join(lines)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    root, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    books = {}
    for package in ("janeaustenr", "tokenizers"):
        books.update(r_books(root / f"usr/lib/R/site-library/{package}/data/Rdata.rdb"))
    devil = gzip.decompress((root / "usr/share/dictd/devil.dict.dz").read_bytes())
    books["devils_dictionary"] = devil.decode("utf-8")
    sword = root / "usr/share/sword/modules/texts/ztext"
    books["world_english_bible"] = world_english_bible(sword / "engWEB2015eb")
    for name, text in sorted(books.items()):
        (out / f"{name}.txt").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
