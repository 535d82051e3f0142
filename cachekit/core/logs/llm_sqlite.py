"""simonw/llm's `logs.db` (SQLite), opened read-only: tables `responses` (old) and `turns` (new).

`token_details` is what a plugin kept of the provider's usage, zeros left out: inclusive for OpenAI and Gemini,
exclusive for Anthropic, recognised by its names; NULL means that nothing is known of the cache. Ids of both tables are
ULIDs of one space: one id is one call, since a migration may leave a reply in both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from cachekit.core.catalog.models import identify
from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.json_access import count, mapping, moment, number, text
from cachekit.core.logs.format import SKIPPED, Format, Item, Record, clean_labels, count_call, summed
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.errors import InputError
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import NO_USAGE
from cachekit.core.providers.objects import decoded
from cachekit.core.providers.usage_names import count_usage

if TYPE_CHECKING:
    import sqlite3

NAME = "llm"

_TABLES = ("responses", "turns")
_COLUMNS = (
    *("id", "model", "resolved_model", "input_tokens", "output_tokens", "token_details"),
    *("duration_ms", "datetime_utc", "conversation_id", "thread_id"),
)
_BASES = {
    "prompt_tokens_details": "prompt_tokens",
    "cachedContentTokenCount": "promptTokenCount",
    "promptTokensDetails": "promptTokenCount",
}
_INSIDE = frozenset({"candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount"})
_MAGIC = b"SQLite format 3\0"


def read(sources: Iterable[Source]) -> Iterator[Item]:
    """The calls of all databases. Raises InputError for one that is locked, compressed, damaged or not llm's; one that
    was only found in a folder is counted as not read then, or passed over if it is another program's."""
    seen: set[str] = set()
    for source in sources:
        tally: Counter[str] = Counter()
        for row in _rows_or_damage(source, tally):
            if isinstance(row, BadLine):
                tally["bad"] += 1
                yield row
                continue
            tally["records"] += 1
            call = _call(row)
            if call.id and call.id in seen:
                tally["duplicates"] += 1
                continue
            seen.add(call.id)
            count_call(tally, call)
            yield call
        yield summed(source.name, NAME, tally)


def _rows_or_damage(source: Source, tally: Counter[str]) -> Iterator[Record | BadLine]:
    """The rows. Of a file that the user did not name, why there are none, or no more: a bad line for llm's own, a skip
    for the database of another program."""
    if source.path is None:
        raise InputError("a SQLite file cannot be read from stdin", where=source.name, hint="give its path")
    try:
        if not _is_plain(source.path):
            raise InputError("a compressed SQLite file", where=source.name, hint="unpack it first: it is read in place")
        yield from _rows(source.path)
    except InputError as error:
        if source.named:
            raise
        if error.what != _NOT_LLM:
            yield BadLine(1, error.what, source.name)
        else:
            tally[f"{SKIPPED}file: {error.what}"] += 1


def _is_plain(path: Path) -> bool:
    """Whether it is no gzip or zstd of a database; one that cannot be opened is left to SQLite to tell of."""
    try:
        with path.open("rb") as stream:
            return not stream.read(4).startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd"))
    except OSError:
        return True


def _rows(path: Path) -> Iterator[Record | BadLine]:
    import sqlite3

    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.5)) as database:
            database.text_factory = lambda raw: raw.decode("utf-8", "replace")
            yield from _tables(database, path)
    except sqlite3.OperationalError as error:
        raise InputError(f"the database cannot be read: {error}", where=str(path), hint=_HINT) from None
    except sqlite3.DatabaseError:
        raise InputError("no SQLite database, or a damaged one", where=str(path), hint=_HINT) from None


_HINT = "close the program that writes it, or read a copy made with: sqlite3 logs.db '.backup copy.db'"


_NOT_LLM = "a SQLite database, but not llm's"


def _tables(database: sqlite3.Connection, path: Path) -> Iterator[Record | BadLine]:
    from sqlite3 import DatabaseError

    found = False
    for table in _TABLES:
        there = {str(row[1]) for row in database.execute(f"PRAGMA table_info({table})")}
        columns = [name for name in _COLUMNS if name in there]
        if "model" not in columns:
            continue
        found = True
        number_ = 0
        rows = database.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY rowid")
        while True:
            try:
                row = rows.fetchone()
            except DatabaseError:
                yield BadLine(number_ + 1, f"the rest of table {table} is damaged", str(path))
                break
            if row is None:
                break
            number_ += 1
            yield dict(zip(columns, row, strict=True))
    if not found:
        raise InputError(_NOT_LLM, where=str(path), hint="give the file that `llm logs path` names")


def _call(row: Record) -> Call:
    model = text(row.get("resolved_model")) or text(row.get("model")) or ""
    session = text(row.get("conversation_id")) or text(row.get("thread_id")) or ""
    return Call(
        usage=_usage(row, mapping(decoded(row.get("token_details")))),
        ts=moment(row.get("datetime_utc")),
        id=text(row.get("id")) or "",
        provider=identify(model).host,
        model=model,
        latency_ms=number(row.get("duration_ms")),
        family=session,
        labels=clean_labels({"session": session}),
    )


def _usage(row: Record, details: Mapping[str, object]) -> Usage:
    """The details with the row's own counts, under the name that goes with them. The own output holds what Gemini
    thought, and the own input what its tools prompted."""
    base = next((name for sign, name in _BASES.items() if sign in details), "input_tokens")
    details = {name: value for name, value in details.items() if name not in _INSIDE}
    counts = {base: row.get("input_tokens"), "output_tokens": row.get("output_tokens")}
    if all(count(value) is None for value in counts.values()) and not details:
        return NO_USAGE
    return count_usage({**details, **{name: value for name, value in counts.items() if value is not None}})


FORMAT = Format(
    name=NAME,
    title="simonw/llm's logs.db",
    dedup="response id, over both tables and all files",
    sniff=lambda _: False,
    read=read,
    sniff_head=lambda head: head.startswith(_MAGIC),
)
