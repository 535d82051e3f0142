"""A report in one call."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, Unpack

from cachekit.core.jsonio.moments import parse_moment
from cachekit.report.finish import finish
from cachekit.report.folding.fold import Paths, fold, fold_calls
from cachekit.report.folding.state import State
from cachekit.report.form import document, to_json
from cachekit.report.options import Keywords, ReportOptions
from cachekit.report.values import Report

if TYPE_CHECKING:  # boto3 is imported when AWS is asked
    from cachekit.pull.run import Where


@dataclass(frozen=True, slots=True)
class Reporter:
    """A folded log, ready to be asked. `Reporter.from_log("calls.ndjson", by="model").report`."""

    state: State

    @classmethod
    def from_log(cls, paths: Paths, **options: Unpack[Keywords]) -> Self:
        """Of files, folders, globs or `-`, in any format that cachekit reads; `options` are those of ReportOptions."""
        return cls(fold(paths, ReportOptions(**options)))

    @classmethod
    def from_cloudwatch(
        cls,
        log_group: str | None = None,
        *,
        since: str | float = "24h",
        until: str | float | None = None,
        by: str = "family",
        overrides: Mapping[str, object] | None = None,
        **where: Unpack[Where],
    ) -> Self:
        """Of Bedrock's invocation log in CloudWatch Logs; without a group, of the one that Bedrock writes to. Times as
        `parse_moment` reads them, or seconds since 1970 UTC. Raises UsageError and OutsideError."""
        from cachekit.pull.run import group_calls

        now, options = time.time(), ReportOptions(by=by, overrides=overrides or {})
        begin = parse_moment(since, now) if isinstance(since, str) else since
        end = now if until is None else parse_moment(until, now) if isinstance(until, str) else until
        return cls(fold_calls(group_calls(log_group, begin, end, options.overrides, **where), options))

    @property
    def report(self) -> Report:
        """The figures."""
        return finish(self.state)

    def to_dict(self) -> dict[str, object]:
        """The figures as plain values, as in the JSON output."""
        return document(self.report)

    def to_json(self) -> str:
        """The JSON output, schema `cachekit.report/1`."""
        return to_json(self.report)

    def save(self, path: str | Path) -> None:
        """Write the JSON output: a baseline to compare later logs with."""
        Path(path).write_text(self.to_json(), encoding="utf-8")
