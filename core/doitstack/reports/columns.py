"""Fit rows into the columns of a terminal, without losing a character. Returns text."""

import sys
from collections.abc import Iterable, Sequence
from textwrap import wrap

GAP = 2
"""Columns between two cells."""

_PADDING = 2
"""Columns that tabulate adds to a header."""

NARROWEST = 8
"""Columns that a cell keeps."""

_INDENT = 5
"""Columns before the rest of a line that is too long."""

RIGHT = frozenset(("seconds", "pid", "rc"))
"""Headers above numbers."""


def table(rows: Iterable[Sequence[object]], headers: Sequence[str], width: int = 0) -> str:
    """Return a table; if `width` is given, cells are wrapped so that no line is longer."""
    from tabulate import tabulate  # noqa: PLC0415 - not for every `doit list`

    cells = [[str(cell) for cell in row] for row in rows]
    if width:
        padded = [f"{name}{'':{_PADDING}}" for name in headers]
        widths = fitted(_natural_widths([padded, *cells]), width)
        cells = [
            ["\n".join(broken(cell, room)) for cell, room in zip(row, widths, strict=True)]
            for row in cells
        ]
        headers = [
            "\n".join(broken(name, room - _PADDING))
            for name, room in zip(headers, widths, strict=True)
        ]
    numbers = ["right" if name in RIGHT else "left" for name in headers]
    return tabulate(
        cells, headers=headers, colalign=numbers, disable_numparse=True, tablefmt="simple"
    )


def _natural_widths(rows: Sequence[Sequence[str]]) -> list[int]:
    columns = zip(*rows, strict=True)
    return [max(len(line) for cell in column for line in cell.split("\n")) for column in columns]


def fitted(widths: Sequence[int], width: int) -> list[int]:
    """Return widths of columns that fit into `width`: the widest columns give way first."""
    fitted_widths = list(widths)
    over = sum(widths) + GAP * (len(widths) - 1) - width
    while over > 0 and max(fitted_widths) > NARROWEST:
        widest = fitted_widths.index(max(fitted_widths))
        fitted_widths[widest] -= 1
        over -= 1
    return fitted_widths


def broken(text: str, width: int) -> list[str]:
    """Return the lines of a cell: broken at blanks, else after one of `/:-_`, else anywhere."""
    return [piece for line in text.split("\n") for piece in _pieces(line, width)] or [""]


def _pieces(line: str, width: int) -> list[str]:
    pieces: list[str] = []
    for part in wrap(line, width, break_long_words=False, break_on_hyphens=False):
        pieces += _parts_of_word(part, width)
    return pieces


def _parts_of_word(word: str, width: int) -> list[str]:
    parts = []
    while len(word) > width:
        at = max(word.rfind(mark, 0, width) for mark in "/:-_")
        end = at + 1 if at > 0 else width
        parts.append(word[:end])
        word = word[end:]
    return [*parts, word]


def continued(text: str, width: int) -> str:
    """Return lines of which those that do not fit go on below, indented; 0 is unlimited."""
    lines = []
    for line in text.splitlines():
        first, *rest = broken(line, width) if 0 < width < len(line) else [line]
        inner = broken(line.removeprefix(first), width - _INDENT) if rest else []
        lines += [first, *(f"{'':{_INDENT}}{part}" for part in inner)]
    return "".join(f"{line}\n" for line in lines)


def definitions(rows: Sequence[tuple[str, str]], width: int) -> str:
    """Return names with descriptions next to them or, after long names, below them.

    A width of 0 is unlimited.
    """
    width = width or sys.maxsize
    column = min(max((len(name) for name, _ in rows), default=0) + GAP, width // 2)
    lines = []
    for name, text in rows:
        first, *rest = wrap(text, max(NARROWEST, width - column - 1), break_on_hyphens=False) or [
            ""
        ]
        if len(name) + GAP > column and first:
            lines += [*broken(name, width), " " * column + first]
        else:
            lines.append(f"{name:<{column}}{first}".rstrip())
        lines += [" " * column + line for line in rest]
    return "".join(f"{line}\n" for line in lines)
