"""Records in memory as a log: what the tests of single formats read."""

from __future__ import annotations

import json

from cachekit.core.jsonio.inputs import Source
from cachekit.core.logs.format import Summary
from cachekit.core.logs.sniff import format_named
from cachekit.core.model.calls import BadLine, Call


def source_of(*records, name="log"):
    """Records, or raw lines, as one source."""
    lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
    return Source(name, lambda: iter([b"\n".join(lines) + b"\n"]))


def items_of(format, *sources):
    """Everything that a format's reader yields."""
    return list(format_named(format).read(sources))


def calls_of(format, *sources):
    """The calls of sources, or of records."""
    given = [source if isinstance(source, Source) else source_of(source) for source in sources]
    return [item for item in items_of(format, *given) if isinstance(item, Call)]


def summaries_of(format, *sources):
    """The summaries of sources."""
    return [item for item in items_of(format, *sources) if isinstance(item, Summary)]


def bad_lines_of(format, *sources):
    """The lines that could not be read."""
    return [item for item in items_of(format, *sources) if isinstance(item, BadLine)]
