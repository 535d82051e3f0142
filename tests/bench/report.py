"""How fast logs are read, beside what else reads them, in one interleaved run. Run: make bench.

Every figure is a ratio (or a peak of memory) with its goal, so that a slow machine shows the same table.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import orjson

from cachekit.core.jsonio.inputs import file_source
from cachekit.report import ReportOptions, finish
from cachekit.report.form import to_json
from cachekit.report.reading.fast_fold import fold_native
from tests.bench.logs import write_full, write_lean, write_transcripts

ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".bench"
CCUSAGE = ("ccusage@20.0.24", "@ccusage/ccusage-linux-x64@20.0.24")
ROUNDS = 5
MB, GB = 10**6, 10**9


class Figure(NamedTuple):
    """A line of the table: what was measured, the figure and its goal (at most), and what stands behind it."""

    name: str
    value: float | None
    goal: float
    detail: str

    def __str__(self) -> str:
        shown = "skipped" if self.value is None else f"{self.value:.2f}"
        verdict = "" if self.value is None else "met" if self.value <= self.goal else "MISSED"
        return f"{self.name:52} {shown:>8} {self.goal:>6} {verdict:7} {self.detail}"


def interleaved(
    ours: Callable[[], object], theirs: Callable[[], object], clock: Callable[[], float]
) -> tuple[float, float]:
    """The best time of each, taken in turns."""
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for place, run in enumerate((ours, theirs)):
            start = clock()
            run()
            best[place] = min(best[place], clock() - start)
    return best[0], best[1]


def lean() -> Figure:
    """Our fold of a lean log, and an orjson loop that sums the same counters in the same cells."""
    path = PLACE / "lean.ndjson"
    written = write_lean(path, 120 * MB)
    source, lines = file_source(path), written.calls
    written.check(json.loads(to_json(finish(fold_native(source, ReportOptions()))))["total"])
    sums = [sum(column) for column in zip(*orjson_sums(path).values(), strict=True)]
    assert sums == [lines, written.uncached, written.read, written.written, 0, 0, 0, 0, written.output]
    ours, theirs = interleaved(
        lambda: fold_native(source, ReportOptions()), lambda: orjson_sums(path), time.process_time
    )
    detail = f"{ours / lines * 1e6:.2f} us a line, orjson {theirs / lines * 1e6:.2f}"
    return Figure("lean log, CPU / an orjson loop that sums the same", ours / theirs, 0.8, detail)


def orjson_sums(path: Path) -> dict[tuple[object, ...], list[int]]:
    """The counters of a lean log by what decides their price and their row."""
    cells: dict[tuple[object, ...], list[int]] = {}
    with path.open("rb", buffering=1 << 20) as file:
        for line in file:
            call = orjson.loads(line)
            if call.get("status", 200) >= 400 or "warm" in call.get("flags", ()):
                continue
            usage, billing = call["usage"], call["billing"]
            key = (call["provider"], call["model"], billing["tier"], billing["host"], call["ts"][:10], call["family"])
            cell = cells.get(key)
            if cell is None:
                cell = cells[key] = [0] * 9
            get = usage.get
            cell[0] += 1
            cell[1] += get("uncached", 0)
            cell[2] += get("read", 0)
            cell[3] += get("write_5m", 0)
            cell[4] += get("write_1h", 0)
            cell[5] += get("write_30m", 0)
            cell[6] += get("write_12h", 0)
            cell[7] += get("write_unknown", 0)
            cell[8] += get("output", 0)
    return cells


def full() -> Figure:
    """The same calls, by prefix: once every block of their requests has to be fingerprinted, once the line tells the
    prefix and the request is skipped. Both give the same report."""
    bare, told = PLACE / "full.ndjson", PLACE / "full-told.ndjson"
    lines = 3_000
    write_full(bare, told, lines)
    options = ReportOptions(by="prefix")
    one, other = (finish(fold_native(file_source(path), options)) for path in (bare, told))
    assert (one.rows, one.total) == (other.rows, other.total)
    ours, theirs = interleaved(
        lambda: fold_native(file_source(bare), options),
        lambda: fold_native(file_source(told), options),
        time.process_time,
    )
    size = bare.stat().st_size / lines / 1000
    detail = f"{ours / lines * 1e6:.0f} us a line of {size:.0f} KB, skipped {theirs / lines * 1e6:.0f}"
    return Figure("full log, fingerprinted / the same, request skipped", ours / theirs, 2.2, detail)


def transcripts(folder: Path | None = None) -> Figure:
    """`cachekit report` and ccusage on the same transcripts, as commands, by the clock on the wall."""
    name, command = "transcripts, wall / ccusage 20.0.24", ccusage()
    if command is None:
        return Figure(name, None, 0.8, "ccusage cannot be had here (npm)")
    if folder is None:
        folder = PLACE / "claude"
        shutil.rmtree(folder, ignore_errors=True)
        write_transcripts(folder, 300 * MB)
    env = {**os.environ, "CLAUDE_CONFIG_DIR": str(folder), "NO_COLOR": "1"}
    report = [sys.executable, "-m", "cachekit", "report", str(folder / "projects"), "--format", "json"]
    theirs_command = [*command, "claude", "daily", "--offline", "--json"]
    found = json.loads(_run(report, env))["total"]["tokens"]
    totals = json.loads(_run(theirs_command, env))["totals"]
    assert (found["read"], found["output"]) == (totals["cacheReadTokens"], totals["outputTokens"])
    ours, theirs = interleaved(lambda: _run(report, env), lambda: _run(theirs_command, env), time.perf_counter)
    return Figure(name, ours / theirs, 0.8, f"{ours:.2f} s, ccusage {theirs:.2f} s; the same totals")


def ccusage() -> list[str] | None:
    """The command, from npm, in a folder of its own."""
    script = PLACE / "node_modules" / "ccusage" / "src" / "cli.js"
    if shutil.which("npm") is None or shutil.which("node") is None:
        return None
    if not script.exists():
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(PLACE), *CCUSAGE]
        if subprocess.run(install, capture_output=True, check=False).returncode:
            return None
    return ["node", str(script)]


def memory() -> list[Figure]:
    """The peak of a report on a lean log of one GB and of four."""
    path, peaks = PLACE / "large.ndjson", []
    for size in (GB, 4 * GB):
        written = write_lean(path, size)
        peak, printed = _peak([sys.executable, "-m", "cachekit", "report", str(path), "--format", "json"])
        written.check(json.loads(printed)["total"])
        peaks.append(peak)
    path.unlink()
    return [
        Figure("memory, lean log of 4 GB / of 1 GB", peaks[1] / peaks[0], 1.1, "the peak is flat"),
        Figure("memory, lean log of 4 GB, MiB", peaks[1], 100, f"{peaks[0]:.0f} MiB at 1 GB"),
    ]


def _peak(command: list[str]) -> tuple[float, str]:
    """The largest resident size of a command, MiB, measured from a process that has no other children, and what it
    printed."""
    measure = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", measure, *command], capture_output=True, check=True, text=True)
    return int(found.stderr.split()[-1]) / 1024, found.stdout


def startup() -> list[Figure]:
    """How long the smallest command takes, and the import, beside Python that does nothing."""
    request = PLACE / "small.json"
    request.write_text(json.dumps({"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": "hi"}]}))
    nothing = [sys.executable, "-c", "pass"]
    audit = [sys.executable, "-m", "cachekit", "audit", str(request), "--backend", "anthropic"]
    figures = []
    for name, command, goal in (
        ("cachekit audit small.json / python -c pass", audit, 12.0),
        ("import cachekit / python -c pass", [sys.executable, "-c", "import cachekit"], 2.0),
    ):
        ours, theirs = interleaved(_several(command), _several(nothing), time.perf_counter)
        figures.append(Figure(name, ours / theirs, goal, f"{ours * 100:.0f} ms, Python {theirs * 100:.0f} ms"))
    return figures


def _several(command: list[str]) -> Callable[[], None]:
    def run() -> None:
        for _ in range(10):
            subprocess.run(command, capture_output=True, check=False)

    return run


def _run(command: list[str], env: dict[str, str]) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True, env=env).stdout


def main(transcripts_at: Path | None = None) -> None:
    """Prints the table."""
    PLACE.mkdir(exist_ok=True)
    print(f"{'measured':52} {'figure':>8} {'goal':>6}")
    for measure in (startup, lean, full, lambda: transcripts(transcripts_at), memory):
        found = measure()
        for figure in found if isinstance(found, list) else [found]:
            print(figure, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
