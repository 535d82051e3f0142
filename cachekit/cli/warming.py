"""What `cachekit warm` does with its options: a plan, a dry run, one round, or warming until it is stopped."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from queue import Empty, Queue

from cachekit.cli.boundary import say
from cachekit.cli.output import warm as forms
from cachekit.cli.output.emit import emit
from cachekit.cli.output.warm_screen import Screen, screen
from cachekit.cli.signals import stopping
from cachekit.core.config import load_config
from cachekit.core.config_values import Config
from cachekit.core.errors import UsageError
from cachekit.warmer import CacheWarmer, Ending, WarmOptions, WarmResult, WarmSummary, WarmVerdict
from cachekit.warmer.lock import alone
from cachekit.warmer.session import WarmWish, configs_of, seconds_of
from cachekit.warmer.values import MISSED

_LOOK = 0.25
"""Seconds between two looks at signals and at the table."""


@dataclass(frozen=True, slots=True)
class Manner:
    """The options that say how it goes."""

    once: bool = False
    duration: str | None = None
    dry_run: bool = False
    concurrency: int = 8
    log: Path | None = None
    skip_on_traffic: bool = False
    force: bool = False
    form: str = "text"
    coloured: bool = True


def run(wish: WarmWish, manner: Manner, plan: Path | None, env: Mapping[str, str]) -> int:
    """Does what is asked for; the exit code."""
    if manner.form not in ("text", "json"):
        raise UsageError(f"no format {manner.form[:20]!r}", mend="choose text or json")
    if plan is not None:
        return _plan(plan, manner.form)
    config = load_config(Path.cwd(), env)
    configs = configs_of(wish, config)
    results: Queue[WarmResult] = Queue()  # a SimpleQueue that a signal interrupts may wait for ever
    warmer = CacheWarmer(None, configs, results.put, _options(manner, config))
    if manner.dry_run:
        emit(forms.dry_json(warmer.scopes) if manner.form == "json" else forms.dry(warmer.scopes))
        return 0
    _tell(forms.quotes(warmer.scopes))
    warmer.connect()
    if manner.once:
        return _once(warmer, wish, manner)
    with alone(_what(wish, config), force=manner.force):
        return _until_stopped(warmer, results, manner)


def _plan(log: Path, form: str) -> int:
    from cachekit.cli.output import warm_plan
    from cachekit.core.logs.reading import read_any
    from cachekit.warmer.planning import plan_warming

    found = plan_warming(read_any([log]), lambda at: datetime.fromtimestamp(at).hour)
    emit(warm_plan.as_json(found) if form == "json" else warm_plan.text(found))
    if found.bad:
        say(f"{found.bad:,} lines could not be read")
    return 0


def _options(manner: Manner, config: Config) -> WarmOptions:
    log = manner.log or config.log
    if manner.skip_on_traffic and log is None:
        raise UsageError("--skip-on-traffic needs a call log", mend="name it with --log, or in the config")
    return WarmOptions(
        log=log,
        traffic=log if manner.skip_on_traffic else None,
        concurrency=manner.concurrency,
        seconds=seconds_of(manner.duration, "--for") if manner.duration is not None else None,
        tables={"policy": config.policy, "models": config.models, "pricing": config.pricing},
    )


def _what(wish: WarmWish, config: Config) -> str:
    """What may be warmed by one process at a time: the requests named, or the config's scopes."""
    named = [str(Path(path).absolute()) for path in wish.requests]
    return "\n".join(sorted(named)) if named else str(config.file)


def _tell(text: str) -> None:
    """Talk, on stderr, with styles only where a terminal shows them."""
    import typer

    typer.echo(text, err=True, nl=False)


def _once(warmer: CacheWarmer, wish: WarmWish, manner: Manner) -> int:
    """Every scope once. A failure is the outside's; a prefix that was not read, where that was asked, is a finding;
    what the answers do not tell cannot be judged."""
    results = warmer.warm_once()
    form = forms.json_line if manner.form == "json" else forms.line
    emit("".join(map(form, results)))
    verdicts = {result.verdict for result in results}
    if WarmVerdict.FAILED in verdicts:
        return 3
    if any(result.ended is Ending.BUDGET for result in results):
        return 1  # not warmed at all
    if wish.verify and verdicts & (MISSED | {WarmVerdict.WARMED}):
        return 1
    return 2 if wish.verify and WarmVerdict.UNKNOWN in verdicts else 0


def _until_stopped(warmer: CacheWarmer, results: Queue[WarmResult], manner: Manner) -> int:
    live = manner.form == "text" and sys.stdout.isatty()
    with stopping() as stopped:
        with screen(manner.form, live=live, coloured=manner.coloured) as shown:
            try:
                warmer.start()
                while warmer.running and not stopped.is_set():
                    _show(results, shown, warmer.summary)
            finally:
                summary = warmer.stop()
            _rest(results, shown)
        _tell(forms.summary_text(summary))
        return _code(summary, stopped.is_set())


def _show(results: Queue[WarmResult], shown: Screen, summary: WarmSummary) -> None:
    with suppress(Empty):
        shown.show(results.get(timeout=_LOOK))
    shown.refresh(summary)


def _rest(results: Queue[WarmResult], shown: Screen) -> None:
    while not results.empty():
        shown.show(results.get())


def _code(summary: WarmSummary, stopped: bool) -> int:
    """3 where every scope died, or some of a run that ended by itself; 0 where it was stopped and some still lived."""
    return 3 if summary.all_dead or (summary.any_dead and not stopped) else 0
