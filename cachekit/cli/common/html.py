"""Pages in HTML, each a single file: styles inside, no script, nothing fetched. All text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from cachekit.cli.common.text import UNKNOWN, UNPRICED, Column, plain, printable

_STYLES = Path(__file__).with_name("page.css")
_QUIET = frozenset({UNKNOWN, UNPRICED, "none"})


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: its share of the whole length (0 to 1), and what it stands for: read, written, uncached, lost
    or plain."""

    share: float
    kind: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: its text, and the bar under it; empty for none."""

    text: str
    bar: tuple[Part, ...] = ()


def page(title: str, about: str, body: Iterable[str], words: Sequence[str]) -> str:
    """A whole document: a title, a line about it, its parts, and at its foot sentences on the words used."""
    foot = "".join(f"<p>{escaped(sentence)}</p>\n" for sentence in words)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(title)}</title>\n<style>\n{_STYLES.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{escaped(title)}</h1>\n<p>{escaped(about)}</p>\n</header>\n"
        f"<main>\n{''.join(body)}</main>\n<footer>\n{foot}</footer>\n</body>\n</html>\n"
    )


def escaped(text: str) -> str:
    """Text as it is, whatever it holds: no markup, no signs that steer."""
    return escape(printable(plain(text)))


def lead(name: str, figure: str, about: str, certain: bool = True) -> str:
    """The one figure to read first, under its name, and what to know of it."""
    kind = "" if certain else ' class="warn"'
    shown = f"<strong{kind}>{escaped(figure)}</strong><span>{escaped(about)}</span>"
    return f'<p class="lead"><span>{escaped(name)}</span>{shown}</p>\n'


def cards(figures: Iterable[tuple[str, str]]) -> str:
    """Figures side by side under their names."""
    shown = "".join(f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>\n" for name, value in figures)
    return f'<dl class="cards">\n{shown}</dl>\n'


def heading(text: str) -> str:
    """The title of a part."""
    return f"<h2>{escaped(text)}</h2>\n"


def notes(lines: Iterable[str]) -> str:
    """Sentences as a list; nothing without any."""
    shown = "".join(f"<li>{escaped(line)}</li>\n" for line in lines)
    return f'<ul class="notes">\n{shown}</ul>\n' if shown else ""


def warning(line: str) -> str:
    """A sentence that stands out."""
    return f'<p class="warn">{escaped(line)}</p>\n'


def key(named: Iterable[tuple[str, str]]) -> str:
    """What the pieces of a bar stand for: (kind, words)."""
    shown = "".join(f'<li><i class="{kind}"></i>{escaped(words)}</li>\n' for kind, words in named)
    return f'<ul class="key">\n{shown}</ul>\n'


def bar(parts: Sequence[Part]) -> str:
    """A bar of pieces. Its figures stand beside it as text, so it is hidden from those who cannot see it."""
    shown = "".join(f'<i class="{part.kind}" style="width:{_length(part.share)}%"></i>' for part in parts if part.share)
    return f'<div class="bar" aria-hidden="true">{shown}</div>' if parts else ""


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], total: Sequence[Cell] = ()) -> str:
    """A table whose first column names its rows; `total` stands at its foot. A column that may be dropped and holds
    nothing is left out."""
    cells = [*rows, *([total] if total else [])]
    kept = [i for i, column in enumerate(columns) if not column.drop or not cells or any(row[i].text for row in cells)]
    shown = [[row[i] for i in kept] for row in cells]
    last = shown.pop() if total else ()
    return _table([columns[i] for i in kept], shown, last)


def _table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], total: Sequence[Cell]) -> str:
    head = "".join(f'<th scope="col"{_kind(column)}>{escaped(column.title)}</th>' for column in columns)
    body = "".join(_row(columns, row) for row in rows)
    foot = f"<tfoot>\n{_row(columns, total)}</tfoot>\n" if total else ""
    rows_shown = f"<thead>\n<tr>{head}</tr>\n</thead>\n<tbody>\n{body}</tbody>\n{foot}"
    return f'<div class="frame">\n<table>\n{rows_shown}</table>\n</div>\n'


def _row(columns: Sequence[Column], cells: Sequence[Cell]) -> str:
    shown = []
    for i, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        text = escaped(cell.text)
        text = f'<span class="none">{text}</span>' if cell.text in _QUIET and column.number else text
        tag, scope = ("td", "") if i else ("th", ' scope="row"')
        shown.append(f"<{tag}{scope}{_kind(column)}>{text}{bar(cell.bar)}</{tag}>")
    return f"<tr>{''.join(shown)}</tr>\n"


def _kind(column: Column) -> str:
    if column.number:
        return ' class="number"'
    return ' class="words"' if column.wrap else ""


def _length(share: float) -> str:
    """Percent of the bar, never more than all of it; what is not nothing can be seen."""
    return f"{min(100.0, max(1.0, share * 100)):.4g}"
