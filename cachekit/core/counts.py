"""From the counters of a usage to disjoint counts: the convention decided, contradictions repaired and noted.

*Exclusive* counters are disjoint: the input total is base + read + written. *Inclusive* ones name a total of which the
cached tokens are a part: uncached = base - read - written. Which provider means what stands in `usage_names`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from cachekit.core.usage import Usage


class Convention(StrEnum):
    """Whether the cached tokens are a part of the base (inclusive) or stand beside it (exclusive)."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"


@dataclass(frozen=True, slots=True)
class Counts:
    """One usage as given, None being absent.

    `split` maps lifetimes (`5m`, `1h`, `30m`, `12h`, other) to written tokens. `usual` is what the producer means by
    its base; `open` says that rows are known to differ, so that each row's sums may overrule it.
    """

    base: int | None = None
    read: int | None = None
    write: int | None = None
    split: Mapping[str, int] | None = None
    output: int | None = None
    total: int | None = None
    usual: Convention = Convention.INCLUSIVE
    open: bool = False


INCLUSIVE, EXCLUSIVE = Convention.INCLUSIVE, Convention.EXCLUSIVE

NO_USAGE = Usage(known=False, quality=("no_usage",))
"""What is known of a call whose source has no counts: a failure, an answer out of somebody's own cache."""


def settle(counts: Counts) -> Usage:
    """Disjoint counts, the convention decided. Notes what had to be repaired."""
    read, quality = counts.read or 0, []
    written, split_ok = _written(counts)
    if not split_ok:
        quality.append("split_mismatch")
    total_written = sum(written.values())
    convention = _convention(counts, read + total_written)
    if convention is not counts.usual:
        quality.append("reinterpreted")
    uncached = counts.base or 0
    if convention is INCLUSIVE and counts.base is not None:
        uncached -= read + total_written
    if uncached < 0:
        uncached = 0
        quality.append("negative_clamped")
    if counts.base is None:
        quality.append("no_input_count")
    return Usage(
        uncached=uncached,
        read=read,
        output=counts.output or 0,
        known=not (counts.read is None and counts.write is None and counts.split is None),
        quality=tuple(quality),
        **written,
    )


def noted(usage: Usage, *notes: str) -> Usage:
    """The usage with further quality notes."""
    return replace(usage, quality=(*usage.quality, *notes))


def _convention(counts: Counts, cached: int) -> Convention:
    if not counts.open or counts.base is None or not cached:
        return counts.usual
    if cached > counts.base:
        return EXCLUSIVE
    if counts.total is not None and counts.output is not None:
        seen = counts.base + counts.output
        if seen == counts.total:
            return INCLUSIVE
        if seen + cached == counts.total:
            return EXCLUSIVE
    return counts.usual


def _written(counts: Counts) -> tuple[dict[str, int], bool]:
    """Written tokens by field of Usage, and whether the split (if any) adds up."""
    split = counts.split or {}
    told = sum(split.values())
    total = told if counts.write is None else counts.write
    if not split or told != total:
        return {"write_unknown": total} if total else {}, not split or told == total
    fields: dict[str, int] = {}
    for lifetime, tokens in split.items():
        name = f"write_{lifetime}" if lifetime in ("5m", "1h", "30m", "12h") else "write_unknown"
        fields[name] = fields.get(name, 0) + tokens
    return fields, True


def add(first: Usage, second: Usage) -> Usage:
    """The counts of two usages together; known if either is."""
    return Usage(
        uncached=first.uncached + second.uncached,
        read=first.read + second.read,
        write_5m=first.write_5m + second.write_5m,
        write_1h=first.write_1h + second.write_1h,
        write_30m=first.write_30m + second.write_30m,
        write_12h=first.write_12h + second.write_12h,
        write_unknown=first.write_unknown + second.write_unknown,
        output=first.output + second.output,
        known=first.known or second.known,
        quality=first.quality + tuple(note for note in second.quality if note not in first.quality),
    )
