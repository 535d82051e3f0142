"""Reading any log: find the files, tell their formats, read each format over all of its files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from cachekit.core.jsonio.inputs import Source, find_sources
from cachekit.core.logs.format import Format, Item, Summary
from cachekit.core.logs.sniff import format_named, formats, sniff
from cachekit.core.model.errors import InputError


def read_any(
    paths: Iterable[str | Path], format: str | None = None, *, stdin: BinaryIO | None = None
) -> Iterator[Item]:
    """The calls and bad lines of files, folders, globs and `-`, and one Summary for each file.

    Files of one format are read together, so that a call that stands in two of them is one call. Raises as `grouped`.
    """
    for found in grouped(paths, format, stdin=stdin):
        if isinstance(found, Summary):
            yield found
        else:
            known, sources = found
            yield from known.read(sources)


def grouped(
    paths: Iterable[str | Path], format: str | None = None, *, stdin: BinaryIO | None = None
) -> Iterator[tuple[Format, list[Source]] | Summary]:
    """The sources behind paths by their format, told file by file unless one is named.

    Raises InputError for an input that is missing, empty or of no known format; files that were only found in a folder
    are passed over then, with a Summary that says why. Raises UsageError for a format that is none.
    """
    yield from by_format(find_sources(paths, stdin), format)


def by_format(sources: Iterable[Source], format: str | None = None) -> Iterator[tuple[Format, list[Source]] | Summary]:
    """Opened sources by their format; raises as `grouped`."""
    if format is not None:
        yield format_named(format), list(sources)
        return
    groups: dict[str, tuple[Format, list[Source]]] = {}
    for source in sources:
        found, again, reason = sniff(source)
        if found is not None:
            groups.setdefault(found.name, (found, []))[1].append(again)
        elif source.named:
            raise _unknown(source, reason)
        else:
            yield Summary(source.name, "", skipped={f"file: {reason}": 1})
    yield from groups.values()


def _unknown(source: Source, reason: str) -> InputError:
    if reason == "empty":
        return InputError("the file is empty", where=source.name, hint="check how it was written")
    if "cachekit audit" in reason:
        return InputError(reason, where=source.name, hint=f"cachekit audit {source.name}")
    if "usage table" in reason:
        return InputError(
            reason, where=source.name, hint="export the calls themselves: it cannot say what the cache did"
        )
    names = ", ".join(known.name for known in formats())
    return InputError(reason, where=source.name, hint=f"name its format with --input-format: {names}")
