"""Writes the baseline of findings."""

from __future__ import annotations

from pathlib import Path

import typer

from cachekit.auditing.baseline import Baseline, read_baseline
from cachekit.auditing.run import AuditRun
from cachekit.cli.audit.show import print_unread
from cachekit.cli.common.emit import write_whole
from cachekit.cli.common.findings import counted
from cachekit.cli.common.text import printable


def update_baseline(run: AuditRun, file: Path) -> int:
    """Makes what was found now the known findings. Nothing is written where not all could be read, and then the exit
    code is 2: a baseline of half the requests would let the other half fail."""
    print_unread(run)
    if run.unread or not run.audited:
        return 2
    before = read_baseline(file) if file.exists() else Baseline(file, {})
    after = Baseline(file, before.updated((one.place.path, one.place.name, one.report) for one in run.audited))
    write_whole(file, after.text())
    count = counted(sum(after.counts.values()), "finding")
    typer.echo(f"wrote {printable(str(file))}: {count}, {sum(before.counts.values()):,} before", err=True)
    return 0
