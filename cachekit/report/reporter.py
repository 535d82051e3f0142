"""A report in one call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self, Unpack

from cachekit.report.finish import finish
from cachekit.report.fold import Paths, fold
from cachekit.report.form import document, to_json
from cachekit.report.options import Keywords, ReportOptions
from cachekit.report.state import State
from cachekit.report.values import Report


@dataclass(frozen=True, slots=True)
class Reporter:
    """A folded log, ready to be asked. `Reporter.from_log("calls.ndjson", by="model").report`."""

    state: State

    @classmethod
    def from_log(cls, paths: Paths, **options: Unpack[Keywords]) -> Self:
        """Of files, folders, globs or `-`, in any format that cachekit reads; `options` are those of ReportOptions."""
        return cls(fold(paths, ReportOptions(**options)))

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
