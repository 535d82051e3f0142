"""`cachekit replay`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cachekit.core.errors import UsageError

if TYPE_CHECKING:
    from cachekit.core.config_values import Config
    from cachekit.replay import Best, Replayed

_Names = list[str]


def replay(
    logs: Annotated[
        _Names | None,
        typer.Argument(metavar="LOG...", help="Call logs: files, folders or globs.", show_default=False),
    ] = None,
    strategy: Annotated[_Names | None, typer.Option(help="A strategy to compare; may be given several times.")] = None,
    best: Annotated[
        bool, typer.Option("--best", help="Find the cheapest feasible strategy, per family and in all.")
    ] = False,
    by: Annotated[str | None, typer.Option(help="family: show every family on its own.")] = None,
    model: Annotated[str, typer.Option(help="The model of calls that name none.")] = "",
    host: Annotated[str, typer.Option(help="Who serves it: anthropic, openai, bedrock, ...")] = "",
    input_format: Annotated[
        str | None, typer.Option(help="The log's format, where it is not told by its shape.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="text, json, markdown, csv or html.")] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    strict_input: Annotated[bool, typer.Option("--strict-input", help="Exit 2 if anything cannot be read.")] = False,
) -> None:
    """Replay a log in its own time under strategies: what would have been read, written and paid?

    Strategies: as-sent, none, automatic, suggested, system-only, exclude-tool-results, each with +ttl=1h,
    +ttl=1h:static,5m:rest, +warm=SECONDS or +lead-call. Exit code 0: done; 2: wrong use, or nothing to replay.
    """
    from cachekit.core.config import load_config
    from cachekit.replay import ReplayOptions, compare_strategies

    if by not in (None, "family"):
        raise UsageError(f"--by {by[:20]!r}", mend="only --by family is possible here")
    config = load_config(Path.cwd(), os.environ)
    own = {"pricing": config.pricing, "policy": config.policy, "models": config.models}
    options = ReplayOptions(model, host, input_format, {name: table for name, table in own.items() if table})
    found, rows = compare_strategies(logs or _configured(config), strategy or [], best_of_all=best, options=options)
    _show(found, rows, (form, by is not None), output)
    if strict_input and found.bad:
        raise typer.Exit(2)


def _configured(config: Config) -> list[str]:
    """The log of the configuration, where none was named."""
    if config.log is None:
        mend = "name files or folders, or set defaults.log in cachekit.toml"
        raise UsageError("no log to replay", mend=mend)
    return [str(config.log)]


def _show(found: Replayed, rows: list[Best], how: tuple[str, bool], output: Path | None) -> None:
    from cachekit.cli.output import replay as forms
    from cachekit.cli.output.emit import emit
    from cachekit.cli.output.replay_html import as_html

    form, by_family = how
    made = {
        "text": lambda: forms.as_text(found, rows, by_family),
        "json": lambda: forms.as_json(found, rows),
        "markdown": lambda: forms.as_markdown(found, rows, by_family),
        "csv": lambda: forms.as_csv(found),
        "html": lambda: as_html(found, rows, by_family),
    }
    if form not in made:
        raise UsageError(f"no format {form[:20]!r}", mend=f"choose {', '.join(made)}")
    emit(made[form](), output)
