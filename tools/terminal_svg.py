#!/usr/bin/env python3
"""Draws captured terminal output as an SVG picture: tools/terminal_svg.py TITLE < output > picture.svg

Understands the colours that tools/demo.sh uses (SGR 0, 1, 2, 31, 32, 36). docs/img/demo.svg is
    FORCE_COLOR=1 tools/demo.sh | tools/terminal_svg.py 'make demo' > docs/img/demo.svg
"""

import html
import re
import sys

CHAR_WIDTH = 8.4
LINE_HEIGHT = 19
MARGIN = 18
TITLE_HEIGHT = 34
STYLES = {
    "1": "font-weight:bold",
    "2": "fill:#8b949e",
    "31": "fill:#ff7b72",
    "32": "fill:#3fb950",
    "36": "fill:#79c0ff",
}
ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")


def spans_of(line):
    """(first column, text, style) of every stretch of equal style."""
    column, style = 0, ""
    for index, part in enumerate(ESCAPE.split(line)):
        if index % 2 == 1:
            codes = [code for code in part.split(";") if code not in ("", "0")]
            style = ";".join(STYLES[code] for code in codes if code in STYLES)
        elif part:
            yield column, part, style
            column += len(part)


def main():
    title = sys.argv[1] if len(sys.argv) > 1 else ""
    lines = sys.stdin.read().rstrip("\n").split("\n")
    columns = max(len(ESCAPE.sub("", line)) for line in lines)
    width = round(columns * CHAR_WIDTH + 2 * MARGIN)
    height = TITLE_HEIGHT + len(lines) * LINE_HEIGHT + MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
        '<g fill="#484f58"><circle cx="20" cy="17" r="5"/><circle cx="38" cy="17" r="5"/><circle cx="56" cy="17" r="5"/></g>',
        '<g font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="14" fill="#e6edf3">',
        # Recent browsers do not inherit xml:space into text; they all know this.
        "<style>text{white-space:pre}</style>",
        f'<text x="{width / 2}" y="22" text-anchor="middle" fill="#8b949e">{html.escape(title)}</text>',
    ]
    for row, line in enumerate(lines):
        y = TITLE_HEIGHT + (row + 1) * LINE_HEIGHT - 5
        for column, text, style in spans_of(line):
            stripped = text.strip(" ")
            if not stripped:
                continue
            x = MARGIN + (column + len(text) - len(text.lstrip(" "))) * CHAR_WIDTH
            length = len(stripped) * CHAR_WIDTH
            style_attribute = f' style="{style}"' if style else ""
            out.append(
                f'<text x="{x:.1f}" y="{y}" textLength="{length:.1f}"{style_attribute}>{html.escape(stripped)}</text>'
            )
    out += ["</g>", "</svg>"]
    print("\n".join(out))


if __name__ == "__main__":
    main()
