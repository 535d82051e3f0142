"""From the counters of a usage to disjoint counts: the convention decided, contradictions repaired and noted.

*Exclusive* counters are disjoint: the input total is base + read + written. *Inclusive* ones name a total of which the
cached tokens are a part: uncached = base - read - written. Which provider means what stands in `usage_names`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from cachekit.core.model.usage import Usage


class Convention(StrEnum):
    """Whether the cached tokens are a part of the base (inclusive) or stand beside it (exclusive)."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"


@dataclass(frozen=True, slots=True)
class Counts:
    """One usage as given, None being absent.

    `split` maps lifetimes (`5m`, `1h`, `30m`, `12h`, other) to written tokens. `usual` is what the producer means by
    its base; `open` says that rows are known to differ, so that each row's sums may overrule it; `overlaps`, that
    tokens read may be reported as written too; `notes` are for the reader of the counts, whatever these are.
    """

    base: int | None = None
    read: int | None = None
    write: int | None = None
    split: Mapping[str, int] | None = None
    output: int | None = None
    total: int | None = None
    usual: Convention = Convention.INCLUSIVE
    open: bool = False
    overlaps: bool = False
    notes: tuple[str, ...] = ()


INCLUSIVE, EXCLUSIVE = Convention.INCLUSIVE, Convention.EXCLUSIVE

NO_USAGE = Usage(known=False, quality=("no_usage",))
"""What is known of a call whose source has no counts: a failure, an answer out of somebody's own cache."""


def settle(counts: Counts) -> Usage:
    """Disjoint counts, the convention decided. Notes what had to be repaired."""
    read, quality = counts.read or 0, list(counts.notes)
    written, split_ok = _written(counts)
    if not split_ok:
        quality.append("split_mismatch")
    total_written = sum(written.values())
    inside = _cached_inside(counts, read, total_written)
    usual = read + total_written if counts.usual is INCLUSIVE else 0
    if counts.base is None:
        inside = usual = 0
        quality.append("no_input_count")
    uncached = (counts.base or 0) - inside
    if inside != usual:
        quality.append("reinterpreted")
    one_run = (counts.overlaps or read == total_written) and max(read, total_written) <= (counts.base or 0)
    if uncached < 0 and one_run:
        # one run of tokens was read and reported as written too (Gemini's explicit caches): it counts once, as read
        written = {"write_unknown": total_written - read} if total_written > read else {}
        uncached = (counts.base or 0) - max(read, total_written)
        quality.append("overlap_counted_once")
    elif uncached < 0:
        uncached = 0
        quality.append("negative_clamped")
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


def _cached_inside(counts: Counts, read: int, written: int) -> int:
    """How many of the cached tokens are a part of the base: all of them, none, or (half-inclusive rows, as LiteLLM
    writes them to Langfuse) only those written or only those read. The row's own total tells, where rows differ."""
    cached, base = read + written, counts.base or 0
    usual = cached if counts.usual is INCLUSIVE else 0
    if not counts.open or counts.base is None or not cached:
        return usual
    if counts.total is not None and counts.output is not None:
        beside = counts.total - base - counts.output
        for inside in (cached, 0, written, read):
            if inside <= base and beside == cached - inside:
                return inside
    return 0 if cached > base else usual


def _written(counts: Counts) -> tuple[dict[str, int], bool]:
    """Written tokens by field of Usage, and whether the split (if any) adds up. A split beside a counter of zero is
    the more specific of the two, and right."""
    split = counts.split or {}
    parts = sum(split.values())
    total = counts.write or parts
    if not split or parts != total:
        return {"write_unknown": total} if total else {}, not split
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
