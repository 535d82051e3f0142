"""What calls share that are summed together."""

from __future__ import annotations

from typing import NamedTuple

from cachekit.core.model.calls import Billing

COUNTS = ("calls", "uncached", "read", "write_5m", "write_1h", "write_30m", "write_12h", "write_unknown", "output")
"""The first places of a cell's counts."""

CACHEABLE, REPORTING, REPORTED = range(len(COUNTS), len(COUNTS) + 3)
"""The last: what was cacheable, where the provider reports no writes; the calls of which the log tells a cost; these
costs, in billionths of a USD."""

NANO = 10**9
"""Billionths in one."""

WITH, WITHOUT, REPORTED_ONLY = "with", "without", "told"
"""Whether calls of logs that may hold requests do; in our own log their family may be told all the same."""


class CellKey(NamedTuple):
    """Calls that cost the same a token and stand in the same row.

    `kind` is `call` or `warm`. `known`: something is said about the cache. `judged`: due reads can be looked for.
    `band` and `period` number the price by prompt size and date (period -1: no time known). `side` is `before` or
    `after` a split, or empty. `body`: WITH, WITHOUT or TOLD, where that is a question.
    """

    kind: str
    known: bool
    judged: bool
    provider: str
    model: str
    host: str
    billing: Billing
    band: int
    period: int
    family: str
    by: str
    side: str
    body: str = ""


class TrackKey(NamedTuple):
    """Calls that could read each other's entries: one family on one model, in one region and account of one host."""

    family: str
    provider: str
    model: str
    host: str
    region: str
    account: str
