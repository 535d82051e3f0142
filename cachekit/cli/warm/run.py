"""What `cachekit warm` does with its options: a plan, a dry run, one round, or warming until it is stopped."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from queue import Empty, Queue

from cachekit.cli.common.boundary import say
from cachekit.cli.common.emit import emit
from cachekit.cli.common.signals import stopping
from cachekit.cli.warm import text as forms
from cachekit.cli.warm.screen import Screen, screen
from cachekit.cli.warm.trust import confirm_config
from cachekit.core.config.find import load_config
from cachekit.core.config.values import Config
from cachekit.core.model.errors import UsageError
from cachekit.warm import CacheWarmer, Ending, WarmOptions, WarmResult, WarmSummary, WarmVerdict
from cachekit.warm.lock import alone
from cachekit.warm.options import CommandOptions, configs_of, seconds_of
from cachekit.warm.values import MISSED

_LOOK = 0.25
"""Seconds between two looks at signals and at the table."""


def run(options: CommandOptions, env: Mapping[str, str]) -> int:
    """Carries the command out; the exit code."""
    if options.form not in ("text", "json"):
        raise UsageError(f"no format {options.form[:20]!r}", hint="choose text or json")
    if options.plan is not None:
        return _plan(options.plan, options.form)
    config = load_config(Path.cwd(), env)
    if not options.dry_run:
        confirm_config(config, options.allow_config, scopes=not options.requests, log=options.log is None)
    configs = configs_of(options, config)
    results: Queue[WarmResult] = Queue()  # a SimpleQueue that a signal interrupts may wait for ever
    warmer = CacheWarmer(None, configs, results.put, _warm_options(options, config))
    if options.dry_run:
        emit(forms.dry_json(warmer.scopes) if options.form == "json" else forms.dry(warmer.scopes))
        return 0
    _talk(forms.quotes(warmer.scopes))
    warmer.connect()
    if options.once:
        return _once(warmer, options)
    with alone(_lock_name(options, config), force=options.force):
        return _until_stopped(warmer, results, options)


def _plan(log: Path, form: str) -> int:
    from cachekit.cli.warm import plan as warm_plan
    from cachekit.core.logs.reading import read_any
    from cachekit.warm.planning import plan_warming

    found = plan_warming(read_any([log]), lambda at: datetime.fromtimestamp(at).hour)
    emit(warm_plan.as_json(found) if form == "json" else warm_plan.text(found))
    if found.bad:
        say(f"{found.bad:,} lines could not be read")
    return 0


def _warm_options(options: CommandOptions, config: Config) -> WarmOptions:
    log = options.log or config.log
    if options.skip_on_traffic and log is None:
        raise UsageError("--skip-on-traffic needs a call log", hint="name it with --log, or in the config")
    return WarmOptions(
        log=log,
        traffic=log if options.skip_on_traffic else None,
        concurrency=options.concurrency,
        seconds=seconds_of(options.duration, "--for") if options.duration is not None else None,
        tables={"policy": config.policy, "models": config.models, "pricing": config.pricing},
    )


def _lock_name(options: CommandOptions, config: Config) -> str:
    """What may be warmed by one process at a time: the requests named, or the config's scopes."""
    named = [str(Path(path).absolute()) for path in options.requests]
    return "\n".join(sorted(named)) if named else str(config.file)


def _talk(text: str) -> None:
    """Talk, on stderr, with styles only where a terminal shows them."""
    import typer

    typer.echo(text, err=True, nl=False)


def _once(warmer: CacheWarmer, options: CommandOptions) -> int:
    """Every scope once. A failure is the outside's; a prefix that was not read, with `verify`, is a finding; where
    answers do not report the cache that cannot be judged."""
    results = warmer.warm_once()
    form = forms.json_line if options.form == "json" else forms.line
    emit("".join(map(form, results)))
    verdicts = {result.verdict for result in results}
    if WarmVerdict.FAILED in verdicts:
        return 3
    if any(result.ended is Ending.BUDGET for result in results):
        return 1  # not warmed at all
    if options.verify and verdicts & (MISSED | {WarmVerdict.WARMED}):
        return 1
    return 2 if options.verify and WarmVerdict.UNKNOWN in verdicts else 0


def _until_stopped(warmer: CacheWarmer, results: Queue[WarmResult], options: CommandOptions) -> int:
    live = options.form == "text" and sys.stdout.isatty()
    with stopping() as stopped:
        with screen(options.form, live=live, coloured=options.coloured) as shown:
            try:
                warmer.start()
                while warmer.running and not stopped.is_set():
                    _show(results, shown, warmer.summary)
            finally:
                summary = warmer.stop()
            _rest(results, shown)
        _talk(forms.summary_text(summary))
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
