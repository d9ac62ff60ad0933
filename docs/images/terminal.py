#!/usr/bin/env python3
"""Writes terminal.svg from a real run of the binary that is given, in an empty folder."""

import html
import pathlib
import re
import subprocess
import sys
import tempfile

COMMANDS = ["init", "plan", "apply", "apply"]
COLUMNS, LINE, CHARACTER = 84, 19, 8.43
COLOURS = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "36": "#79c0ff"}
SGR = re.compile(r"\x1b\[([0-9;]*)m")


def spans(line):
    """The line as SVG spans: weight, faintness and colour of its escape sequences."""
    style, out, parts = set(), [], SGR.split(line)
    for index, part in enumerate(parts):
        if index % 2:
            for code in part.split(";"):
                style = set() if code in ("", "0") else style | {code}
        elif part:
            attributes = ' font-weight="bold"' if "1" in style else ""
            if "2" in style:
                attributes += ' fill="#8b949e"'
            for code in style & COLOURS.keys():
                attributes += f' fill="{COLOURS[code]}"'
            out.append(f"<tspan{attributes}>{html.escape(part)}</tspan>")
    return "".join(out)


def session(binary):
    """What a person sees."""
    with tempfile.TemporaryDirectory() as folder:
        for command in COMMANDS:
            yield f"\x1b[36m$\x1b[0m \x1b[1mstocktake {command}\x1b[0m"
            run = [binary, "--color", "always", command]
            done = subprocess.run(run, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
            yield from done.stdout.rstrip("\n").split("\n")
            yield ""


def main(binary, target):
    lines = list(session(str(pathlib.Path(binary).resolve())))[:-1]
    width, height = round(COLUMNS * CHARACTER) + 32, len(lines) * LINE + 60
    rows = "\n".join(
        f'<text x="16" y="{54 + number * LINE}" xml:space="preserve">{spans(line)}</text>'
        for number, line in enumerate(lines)
        if line
    )
    dots = "".join(
        f'<circle cx="{20 + 20 * n}" cy="18" r="6" fill="{colour}"/>'
        for n, colour in enumerate(["#ff5f56", "#ffbd2e", "#27c93f"])
    )
    pathlib.Path(target).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" '
        'aria-label="init, plan, apply, and a second apply that submits nothing">\n'
        f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n{dots}\n'
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" '
        f'fill="#e6edf3">\n{rows}\n</g>\n</svg>\n',
        encoding="utf-8",
    )


main(*sys.argv[1:])
