"""The value: what is known of one model's prompt cache on one host."""

from __future__ import annotations

from dataclasses import dataclass

_SECONDS = {"5m": 300, "30m": 1800, "1h": 3600, "12h": 43200, "24h": 86400}


def ttl_seconds(ttl: str) -> int | None:
    """The lifetime in seconds; None for `in_memory` (5 to 10 idle minutes, an hour at most) and for unknown words.

    `24h` is a ceiling (about 30 minutes are typical), OpenAI's `30m` and `12h` are floors."""
    return _SECONDS.get(ttl)


@dataclass(frozen=True, slots=True)
class Policy:
    """What is known of one model's cache on one host. Where `known` is False, nothing below it means anything.

    `model`: the canonical id, or the string as given where it is unknown. `style`: `breakpoints` (an entry is written
    at a marker), `automatic` (the provider caches prefixes by itself) or `none`. `implicit`: a breakpoint cache that
    sets one more breakpoint itself (OpenAI from GPT-5.6 on).
    `minimum`, `minimum_high`: tokens below which nothing is cached, and from which caching is certain; they differ
    only where the documents leave a band. `ttls`: the lifetimes of a breakpoint, or, for automatic caches, what
    `prompt_cache_retention` takes. `fields`: the sections whose breakpoints are read. `lookback`: positions that a
    breakpoint looks back over, itself included, 0 without a limit. `read_points`: how many of the latest breakpoints
    are tried for a read, 0 where that is no limit. `grid`: read counts are multiples of this, 0 without a grid.
    `tool_runs_once`: a run of tool calls or results counts as one position. `automatic_top_level`: a top-level
    `cache_control` is accepted. Both are None where nobody says.
    `confidence`: high, medium or low; `source` and `checked` say where the row is from; `overridden` names the fields
    that the user set. `retires`: the day (ISO) from which the host answers no more calls, empty where none is known.
    """

    model: str
    host: str
    known: bool = False
    style: str = "none"
    implicit: bool = False
    minimum: int = 0
    minimum_high: int = 0
    max_marks: int = 0
    ttls: tuple[str, ...] = ()
    default_ttl: str = ""
    fields: tuple[str, ...] = ()
    lookback: int = 0
    read_points: int = 0
    grid: int = 0
    tool_runs_once: bool | None = None
    automatic_top_level: bool | None = None
    confidence: str = ""
    source: str = ""
    checked: str = ""
    note: str = ""
    retires: str = ""
    overridden: tuple[str, ...] = ()

    @property
    def retention(self) -> tuple[str, ...]:
        """What `prompt_cache_retention` takes; empty where there is no such parameter."""
        return self.ttls if self.style == "automatic" else ()

    def cacheable(self, total: int) -> int:
        """How many tokens of a prompt could have been read, where only its total tells; 0 where writes are reported."""
        return on_grid(total, self.minimum, self.grid) if self.style == "automatic" else 0


def on_grid(total: int, minimum: int, grid: int) -> int:
    """The tokens of a prompt that an automatic cache can hold: none under its minimum, and whole steps of its grid."""
    return 0 if total < minimum else total - total % grid if grid else total
