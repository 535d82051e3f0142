"""Writes a request as it was fixed, its own formatting kept."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

import typer

from cachekit.auditing.run import Audited, AuditRun
from cachekit.cli.audit.show import print_unread
from cachekit.cli.common.emit import emit, write_whole
from cachekit.cli.common.text import printable
from cachekit.core.auditors.fix import FixedRequest
from cachekit.core.jsonio.patches import apply_edits
from cachekit.core.jsonio.requests import RequestText
from cachekit.core.model.errors import UsageError


def write_fixed(run: AuditRun, output: Path | None, in_place: bool, diff: bool = False) -> None:
    """Writes the one request of the run with its edits made, or the difference that they make, and says on stderr what
    became of the verdict."""
    print_unread(run)
    if not run.audited:
        return
    if len(run.audited) != 1:
        raise UsageError("--fix takes one request", hint="run it once for each")
    audited = run.audited[0]
    fixed = audited.fixed or FixedRequest((), audited.report)
    text = _edited(audited.place, fixed)
    if in_place:
        if fixed.steps:
            _write_in_place(audited.place, text, output)
    elif diff:
        emit(_difference(audited.place, text), output)
    else:
        emit(text if text.endswith("\n") else f"{text}\n", output)
    typer.echo(_summary(audited, fixed), err=True)


def _difference(item: RequestText, text: str) -> str:
    """As `diff -u` writes it; empty where nothing changes."""
    before, after = item.source.decode().splitlines(), text.splitlines()
    lines = unified_diff(before, after, item.path, item.path, lineterm="")
    return "".join(f"{line if line.replace(chr(9), '').isprintable() else printable(line)}\n" for line in lines)


def _edited(item: RequestText, fixed: FixedRequest) -> str:
    source = item.source
    for edits in fixed.steps:
        changed = apply_edits(source, edits, item.at)
        if changed is None:
            raise UsageError("an edit has no place in this request", where=item.path, hint="see --suggest")
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
        hint = "write to another file with -o"
        raise UsageError("is compressed or not UTF-8, and stays as it is", where=item.path, hint=hint)
    write_whole(Path(item.path), (before + fixed.encode() + after).decode())


def _summary(audited: Audited, fixed: FixedRequest) -> str:
    count = sum(map(len, fixed.steps))
    edits = "no edit" if not count else f"{count} edit" if count == 1 else f"{count} edits"
    was, now = audited.report.verdict.value, fixed.report.verdict.value
    left = [f"  [{f.severity}] {f.rule}: {f.message}" for f in fixed.report.unkept]
    still = [] if now == "yes" or left else [f"  [{f.severity}] {f.rule}: {f.message}" for f in fixed.report.findings]
    return "\n".join([f"{edits}; verdict: {was}" + (f" -> {now}" if count else ""), *left, *still])
