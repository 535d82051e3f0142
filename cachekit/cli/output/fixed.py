"""Writes a request as it was mended, its own formatting kept."""

from __future__ import annotations

from pathlib import Path

import typer

from cachekit.audits import Audited, AuditRun
from cachekit.cli.output.audit import tell_unread
from cachekit.cli.output.emit import emit, write_whole
from cachekit.core.errors import UsageError
from cachekit.core.mend import Mended
from cachekit.core.patches import apply_edits
from cachekit.core.requests import RequestText


def write_fixed(run: AuditRun, output: Path | None, in_place: bool) -> None:
    """Writes the one request of the run with its edits made, and says on stderr what became of the verdict."""
    tell_unread(run)
    if not run.audited:
        return
    if len(run.audited) != 1:
        raise UsageError("--fix takes one request", mend="run it once for each")
    audited = run.audited[0]
    mended = audited.mended or Mended((), audited.report)
    fixed = _edited(audited.place, mended)
    if in_place:
        if mended.steps:
            _write_in_place(audited.place, fixed, output)
    else:
        emit(fixed if fixed.endswith("\n") else f"{fixed}\n", output)
    typer.echo(_told(audited, mended), err=True)


def _edited(item: RequestText, mended: Mended) -> str:
    source = item.source
    for edits in mended.steps:
        changed = apply_edits(source, edits, item.at)
        if changed is None:
            raise UsageError("an edit has no place in this request", where=item.path, mend="see --suggest")
        source = changed
    try:
        return source.decode()
    except UnicodeDecodeError:
        raise UsageError("is not UTF-8, so its text cannot be kept as it is", where=item.path) from None


def _write_in_place(item: RequestText, fixed: str, output: Path | None) -> None:
    """Replaces the request inside its file: what stands around it stays."""
    if output is not None or item.path == "stdin" or item.name:
        raise UsageError("--in-place takes a file of one request, and no -o")
    data = Path(item.path).read_bytes()
    before, found, after = data.partition(item.source)
    if not found:
        mend = "write to another file with -o"
        raise UsageError("is compressed or not UTF-8, and stays as it is", where=item.path, mend=mend)
    write_whole(Path(item.path), (before + fixed.encode() + after).decode())


def _told(audited: Audited, mended: Mended) -> str:
    count = sum(map(len, mended.steps))
    edits = "no edit" if not count else f"{count} edit" if count == 1 else f"{count} edits"
    was, now = audited.report.verdict.value, mended.report.verdict.value
    left = [f"  [{f.severity}] {f.rule}: {f.message}" for f in mended.report.unkept]
    still = [] if now == "yes" or left else [f"  [{f.severity}] {f.rule}: {f.message}" for f in mended.report.findings]
    return "\n".join([f"{edits}; verdict: {was}" + (f" -> {now}" if count else ""), *left, *still])
