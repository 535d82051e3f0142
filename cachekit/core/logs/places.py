"""Where programs keep their logs, for a report that is asked for without naming any.

Sources: the programs' own documentation of their folders and variables, and the adapters of ccusage (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LogPlace:
    """One program's logs. `variable` names folders, by commas, that take the place of `roots` (under the home folder);
    `inside`: what to read in each root, all that is there."""

    program: str
    roots: tuple[str, ...]
    inside: tuple[str, ...]
    variable: str = ""


PLACES = (
    LogPlace("Claude Code", (".config/claude", ".claude"), ("projects",), "CLAUDE_CONFIG_DIR"),
    LogPlace("Codex", (".codex",), ("sessions", "archived_sessions"), "CODEX_HOME"),
    LogPlace("Gemini CLI", (".gemini",), ("tmp",), "GEMINI_DATA_DIR"),
    LogPlace("OpenCode", (".local/share/opencode",), ("opencode.db", "storage/message"), "OPENCODE_DATA_DIR"),
    LogPlace("Copilot CLI", (".copilot",), ("session-state",), "COPILOT_HOME"),
)


def find_logs(env: Mapping[str, str], home: Path) -> Iterator[tuple[str, Path]]:
    """The program and the path of all logs that are there."""
    for place in PLACES:
        named = [part.strip() for part in env.get(place.variable, "").split(",") if part.strip()]
        for root in [Path(part).expanduser() for part in named] or _roots(place, env, home):
            for inside in place.inside:
                if _holds_files(root / inside):
                    yield place.program, root / inside


def _holds_files(path: Path) -> bool:
    """Whether there is anything to read: a program that was installed and never used leaves empty folders."""
    return path.is_file() or (path.is_dir() and any(inner.is_file() for inner in path.rglob("*")))


def _roots(place: LogPlace, env: Mapping[str, str], home: Path) -> list[Path]:
    """Under the home folder, or where XDG_DATA_HOME and XDG_CONFIG_HOME move parts of it."""
    moved = {".local/share/": env.get("XDG_DATA_HOME"), ".config/": env.get("XDG_CONFIG_HOME")}
    found = []
    for root in place.roots:
        start, target = next(((s, t) for s, t in moved.items() if t and root.startswith(s)), ("", None))
        found.append(Path(target) / root.removeprefix(start) if target else home / root)
    return found
