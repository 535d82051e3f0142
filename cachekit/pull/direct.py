"""Calls straight from a log group, without a file between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypedDict, Unpack

from cachekit.core.calls import Call
from cachekit.core.pricing.table import cache_folder
from cachekit.core.shape import mapping
from cachekit.pull.events import Span
from cachekit.pull.marks import Mark
from cachekit.pull.objects import THREADS
from cachekit.pull.opening import Means, open_source
from cachekit.pull.taking import Taking
from cachekit.pull.wish import SECOND, Clock, Place, PullSource, Reading


class Where(TypedDict, total=False):
    """As whom and where AWS is asked, and what of the log is wanted; as the options of `cachekit pull`."""

    region: str | None
    profile: str | None
    role_arn: str | None
    filter: str | None
    bodies: bool


def group_calls(
    log_group: str | None, since: float, until: float, overrides: Mapping[str, object], **where: Unpack[Where]
) -> Iterator[Call]:
    """The calls of a log group (None: as Bedrock is set up), about in order of time. Times in seconds since 1970 UTC;
    `overrides` may name the models of ARNs. Raises UsageError and OutsideError."""
    models = {name: model for name, model in mapping(overrides.get("models")).items() if isinstance(model, str)}
    reading = Reading(filter=where.get("filter"), bodies=where.get("bodies", False), models=models)
    source = PullSource(Place(where.get("region"), where.get("profile"), where.get("role_arn")), log_group)
    yield from calls_of(source, Span(round(since * SECOND), round(until * SECOND)), reading)


def calls_of(source: PullSource, span: Span, reading: Reading) -> Iterator[Call]:
    """The calls of a source in a span, each once. Raises as `open_source`."""
    with ThreadPoolExecutor(THREADS, "pull") as pool:
        opened = open_source(source, reading, Means(Clock(), pool, cache_folder()))
        mark = Mark(span.start, span.start, late=opened.late)
        taking = Taking(mark, span, opened.parsing)
        for batch in opened.batches(span, mark):
            for calls in taking.take(batch):
                yield from calls
