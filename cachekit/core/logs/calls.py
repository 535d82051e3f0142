"""`read_calls`: the calls of any log, one by one or as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cachekit.core.jsonio.inputs import Source
from cachekit.core.logs.format import Summary
from cachekit.core.logs.native import Readable, chunks_of
from cachekit.core.logs.reading import by_format, read_any
from cachekit.core.model.calls import BadLine, Call

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


class Calls:
    """The calls of a log, in the order in which they stand there, read as they are asked for and only once. What cannot
    be read is a `BadLine` in its place. As a table each call is a row of digests and counts, with neither text nor
    `BadLine`; see `docs/formats.md` for its columns."""

    def __init__(self, items: Iterator[object]) -> None:
        self._items = items

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Call | BadLine:
        for item in self._items:
            if isinstance(item, (Call, BadLine)):
                return item
        raise StopIteration

    def to_arrow(self) -> pyarrow.Table:
        """The calls that are left as a pyarrow.Table. Needs the extra `parquet`."""
        from cachekit.core.logs.table import to_arrow

        return to_arrow(call for call in self if isinstance(call, Call))

    def to_pandas(self) -> pandas.DataFrame:
        """The calls that are left as a pandas.DataFrame. Needs pandas and the extra `parquet`."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> polars.DataFrame:
        """The calls that are left as a polars.DataFrame. Needs polars and the extra `parquet`."""
        import polars

        found = polars.from_arrow(self.to_arrow())
        assert isinstance(found, polars.DataFrame)
        return found


def read_calls(source: Readable | Iterable[str | Path], format: str | None = None) -> Calls:
    """The calls of logs in any format that cachekit reads: files, folders, globs, `-` for stdin, or an open file, whose
    format is recognised by their first records unless one is named.

    Iterating raises InputError for an input that is missing, empty or of no known format, and UsageError for a format
    that is none. A line that cannot be read is a `BadLine` in its place.
    """
    if isinstance(source, (str, Path)):
        return Calls(read_any([source], format))
    if hasattr(source, "read"):
        return Calls(_of_stream(source, format))
    return Calls(read_any(source, format))


def _of_stream(stream: object, format: str | None) -> Iterator[object]:
    source = Source(str(getattr(stream, "name", "")), lambda: chunks_of(stream))
    for found in by_format([source], format):
        if not isinstance(found, Summary):
            known, sources = found
            yield from known.read(sources)
