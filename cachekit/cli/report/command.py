"""`cachekit report`."""

from __future__ import annotations

import os
import time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cachekit.core.model.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from cachekit.report.run import ReportRequest

_Logs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="LOG...",
        help="Files, folders, globs, or - for stdin. Without any: the configured log, or else the logs of Claude Code,"
        " Codex, Gemini CLI, OpenCode and Copilot CLI that are found.",
        show_default=False,
    ),
]
_By = Annotated[
    str | None,
    typer.Option(
        help="Rows: family, prefix, model, day, month, block (of five hours), project, session, upstream, provider,"
        " label.NAME or cause.  [default: family; project without LOG]"
    ),
]
_Since = Annotated[str | None, typer.Option(metavar="TIME", help="Calls from then on: RFC 3339, a date, or 24h, 7d.")]
_Until = Annotated[str | None, typer.Option(metavar="TIME", help="Calls before then.")]
_SplitAt = Annotated[str | None, typer.Option(metavar="TIME", help="Compare each family before and after a moment.")]
_MinCalls = Annotated[int | None, typer.Option(min=1, help="Smaller rows are summed as `other`.  [default: 1]")]
_Top = Annotated[int | None, typer.Option(min=1, help="Only so many rows; the rest is `other`.")]
_Form = Annotated[
    str,
    typer.Option(
        "--format", help="text, json, markdown, csv or html; parquet (with -o) writes the calls themselves, a row each."
    ),
]
_Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")]
_FailUnder = Annotated[float | None, typer.Option(metavar="RATIO", help="Exit 1 if the hit ratio is lower.")]
_Baseline = Annotated[Path | None, typer.Option(help="An earlier report (--format json) to compare with.")]
_MaxDrop = Annotated[
    float | None, typer.Option(metavar="RATIO", help="Exit 1 if a hit ratio fell further.  [default: 0.05]")
]
_MaxLoss = Annotated[
    str | None,
    typer.Option("--max-loss-usd-per-1k", metavar="USD", help="Exit 1 if more was avoidable in a thousand calls."),
]
_Strict = Annotated[bool, typer.Option("--strict-input", help="Exit 2 if any line cannot be read.")]
_Save = Annotated[Path | None, typer.Option(help="Write what was read as our own call log, digests only.")]
_InputFormat = Annotated[str, typer.Option(help="The logs' format; auto tells it by their first lines.")]


def report(
    logs: _Logs = None,
    by: _By = None,
    since: _Since = None,
    until: _Until = None,
    split_at: _SplitAt = None,
    min_calls: _MinCalls = None,
    top: _Top = None,
    form: _Form = "text",
    output: _Output = None,
    fail_under: _FailUnder = None,
    baseline: _Baseline = None,
    max_drop: _MaxDrop = None,
    max_loss: _MaxLoss = None,
    strict_input: _Strict = False,
    input_format: _InputFormat = "auto",
    save: _Save = None,
) -> None:
    """Did the cache work, and what did it cost where it did not?

    Exit code 0: fine; 1: a threshold was missed; 2: wrong use, unreadable input, or a threshold on an unknown ratio.
    """
    from cachekit.cli.report.show import print_notes, show
    from cachekit.report.run import ReportRequest, run_report

    found = [] if logs else _find_logs()
    by = by or ("project" if found else "family")
    request = ReportRequest(
        paths=tuple(logs or found),
        by=by,
        since=since,
        until=until,
        split_at=split_at,
        input_format=input_format,
        min_calls=min_calls,
        top=top,
        fail_under=fail_under,
        max_drop=max_drop,
        max_loss=_amount(max_loss),
        baseline=baseline,
        strict_input=strict_input,
    )
    if save is not None:
        _save(request, save)
    if form == "parquet":
        _write_calls(request, output)
        return
    if by == "cause":
        _show_causes(request, form, output)
        return
    run = run_report(request, Path.cwd(), os.environ, time.time())
    print_notes(run)
    show(run, form, output)
    raise typer.Exit(run.outcome.exit_code)


def _find_logs() -> list[str]:
    """The logs of programs that are there, named on stderr; none where a log is configured."""
    from cachekit.core.config.find import load_config
    from cachekit.core.logs.places import find_logs

    if load_config(Path.cwd(), os.environ).log is not None:
        return []
    home = Path(os.path.expanduser("~"))
    found = list(find_logs(os.environ, home))
    for program, path in found:
        shown = f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)
        typer.echo(f"cachekit: reading {shown} ({program})", err=True)
    return [str(path) for _, path in found]


def _save(request: ReportRequest, target: Path) -> None:
    from cachekit.report.save import save_log

    form = None if request.input_format in (None, "auto") else request.input_format
    count = save_log(request.paths, form, target)
    typer.echo(f"saved {count:,} calls to {target}", err=True)


def _write_calls(request: ReportRequest, output: Path | None) -> None:
    from cachekit.report.run import write_calls

    if output is None or str(output) == "-":
        raise UsageError("--format parquet needs a file", hint="name it with -o")
    written = write_calls(request, output, Path.cwd(), os.environ, time.time())
    unread = f"; {written.unread:,} lines could not be read" if written.unread else ""
    typer.echo(f"cachekit: wrote {written.calls:,} calls to {output}{unread}", err=True)
    raise typer.Exit(2 if written.unread and request.strict_input else 0)


def _show_causes(request: ReportRequest, form: str, output: Path | None) -> None:
    from cachekit.cli.common.emit import emit
    from cachekit.cli.report import causes as report_causes
    from cachekit.cli.report.show import print_unread
    from cachekit.report.causes import run_causes

    forms = {name: getattr(report_causes, name) for name in ("text", "json", "markdown", "csv", "html")}
    if form not in forms:
        raise UsageError(f"no format {form[:20]!r}", hint=did_you_mean(form, forms, f"choose {', '.join(forms)}"))
    found = run_causes(request, Path.cwd(), os.environ, time.time())
    print_unread(found.report)
    emit(forms[form](found), output)


def _amount(value: str | None) -> Decimal | None:
    try:
        found = None if value is None else Decimal(value.removeprefix("$"))
    except InvalidOperation:
        found = Decimal("nan")
    if found is not None and not found.is_finite():
        raise UsageError("--max-loss-usd-per-1k takes an amount in USD", hint="--max-loss-usd-per-1k 0.50")
    return found
