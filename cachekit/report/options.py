"""What a report is asked for, and how dimensions are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from cachekit.core.model.errors import UsageError, did_you_mean

DIMENSIONS = ("family", "prefix", "model", "day", "month", "block", "project", "session", "upstream", "provider")
LABEL = "label."
UNASSIGNED = "unassigned"
OTHER = "other"


class Keywords(TypedDict, total=False):
    """The fields of ReportOptions, as keywords."""

    by: str
    since: float | None
    until: float | None
    split_at: float | None
    input_format: str | None
    min_calls: int
    top: int | None
    overrides: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How calls are folded and shown.

    `by`: a dimension or `label.NAME`. `since` (inclusive), `until` (exclusive) and `split_at`: seconds since 1970 UTC;
    calls without a time are in no window. `min_calls`: smaller rows go into the row `other`; `top`: so do all rows
    behind that many. `overrides`: prices, policies and aliases as the config has them.
    """

    by: str = "family"
    since: float | None = None
    until: float | None = None
    split_at: float | None = None
    input_format: str | None = None
    min_calls: int = 1
    top: int | None = None
    overrides: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.by not in DIMENSIONS and not (self.by.startswith(LABEL) and len(self.by) > len(LABEL)):
            names = ", ".join((*DIMENSIONS, f"{LABEL}NAME"))
            raise UsageError(
                f"there is no way to group by {self.by!r}", hint=did_you_mean(self.by, DIMENSIONS, f"one of {names}")
            )
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise UsageError("--since is not before --until")
        if self.min_calls < 1 or (self.top is not None and self.top < 1):
            raise UsageError("--min-calls and --top start at 1")
