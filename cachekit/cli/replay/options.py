"""What `cachekit replay` was given, for the comparison and for --live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from cachekit.core.model.errors import UsageError

if TYPE_CHECKING:
    from cachekit.replay import ReplayOptions


@dataclass(frozen=True, slots=True)
class LiveFlags:
    """The options of the command line that belong to --live, as they were given."""

    budget_usd: str | None = None
    yes: bool = False
    timing: str | None = None
    rate: float | None = None
    limit: int | None = None
    base_url: str | None = None
    log: Path | None = None

    def check_unused(self) -> None:
        """Raises UsageError where one of them was given: without --live nothing is sent."""
        for each in fields(self):
            if getattr(self, each.name):
                raise UsageError(f"--{each.name.replace('_', '-')} only goes with --live")


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What the command was given besides: logs, strategies, how to read them, and what to do with the result."""

    paths: Sequence[str]
    strategies: Sequence[str]
    replay: ReplayOptions
    form: str = "text"
    output: Path | None = None
    strict_input: bool = False
