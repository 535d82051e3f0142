"""`replay --live`: says what it will cost, asks, sends, and shows recorded beside now."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from dataclasses import replace
from threading import Thread

import typer

from cachekit.cli.common.boundary import INTERRUPTED
from cachekit.cli.common.emit import emit
from cachekit.cli.common.signals import stopping
from cachekit.cli.common.spending import amount, confirm_spending
from cachekit.cli.common.text import usd
from cachekit.cli.replay import live_text as forms
from cachekit.cli.replay.options import LiveFlags, ReplayRequest
from cachekit.core.logs.native_write import CallLog
from cachekit.core.model.errors import InputError, OutsideError, UsageError
from cachekit.replay import parse_strategy
from cachekit.replay.live import Ending, LiveOptions, LiveReplay, Timing, plan_live
from cachekit.replay.open_source import opened

_LOOK = 0.25
"""Seconds between two looks at signals."""


def send_again(request: ReplayRequest, flags: LiveFlags) -> int:
    """Sends the calls of the logs again, once that was agreed to; the exit code."""
    if request.form not in ("text", "json"):
        raise UsageError(f"--live has no format {request.form[:20]!r}", hint="choose text or json")
    options = _options(request, flags)
    plan = plan_live(opened(request.paths, request.replay), options)
    typer.echo(forms.plan_text(plan, options), err=True, nl=False)
    if request.strict_input and plan.bad:
        raise InputError(f"{len(plan.bad):,} lines cannot be read", hint="nothing was sent; leave out --strict-input")
    confirm_spending(forms.question(plan, options), flags.yes)
    with nullcontext() if flags.log is None else CallLog(flags.log) as log:
        live = LiveReplay(plan, replace(options, log=log))
        live.connect()
        _work(live)
    return _show(live, options, request)


def _options(request: ReplayRequest, flags: LiveFlags) -> LiveOptions:
    if flags.budget_usd is None:
        raise UsageError("--live needs --budget-usd", hint="say what it may cost, such as --budget-usd 1")
    if len(request.strategies) > 1:
        raise UsageError("--live takes one --strategy", hint="send them one after the other, with time between")
    if flags.timing is not None and flags.timing not in set(Timing):
        raise UsageError(f"no timing {flags.timing[:20]!r}", hint=f"choose {' or '.join(Timing)}")
    return LiveOptions(
        budget=amount(flags.budget_usd),
        strategy=next((parse_strategy(name) for name in request.strategies), None),
        timing=Timing(flags.timing or Timing.ORIGINAL),
        rate=flags.rate,
        limit=flags.limit,
        base_url=flags.base_url,
        replay=request.replay,
    )


def _work(live: LiveReplay) -> None:
    """Runs in a thread of its own, so that signals and the line of progress do not wait for answers."""
    errors: list[BaseException] = []
    thread = Thread(target=_caught, args=(live, errors), name="cachekit-replay", daemon=True)
    with stopping() as stopped:
        thread.start()
        while thread.is_alive():
            thread.join(_LOOK)
            _progress(live)
            if stopped.is_set():
                live.stop()
    _progress(live, over=True)
    if errors:
        raise errors[0]


def _caught(live: LiveReplay, errors: list[BaseException]) -> None:
    try:
        live.work()
    except BaseException as error:  # told by who waits, not lost with the thread
        errors.append(error)


def _progress(live: LiveReplay, over: bool = False) -> None:
    """A line that is written over, where somebody watches."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return
    done, spent = live.progress
    line = "" if over else f"{done:,} of {len(live.plan.sends):,} answered, {usd(spent)} spent"
    sys.stderr.write(f"\r\x1b[K{line}")
    sys.stderr.flush()


def _show(live: LiveReplay, options: LiveOptions, request: ReplayRequest) -> int:
    """Shows what came of it; the exit code. Where nothing came of it, its reason is all there is to say."""
    outcome = live.outcome
    ended = outcome.ending in (Ending.REFUSED, Ending.UNREACHABLE)
    if outcome.answered or not ended or request.form == "json":
        json = request.form == "json"
        emit(forms.as_json(live.plan, outcome, options) if json else forms.as_text(outcome, options), request.output)
    if ended:
        hint = "set credentials as the SDK reads them" if outcome.ending is Ending.REFUSED else "check the address"
        raise OutsideError(f"{outcome.fault}; {outcome.unsent:,} calls were not sent", hint=hint)
    if outcome.ending is Ending.STOPPED:
        return INTERRUPTED
    return 3 if outcome.errors else 0
