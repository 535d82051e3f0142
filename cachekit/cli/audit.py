"""`cachekit audit`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cachekit.audits import AuditRun, AuditWish, run_audits

_Names = list[str]


def audit(
    requests: Annotated[
        list[str] | None,
        typer.Argument(metavar="REQUEST...", help="Files, folders, globs, or - for stdin.", show_default=False),
    ] = None,
    backend: Annotated[str | None, typer.Option(help="Whose form the request has; auto tells it by its shape.")] = None,
    library_version: Annotated[str | None, typer.Option(help="The library's release.  [default: installed]")] = None,
    tokens: Annotated[
        str, typer.Option(help="estimate, exact (asks the provider), or the number itself.")
    ] = "estimate",
    against: Annotated[
        Path | None, typer.Option(help="An earlier request whose prefix this one should extend.")
    ] = None,
    turns: Annotated[
        Path | None, typer.Option(help="A conversation (ndjson): each request must extend the last.")
    ] = None,
    select: Annotated[_Names | None, typer.Option(help="Only these rules.")] = None,
    ignore: Annotated[_Names | None, typer.Option(help="Not these rules.")] = None,
    fail_on: Annotated[_Names | None, typer.Option(help="Exit 1 on a severity (info, warn, error) or a rule.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 unless the verdict is yes.")] = False,
    allow_unsure: Annotated[bool, typer.Option("--allow-unsure", help="With --strict: unsure passes.")] = False,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit 0 whatever was found.")] = False,
    suggest: Annotated[bool, typer.Option("--suggest", help="Show where breakpoints pay.")] = False,
    observe: Annotated[bool, typer.Option("--observe", help="Run the installed library too, and compare.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write the request with the suggested breakpoints (to -o).")
    ] = False,
    in_place: Annotated[bool, typer.Option("--in-place", help="With --fix: write into the file itself.")] = False,
    form: Annotated[str, typer.Option("--format", help="text, json, sarif, junit, github or markdown.")] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    show_text: Annotated[
        bool, typer.Option("--show-text", help="Let prompt text into json, sarif and the like.")
    ] = False,
    strict_input: Annotated[bool, typer.Option("--strict-input", help="Exit 2 if anything cannot be read.")] = False,
    litellm_config: Annotated[Path | None, typer.Option(help="A LiteLLM proxy's config.yaml, for its aliases.")] = None,
) -> None:
    """Will these requests be cached, and if not, why not?

    Exit code 0: fine; 1: findings that --strict or --fail-on asks about; 2: wrong use or unreadable input.
    """
    wish = AuditWish(
        paths=tuple(requests or ()),
        backend=backend,
        library_version=library_version,
        tokens=tokens,
        against=against,
        turns=turns,
        select=tuple(select or ()),
        ignore=tuple(ignore or ()),
        litellm_config=litellm_config,
        suggest=suggest or fix,
        observe=observe,
    )
    run = run_audits(wish, Path.cwd(), os.environ)
    if fix:
        _write_fixed(run, output, in_place)
    else:
        _show(run, form, output, show_text)
    code = run.exit_code(tuple(fail_on or ()), strict=strict, allow_unsure=allow_unsure, strict_input=strict_input)
    raise typer.Exit(0 if exit_zero and code == 1 else code)


def _show(run: AuditRun, form: str, output: Path | None, show_text: bool) -> None:
    from cachekit.cli.output.audit import show

    show(run, form, output, show_text)


def _write_fixed(run: AuditRun, output: Path | None, in_place: bool) -> None:
    from cachekit.cli.output.audit import write_fixed

    write_fixed(run, output, in_place)
