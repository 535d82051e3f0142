"""`cachekit replay`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cachekit.cli.replay.options import LiveFlags, ReplayRequest
from cachekit.core.model.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from cachekit.core.config.values import Config
    from cachekit.replay import Best, Replayed

_Names = list[str]
_Logs = Annotated[
    _Names | None,
    typer.Argument(metavar="LOG...", help="Call logs: files, folders or globs.", show_default=False),
]
_Strategy = Annotated[_Names | None, typer.Option(help="A strategy to compare; may be given several times.")]
_Best = Annotated[bool, typer.Option("--best", help="Find the cheapest feasible strategy, per family and in all.")]
_By = Annotated[str | None, typer.Option(help="family: show every family on its own.")]
_Model = Annotated[str, typer.Option(help="The model of calls that name none.")]
_Host = Annotated[str, typer.Option(help="Who serves it: anthropic, openai, bedrock, ...")]
_Input = Annotated[str | None, typer.Option(help="The log's format, where it is not told by its shape.")]
_Form = Annotated[str, typer.Option("--format", help="text, json, markdown, csv or html.")]
_Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")]
_StrictInput = Annotated[bool, typer.Option("--strict-input", help="Exit 2 if anything cannot be read.")]
_Live = Annotated[bool, typer.Option("--live", help="Send the calls again, and measure. Costs money.")]
_Budget = Annotated[str | None, typer.Option(metavar="USD", help="--live: what it may cost; needed.")]
_Yes = Annotated[bool, typer.Option("--yes", help="--live: do not ask before spending.")]
_Timing = Annotated[str | None, typer.Option(help="--live: original (the log's time) or asap.  [default: original]")]
_Rate = Annotated[float | None, typer.Option(min=0.001, metavar="N", help="--live: calls a second, at most.")]
_Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="--live: calls to send, at most.")]
_Url = Annotated[str | None, typer.Option(metavar="URL", help="--live: send there, such as to `cachekit emulate`.")]
_Log = Annotated[Path | None, typer.Option(help="--live: append the calls that are sent to this call log.")]


def replay(
    logs: _Logs = None,
    strategy: _Strategy = None,
    best: _Best = False,
    by: _By = None,
    model: _Model = "",
    host: _Host = "",
    input_format: _Input = None,
    form: _Form = "text",
    output: _Output = None,
    strict_input: _StrictInput = False,
    live: _Live = False,
    budget_usd: _Budget = None,
    yes: _Yes = False,
    timing: _Timing = None,
    rate: _Rate = None,
    limit: _Limit = None,
    base_url: _Url = None,
    log: _Log = None,
) -> None:
    """Replay a log in its own time under strategies: what would have been read, written and paid?

    Strategies: as-sent, none, automatic, suggested, system-only, exclude-tool-results, each with +ttl=1h,
    +ttl=1h:static,5m:rest, +warm=SECONDS or +lead-call. --live sends the calls of a log with content again, with one
    strategy's breakpoints if one is named. Exit code 0: done; 2: wrong use, or nothing to replay; 3: --live, and a call
    failed.
    """
    from cachekit.core.config.find import load_config
    from cachekit.replay import ReplayOptions

    if by not in (None, "family"):
        raise UsageError(f"--by {by[:20]!r}", hint="only --by family is possible here")
    config = load_config(Path.cwd(), os.environ)
    own = {"pricing": config.pricing, "policy": config.policy, "models": config.models}
    options = ReplayOptions(model, host, input_format, {name: table for name, table in own.items() if table})
    flags = LiveFlags(budget_usd, yes, timing, rate, limit, base_url, log)
    request = ReplayRequest(logs or _configured(config), strategy or [], options, form, output, strict_input)
    if live:
        _check_live(best, by)
        _send(request, flags)
    flags.check_unused()
    _compare(request, best, by is not None)


def _send(request: ReplayRequest, flags: LiveFlags) -> None:
    from cachekit.cli.replay.live import send_again

    raise typer.Exit(send_again(request, flags))


def _compare(request: ReplayRequest, best: bool, by_family: bool) -> None:
    from cachekit.replay import compare_strategies

    found, rows = compare_strategies(request.paths, request.strategies, best_of_all=best, options=request.replay)
    _show(found, rows, (request.form, by_family), request.output)
    if request.strict_input and found.bad:
        raise typer.Exit(2)


def _check_live(best: bool, by: str | None) -> None:
    for option in ["--best"] * best + ["--by"] * (by is not None):
        raise UsageError(f"{option} does not go with --live", hint="it compares simulations; leave it out")


def _configured(config: Config) -> list[str]:
    """The log of the configuration, where none was named."""
    if config.log is None:
        hint = "name files or folders, or set defaults.log in cachekit.toml"
        raise UsageError("no log to replay", hint=hint)
    return [str(config.log)]


def _show(found: Replayed, rows: list[Best], how: tuple[str, bool], output: Path | None) -> None:
    from cachekit.cli.common.emit import emit
    from cachekit.cli.replay import show as forms
    from cachekit.cli.replay.html import as_html

    form, by_family = how
    made = {
        "text": lambda: forms.as_text(found, rows, by_family),
        "json": lambda: forms.as_json(found, rows),
        "markdown": lambda: forms.as_markdown(found, rows, by_family),
        "csv": lambda: forms.as_csv(found),
        "html": lambda: as_html(found, rows, by_family),
    }
    if form not in made:
        raise UsageError(f"no format {form[:20]!r}", hint=did_you_mean(form, made, f"choose {', '.join(made)}"))
    emit(made[form](), output)
