"""`cachekit audit`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cachekit.auditing.gate import Gate
from cachekit.auditing.run import AuditRun, RunOptions, run_audits
from cachekit.core.auditors.audit import AuditOptions
from cachekit.core.catalog.models import check_host
from cachekit.core.model.errors import UsageError

if TYPE_CHECKING:
    from cachekit.auditing.baseline import Baseline

_Names = list[str]
_Requests = Annotated[
    list[str] | None,
    typer.Argument(metavar="REQUEST...", help="Files, folders, globs, or - for stdin.", show_default=False),
]
_Backend = Annotated[str | None, typer.Option(help="Whose form the request has; auto tells it by its shape.")]
_Host = Annotated[
    str | None,
    typer.Option(help="Who serves it, where that is not the maker of its form: deepseek, x-ai, vertex, groq..."),
]
_Version = Annotated[str | None, typer.Option(help="The library's release.  [default: installed]")]
_Tokens = Annotated[str, typer.Option(help="estimate, exact (asks the provider), or the number itself.")]
_Against = Annotated[Path | None, typer.Option(help="An earlier request whose prefix this one should extend.")]
_Turns = Annotated[Path | None, typer.Option(help="A conversation (ndjson): each request must extend the last.")]
_Select = Annotated[_Names | None, typer.Option(help="Only these rules.")]
_Ignore = Annotated[_Names | None, typer.Option(help="Not these rules.")]
_FailOn = Annotated[_Names | None, typer.Option(help="Exit 1 on a severity (info, warn, error) or a rule.")]
_Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Exit 1 unless the verdict is yes. In CI: --strict where requests carry breakpoints; --strict=possible for"
        " models that cache by themselves, where the best there is passes too.",
    ),
]
_StrictPossible = Annotated[bool, typer.Option("--strict-possible", hidden=True, help="As --strict=possible.")]
_AllowUnsure = Annotated[bool, typer.Option("--allow-unsure", help="With --strict: unsure passes.")]
_ExitZero = Annotated[bool, typer.Option("--exit-zero", help="Exit 0 whatever was found.")]
_Baseline = Annotated[
    Path | None,
    typer.Option("--baseline-findings", metavar="FILE", help="Findings that are known; only new ones fail."),
]
_Update = Annotated[
    bool, typer.Option("--update-baseline", help="With --baseline-findings: write what is found now into it.")
]
_Suggest = Annotated[bool, typer.Option("--suggest", help="Show where breakpoints pay.")]
_Observe = Annotated[bool, typer.Option("--observe", help="Run the installed library too, and compare.")]
_Live = Annotated[bool, typer.Option("--live", help="Prove it: send the request twice, and measure. Costs money.")]
_Budget = Annotated[str, typer.Option(metavar="USD", help="What --live may cost.")]
_Yes = Annotated[bool, typer.Option("--yes", help="With --live: do not ask before spending.")]
_Fix = Annotated[bool, typer.Option("--fix", help="Write the request with the suggested breakpoints (to -o).")]
_Diff = Annotated[bool, typer.Option("--diff", help="With --fix: show what would change, and write nothing.")]
_InPlace = Annotated[bool, typer.Option("--in-place", help="With --fix: write into the file itself.")]
_Form = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="text, json, sarif, junit, github, markdown, gitlab, checkstyle or rdjson."
        "  [default: text; on GitHub Actions annotations too]",
    ),
]
_Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")]
_ShowText = Annotated[bool, typer.Option("--show-text", help="Let prompt text into json, sarif and the like.")]
_StrictInput = Annotated[bool, typer.Option("--strict-input", help="Exit 2 if anything cannot be read.")]
_LiteLLM = Annotated[Path | None, typer.Option(help="A LiteLLM proxy's config.yaml, for its aliases.")]


def audit(
    requests: _Requests = None,
    backend: _Backend = None,
    library_version: _Version = None,
    host: _Host = None,
    tokens: _Tokens = "estimate",
    against: _Against = None,
    turns: _Turns = None,
    select: _Select = None,
    ignore: _Ignore = None,
    fail_on: _FailOn = None,
    strict: _Strict = False,
    strict_possible: _StrictPossible = False,
    allow_unsure: _AllowUnsure = False,
    exit_zero: _ExitZero = False,
    baseline_findings: _Baseline = None,
    update_baseline: _Update = False,
    suggest: _Suggest = False,
    observe: _Observe = False,
    live: _Live = False,
    budget_usd: _Budget = "0.10",
    yes: _Yes = False,
    fix: _Fix = False,
    in_place: _InPlace = False,
    diff: _Diff = False,
    form: _Form = None,
    output: _Output = None,
    show_text: _ShowText = False,
    strict_input: _StrictInput = False,
    litellm_config: _LiteLLM = None,
) -> None:
    """Will these requests be cached, and if not, why not?

    Exit code 0: fine; 1: findings that --strict or --fail-on asks about; 2: wrong use or unreadable input; 3: --live,
    and the provider failed.
    """
    if update_baseline and (baseline_findings is None or live or fix):
        raise UsageError("--update-baseline only goes with --baseline-findings, and without --live and --fix")
    options = RunOptions(
        paths=tuple(requests or ()),
        backend=backend,
        audit=AuditOptions(
            library_version, host=check_host(host or ""), select=tuple(select or ()), ignore=tuple(ignore or ())
        ),
        tokens=tokens,
        against=against,
        turns=turns,
        litellm_config=litellm_config,
        baseline=None if update_baseline else _known(baseline_findings),
        suggest=suggest,
        observe=observe,
        fix=fix,
    )
    strict = strict or strict_possible
    gate = Gate(tuple(fail_on or ()), strict, allow_unsure, strict_input, strict_possible)
    _check(gate, fix=fix, in_place=in_place, diff=diff, form=form)
    run = run_audits(options, Path.cwd(), os.environ)
    if baseline_findings is not None and update_baseline:
        raise typer.Exit(_updated(run, baseline_findings))
    proven = True
    if live:
        proven = _proven(run, budget_usd, yes, (form or "text", output))
    elif fix:
        _write_fixed(run, output, in_place, diff)
    else:
        _show(run, form, output, show_text, gate)
    code = run.exit_code(gate)
    code = code or int(strict and not proven)
    raise typer.Exit(0 if exit_zero and code == 1 else code)


def _known(file: Path | None) -> Baseline | None:
    if file is None:
        return None
    from cachekit.auditing.baseline import read_baseline

    return read_baseline(file)


def _updated(run: AuditRun, file: Path) -> int:
    from cachekit.cli.audit.known import update_baseline

    return update_baseline(run, file)


def _check(gate: Gate, *, fix: bool, in_place: bool, diff: bool, form: str | None) -> None:
    gate.check()
    if diff and (not fix or in_place):
        raise UsageError("--diff only goes with --fix, and without --in-place")
    if in_place and not fix:
        raise UsageError("--in-place only goes with --fix")
    if fix and form not in (None, "text"):
        raise UsageError("--fix writes the request, in no --format", hint="audit the written request for a report")


def _show(run: AuditRun, form: str | None, output: Path | None, show_text: bool, gate: Gate) -> None:
    from cachekit.cli.audit.show import annotate, show

    show(run, form or "text", output, show_text, gate)
    if form is None and os.environ.get("GITHUB_ACTIONS") == "true":
        annotate(run, gate)


def _proven(run: AuditRun, budget: str, yes: bool, where: tuple[str, Path | None]) -> bool:
    from cachekit.cli.audit.live import proven

    return proven(run, budget, yes, where)


def _write_fixed(run: AuditRun, output: Path | None, in_place: bool, diff: bool) -> None:
    from cachekit.cli.audit.fixed import write_fixed

    write_fixed(run, output, in_place, diff)
