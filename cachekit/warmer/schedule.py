"""What follows from an answer or a fault: the next due time, the interval, the end of the scope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cachekit.faults import Fault, FaultKind
from cachekit.waiting import Moment
from cachekit.warmer.judging import Judgement
from cachekit.warmer.state import State
from cachekit.warmer.timing import lengthened, shortened, wait_after
from cachekit.warmer.values import AUTO, MISSED, Ending, WarmupConfig, WarmVerdict

AGAIN = 2.0
"""Seconds until a miss is looked at again: entries were seen to need a moment. Source: anthropics/anthropic-sdk-python
issue 1451 (a pause of two seconds cured missing reads)."""

STEADY, _MOST_STEADY = 5, 320
"""Reads in a row after which a longer interval is tried; doubled each time that the longer one fails at once, so that
chance misses cost little and a lifetime that really is shorter is soon believed."""

_AT_ONCE = 2

_CREDENTIAL_TRIES, _ONCE_TRIES = 5, 4


@dataclass(frozen=True, slots=True)
class Terms:
    """What the scope was told; `once`: one good answer is all that is wanted."""

    config: WarmupConfig
    once: bool

    @property
    def acts(self) -> bool:
        """Whether answers have consequences."""
        return self.config.verify or self.config.interval_seconds == AUTO


def after_answer(state: State, terms: Terms, found: Judgement, when: tuple[Moment, Moment]) -> WarmVerdict:
    """The consequences of an answer, `when` being the moments of its request and of itself. The lifetime starts with
    the request, so the next one counts from there. Returns the verdict as it is told."""
    started, now = when
    state.failures = 0
    unread = found.verdict in MISSED or found.verdict is WarmVerdict.WARMED
    state.misses = state.misses + 1 if unread else 0
    if terms.acts:
        _adjust(state, terms, found)
    state.due = started.mono + state.interval
    if state.again == 1:
        state.due = now.mono + AGAIN
    if terms.acts and state.misses >= terms.config.max_misses:
        state.ended = Ending.INEFFECTIVE
        return WarmVerdict.INEFFECTIVE
    if _all_done(state, terms) or (terms.once and state.again != 1):
        state.ended = Ending.DONE
    return found.verdict


def _adjust(state: State, terms: Terms, found: Judgement) -> None:
    """A shorter interval where an entry was gone too early; after some reads in a row a longer one, as far as was asked
    for or `auto` may try; and another look at a miss: one at most, then the interval again."""
    regular = state.again != 1  # a second look comes too soon to say anything about the interval
    if regular and found.early:
        _shorten(state)
    elif regular and found.verdict is WarmVerdict.ALIVE:
        _lengthen(state)
    again = found.verdict in MISSED or (terms.once and found.verdict is WarmVerdict.WARMED)
    state.again = state.again + 1 if again else 0


def _shorten(state: State) -> None:
    if state.interval < state.base and state.steady:
        return  # it was read at this interval before: chance, which a still shorter one would not cure
    if state.grown and state.steady < _AT_ONCE:
        state.patience = min(_MOST_STEADY, state.patience * 2)
    if state.interval > state.base:  # `auto` has found where entries end
        state.longest = max(state.base, state.interval * 0.95)
    state.interval, state.steady, state.grown = shortened(state.interval), 0, False


def _lengthen(state: State) -> None:
    state.steady += 1
    if state.grown and state.steady == _AT_ONCE:
        state.patience = max(STEADY, state.patience // 2)
    if state.steady >= state.patience and state.interval < state.longest:
        state.interval = lengthened(state.interval, state.base, state.longest)
        state.steady, state.grown = 0, True


def _all_done(state: State, terms: Terms) -> bool:
    return terms.config.max_ticks is not None and state.ticks >= terms.config.max_ticks


def after_fault(state: State, terms: Terms, what: tuple[Fault, Moment], random: Callable[[], float]) -> None:
    """The consequences of a fault: the end where sending again is useless, else another try after a while."""
    fault, now = what
    expired = fault.kind is FaultKind.CREDENTIALS and state.failures >= _CREDENTIAL_TRIES
    if fault.lasting or expired or (terms.once and state.failures >= _ONCE_TRIES):
        state.ended = Ending.FAILED
    elif _all_done(state, terms):
        state.ended = Ending.DONE
    else:
        state.due = now.mono + wait_after(state.failures, fault.retry_after, random)
