"""Rows of a report whose names have to be worked out: projects, and blocks of five hours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cachekit.report.options import OTHER, UNASSIGNED

BLOCK_HOURS = 5
"""Claude's plans count usage in windows of five hours, which begin with the hour of the first call."""


def project_of(labels: Mapping[str, str], home: str = str(Path.home())) -> str:
    """The project of a call as a person knows it: its label, or else the folder where the program ran, under `~`."""
    named = labels.get("project")
    folder = labels.get("cwd", "")
    if named or not folder:
        return named or UNASSIGNED
    inside = len(home) > 1 and (folder == home or folder.startswith((f"{home}/", f"{home}\\")))
    return f"~{folder[len(home) :]}" if inside else folder


def hour_of(ts: float | None) -> str:
    """The hour of a moment, in UTC: "2026-11-20T09"."""
    try:
        return datetime.fromtimestamp(ts, UTC).isoformat()[:13] if ts is not None else UNASSIGNED
    except (ValueError, OverflowError, OSError):
        return UNASSIGNED


def block_names(hours: Iterable[str]) -> dict[str, str]:
    """The block of each hour, by the hour in which it began: a block lasts five hours, the next one begins with the
    next call."""
    names, begin = {OTHER: OTHER, UNASSIGNED: UNASSIGNED}, None
    for hour in sorted(set(hours) - names.keys()):
        at = datetime.fromisoformat(f"{hour}:00+00:00")
        if begin is None or at >= begin + timedelta(hours=BLOCK_HOURS):
            begin = at
        names[hour] = f"{begin:%Y-%m-%dT%H:00Z}"
    return names
