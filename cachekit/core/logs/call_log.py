"""Our own call log (ndjson, version 1) among the formats that are recognised by their first records.

Counts are disjoint as they stand. The log is written once for each call: nothing is deduplicated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from cachekit.core.jsonio.inputs import Source, open_lines
from cachekit.core.jsonio.json_access import mapping
from cachekit.core.logs.format import Format, Item, Record, count_call, summed
from cachekit.core.logs.native import read_line
from cachekit.core.model.calls import BadLine

NAME = "cachekit"


def read(sources: Iterable[Source]) -> Iterator[Item]:
    """The calls of all logs, in the order written."""
    for source in sources:
        tally: Counter[str] = Counter()
        for line in open_lines(source):
            found = line if isinstance(line, BadLine) else read_line(*line, source.name)
            if isinstance(found, BadLine):
                tally["bad"] += 1
            else:
                tally["records"] += 1
                count_call(tally, found)
            yield found
        yield summed(source.name, NAME, tally)


def sniff(record: Record) -> bool:
    """A line with a version and a usage, or with a usage in our own names."""
    usage = mapping(record.get("usage"))
    return ("v" in record and bool(usage)) or "uncached" in usage


FORMAT = Format(
    name=NAME,
    title="the call log of cachekit",
    dedup="none: a call is written once",
    sniff=sniff,
    read=read,
    content=True,
)
