"""Plain text for people: figures, tables that fit the terminal, colours, and text that cannot harm a terminal.

Styles are always written; `emit` takes them out where the reader is no terminal or wants none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from shutil import get_terminal_size
from unicodedata import category, east_asian_width

UNKNOWN = "unknown"
UNPRICED = "unpriced"

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_BREAKS = re.compile(r"(\s+|(?<=\w\+)(?=\w))")
_STYLE = re.compile(r"(\x1b\[(?:0|1|2|31|32|33|36)m)")  # our own only: others could hide text


def styled(text: str, style: str) -> str:
    """The text in a style: bold, dim, red, green, yellow or cyan."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if text else text


def plain(text: str) -> str:
    """The text without its styles."""
    return _STYLE.sub("", text)


_COMMAND = re.compile(r"(?<!\S)::(?=[A-Za-z])|##(?=\[)")
"""How a line begins that a runner of GitHub Actions takes for a command."""


def printable(text: str) -> str:
    """Text from a request or a path on one line, with what could steer a terminal, or the runner of a workflow, written
    as an escape."""
    text = _COMMAND.sub(lambda found: f"\\x{ord(found[0][0]):x}{found[0][0]}", text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def screen_width() -> int:
    """Columns of the terminal, or of COLUMNS where it is set; 80 without either."""
    return get_terminal_size((80, 24)).columns


def tokens(count: int | None) -> str:
    """A token count with thousands apart: `1,234`."""
    return UNKNOWN if count is None else f"{count:,}"


def percent(ratio: float | None) -> str:
    """A ratio as `93.4 %`. What is not quite all or nothing never reads as such."""
    if ratio is None:
        return UNKNOWN
    shown = min(99.9, max(0.1, ratio * 100)) if 0 < ratio < 1 else ratio * 100
    return f"{shown:.1f} %"


def usd(amount: Decimal | None) -> str:
    """Money: cents from a dollar on, below that two digits that count (`$0.00042`)."""
    if amount is None:
        return UNPRICED
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    if size >= 1 or size == 0:
        return f"{sign}${size:,.2f}"
    places = max(2, 1 - size.adjusted())
    return f"{sign}${size:.{places}f}"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `number`: stands right and is never cut. `least`: a text column may be narrowed to this many
    characters, 0 for never; what does not fit is cut, or goes on in the next line with `wrap` (for sentences). `drop`:
    which columns go first where the table is too wide, the highest first; 0 stays."""

    title: str
    number: bool = False
    least: int = 0
    drop: int = 0
    wrap: bool = False


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int | None = None) -> str:
    """A table of at most `width` columns (default: the screen), lines ended. Too wide, text is narrowed as far as its
    column allows, then columns are dropped and named below the table; a number is never cut. A column that may be
    dropped and holds nothing is left out."""
    cells = [[printable_cell(cell) for cell in row] for row in rows]
    limit = screen_width() if width is None else width
    widths = [max((visible(row[i]) for row in cells), default=0) for i in range(len(columns))]
    shown = [i for i, column in enumerate(columns) if widths[i] or not column.drop or not cells]
    widths = [max(found, visible(column.title)) for found, column in zip(widths, columns, strict=True)]
    dropped: list[int] = []
    while (fitted := _fitted(columns, widths, shown, limit)) is None:
        gone = max(shown, key=lambda i: (columns[i].drop, i))
        if columns[gone].drop == 0:
            fitted = {i: _smallest(columns[i], widths[i]) for i in shown}
            break
        shown.remove(gone)
        dropped.append(gone)
    rows_shown = [[styled(column.title, "bold") for column in columns], *cells]
    lines = [line for row in rows_shown for line in _row([(columns[i], row[i], fitted[i]) for i in shown])]
    if dropped:
        names = ", ".join(columns[i].title for i in sorted(dropped))
        lines.append(styled(f"(too narrow for: {names})", "dim"))
    return "".join(f"{line}\n" for line in lines)


def printable_cell(text: str) -> str:
    """As `printable`, leaving our own styles alone."""
    return "".join(part if _STYLE.fullmatch(part) else printable(part) for part in _STYLE.split(text))


def visible(text: str) -> int:
    """Columns that a text takes on a terminal: styles and combining signs none, wide signs two."""
    bare = plain(text)
    if bare.isascii():
        return len(bare)
    return sum(0 if category(c) in ("Mn", "Me", "Cf") else 2 if east_asian_width(c) in "WF" else 1 for c in bare)


def cut(text: str, width: int) -> str:
    """The text in at most `width` columns, an ellipsis in place of its middle; styles go where it is cut."""
    if visible(text) <= width:
        return text
    bare, room = plain(text), max(width - 1, 0)
    head, tail = (room + 1) // 2, room // 2
    while visible(bare[:head]) + (visible(bare[-tail:]) if tail else 0) > room:
        head, tail = (head - 1, tail) if head > tail else (head, tail - 1)
    return f"{bare[:head]}…{bare[-tail:] if tail else ''}"[: max(width, 1)]


def hanging(head: str, text: str, width: int | None = None) -> str:
    """A text behind its head, wrapped under itself; the line is ended. Words are never cut."""
    from textwrap import wrap

    indent = visible(head)
    room = max((screen_width() if width is None else width) - indent, 20)
    lines = wrap(printable(text), room, break_long_words=False, break_on_hyphens=False) or [""]
    return head + f"\n{' ' * indent}".join(lines) + "\n"


def _fitted(columns: Sequence[Column], widths: list[int], shown: list[int], limit: int) -> dict[int, int] | None:
    """The width of each shown column once text is cut as far as needed; None when even that is too wide."""
    smallest = {i: _smallest(columns[i], widths[i]) for i in shown}
    fitted = {i: max(smallest[i], min(widths[i], limit)) for i in shown}
    for _ in range(sum(fitted.values()) + 2 * (len(shown) - 1) - limit):
        widest = max(shown, key=lambda i: (fitted[i] > smallest[i], fitted[i]))
        if fitted[widest] == smallest[widest]:
            return None
        fitted[widest] -= 1
    return fitted


def _smallest(column: Column, width: int) -> int:
    if column.number or column.least == 0:
        return width
    return min(width, max(column.least, visible(column.title)))


def _row(cells: Sequence[tuple[Column, str, int]]) -> Iterator[str]:
    """The lines of a row: one, or as many as its longest wrapped cell has."""
    parts = [_wrapped(text, width) if column.wrap else [text] for column, text, width in cells]
    for line in zip_longest(*parts, fillvalue=""):
        shown = [_cell(text, width, column) for text, (column, _, width) in zip(line, cells, strict=True)]
        yield "  ".join(shown).rstrip()


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns, each in the style that the text begins with. Words that are joined
    by `+` may part behind it."""
    from textwrap import TextWrapper

    if visible(text) <= width:
        return [text]
    style, wrapper = _STYLE.match(text), TextWrapper(width, break_on_hyphens=False)
    wrapper.wordsep_simple_re = _BREAKS
    lines = wrapper.wrap(plain(text))
    return [f"{style[0]}{line}\x1b[0m" for line in lines] if style else lines


def _cell(text: str, width: int, column: Column) -> str:
    if not column.number:
        text = cut(text, width)
    pad = " " * (width - visible(text))
    return pad + text if column.number else text + pad
