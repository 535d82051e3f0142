"""One scope: when its next ping is due, what the last one proved, and when it is over.

A state machine without a clock: every step takes the moment. Nobody but the run that owns a scope touches it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from cachekit.client.errors import CallError, ErrorKind, classify_error
from cachekit.client.waiting import Moment
from cachekit.core.cache.law import within
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import Call
from cachekit.core.model.errors import CachekitError, UsageError
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import NO_USAGE
from cachekit.core.providers.draft import texts
from cachekit.core.providers.families import family_of
from cachekit.core.providers.responses import read_response
from cachekit.warm.money import Quote, cost_of, quote
from cachekit.warm.ping import Ping, Tables, prepare, with_more_output
from cachekit.warm.timing import Lifetime, interval_of, lengthened, shortened, wait_after
from cachekit.warm.values import AUTO, DEAD, MISSED, Ending, Request, WarmResult, WarmupConfig, WarmVerdict

_CHANGES = frozenset({"prefix_changed", "model_changed", "params_changed", "key_changed"})
"""Causes of `core.explain`, which is imported for a miss only."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`early`: the same prefix was gone before its lifetime had passed."""

    verdict: WarmVerdict
    detail: str = ""
    early: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a judgement stands on: this call, the last one that left the prefix in the cache (None: there was none),
    and whether the cache is an automatic one, which reports no writes."""

    call: Call
    before: Call | None
    lifetime: Lifetime
    automatic: bool


def evaluate(found: Evidence) -> Outcome:
    """The judgement of an answer."""
    usage = found.call.usage
    if not usage.known:
        return Outcome(WarmVerdict.UNKNOWN, "the answer says nothing about the cache")
    if usage.read > 0:
        return Outcome(WarmVerdict.ALIVE, _partly(usage))
    if not usage.written and not found.automatic:
        return Outcome(WarmVerdict.NOT_CACHED, "neither read nor written: the provider does not cache this prefix")
    if found.before is None:
        return Outcome(WarmVerdict.WARMED)
    return _missed(found, found.before)


def _partly(usage: Usage) -> str:
    """Some of what was cached had to be written again."""
    if usage.written <= usage.input_total // 20:
        return ""
    return f"{usage.written:,} tokens of the prefix were written again"


def _missed(found: Evidence, before: Call) -> Outcome:
    """Written, and not read. The gap tells an expiry; within the lifetime the prompts are compared."""
    from cachekit.core.explain.explain import explain_call
    from cachekit.core.explain.prefix_history import Lineage

    gap = (found.call.ts or 0.0) - (before.ts or 0.0)
    lineage = Lineage()
    explain_call(lineage, before)
    explained = explain_call(lineage, found.call)
    if explained is not None and explained.cause.value in _CHANGES:
        place = f" at {explained.route}" if explained.route else ""
        return Outcome(WarmVerdict.CHANGED, f"the prefix changed{place}: {explained.cause.value.replace('_', ' ')}")
    if not within(found.lifetime.floor, gap):
        return Outcome(
            WarmVerdict.LAPSED, f"{gap:.0f} s since it was last used, and it lives {found.lifetime.floor:g} s"
        )
    reason = f" (the provider says {found.call.miss})" if found.call.miss else ""
    detail = f"gone after {gap:.0f} s of {found.lifetime.floor:g} s, the prefix unchanged{reason}"
    return Outcome(WarmVerdict.LAPSED, detail, early=True)


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for all scopes of a run. `once`: one good answer ends a scope. `random` draws from 0 to 1. `traffic`
    finds the last call of the program's own that used a prefix since a moment (seconds since 1970)."""

    random: Callable[[], float]
    tables: Tables = field(default_factory=dict)
    once: bool = False
    traffic: Callable[[Ping, float], Call | None] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a response or an error, and how long it took."""

    response: object = None
    error: BaseException | None = None
    latency_ms: float | None = None


@dataclass(slots=True)
class State:
    """What changes from tick to tick. `due` and `started` are moments; `misses` and `failures` count in a row, `again`
    looks at one miss. `base` and `longest` bound the interval where answers change it: `steady` counts reads since it
    last changed (`grown`: became longer), `patience` is how many it takes. `at_risk` is what answers that never came
    may have cost; `before` is the last call that left the prefix cached."""

    interval: float
    due: float = 0.0
    started: Moment | None = None
    busy: bool = False
    ticks: int = 0
    misses: int = 0
    failures: int = 0
    again: int = 0
    spent: Decimal = Decimal(0)
    at_risk: Decimal = Decimal(0)
    before: Call | None = None
    slept: float = 0.0
    base: float = 0.0
    longest: float = 0.0
    steady: int = 0
    patience: int = 5
    grown: bool = False
    ended: Ending = Ending.NONE
    remark: str = ""


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
    """The options of the scope; `once`: one good answer is all that is wanted."""

    config: WarmupConfig
    once: bool

    @property
    def acts(self) -> bool:
        """Whether answers have consequences."""
        return self.config.verify or self.config.interval_seconds == AUTO


def after_answer(state: State, terms: Terms, found: Outcome, when: tuple[Moment, Moment]) -> WarmVerdict:
    """The consequences of an answer, `when` being the moments of its request and of itself. The lifetime starts with
    the request, so the next one counts from there. Returns the verdict as it is reported."""
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


def _adjust(state: State, terms: Terms, found: Outcome) -> None:
    """A shorter interval where an entry was gone too early; after some reads in a row a longer one, as far as the
    config for or `auto` may try; and another look at a miss: one at most, then the interval again."""
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


def after_failure(state: State, terms: Terms, what: tuple[CallError, Moment], random: Callable[[], float]) -> None:
    """The consequences of a failure: the end where sending again is useless, else another try after a while."""
    failure, now = what
    expired = failure.kind is ErrorKind.CREDENTIALS and state.failures >= _CREDENTIAL_TRIES
    if failure.lasting or expired or (terms.once and state.failures >= _ONCE_TRIES):
        state.ended = Ending.FAILED
    elif _all_done(state, terms):
        state.ended = Ending.DONE
    else:
        state.due = now.mono + wait_after(state.failures, failure.retry_after, random)


class Scope:
    """A scope at work."""

    def __init__(self, name: str, config: WarmupConfig, source: tuple[Request, Backend], rules: Rules) -> None:
        self.name, self.config, self.rules = name, config, rules
        self._request, self._backend = source
        self.ping: Ping = prepare(config, self._request, self._backend, rules.tables)
        self.quote: Quote | None = quote(self.ping, rules.tables)
        if config.budget_usd is not None and self.quote is None:
            model = self.ping.prompt.scope.model or "this model"
            raise UsageError(
                f"a budget needs a price, and {model} has none", hint="set one under [pricing] in the config"
            )
        self.stale_client = False
        interval = interval_of(config.interval_seconds, self.ping.lifetime)
        longest = self.ping.lifetime.longest if config.interval_seconds == AUTO else interval
        self.state = State(interval=interval, base=interval, longest=longest)

    # --- before a ping ------------------------------------------------------------------------------------------

    def blocked(self, now: Moment) -> WarmResult | None:
        """Why a ping that is due is not sent: traffic did the work, or the scope is at its end. None: send it."""
        self._refresh()
        budget = self.config.budget_usd
        if budget is not None and self._expected(now) > Decimal(str(budget)) - self.state.spent - self.state.at_risk:
            return self._end(now, Ending.BUDGET, f"the next ping could pass the budget of ${budget}")
        used = self._used_since(now)
        if used is not None and used.ts is not None:
            self.state.before = used
            self.state.due = now.mono + used.ts + self.state.interval - now.wall
            return self._result(now, WarmVerdict.SKIPPED, detail=f"traffic used it {now.wall - used.ts:.0f} s ago")
        return None

    def begin(self, now: Moment) -> None:
        """A ping is sent now."""
        self.state.started, self.state.busy = now, True
        self.state.ticks += 1

    def end(self, ending: Ending) -> None:
        """Ends the scope from outside."""
        if not self.state.ended:
            self.state.ended = ending

    @property
    def deadline(self) -> float:
        """When the entry dies, on the clock that never jumps; a scope never warmed comes after those that are."""
        if self.state.before is None or self.state.started is None:
            return self.state.due + self.ping.lifetime.floor
        return self.state.started.mono + self.ping.lifetime.floor

    @property
    def dead(self) -> bool:
        """Whether it ended without being stopped or done."""
        return self.state.ended in DEAD

    def _refresh(self) -> None:
        """Takes over a request that has changed; one that cannot be kept alive leaves the old one in place."""
        if not callable(self.config.request):
            return
        try:
            request = self.config.request()
            if request is not self._request and request != self._request:
                self.ping = prepare(self.config, request, self._backend, self.rules.tables)
                self.quote = quote(self.ping, self.rules.tables)
                self._request = request
        except CachekitError as error:
            self.state.remark = f"the changed request is not taken over: {error.message()}"
        except Exception as error:  # the caller's own function: whatever it raises, the old request still holds
            self.state.remark = f"the request could not be made again: {type(error).__name__}"

    def _expected(self, now: Moment) -> Decimal:
        """The most that the next ping should cost."""
        if self.quote is None:
            return Decimal(0)
        before = self.state.before
        lives = before is not None and within(self.ping.lifetime.floor, now.wall - (before.ts or 0.0))
        return self.quote.tick if lives else max(self.quote.first, self.quote.tick)

    def _used_since(self, now: Moment) -> Call | None:
        if self.rules.traffic is None or self.rules.once:
            return None
        before = self.state.before
        found = self.rules.traffic(self.ping, before.ts or 0.0 if before is not None else 0.0)
        fresh = found is not None and found.ts is not None and now.wall - found.ts < self.state.interval
        return found if fresh else None

    # --- after a ping -------------------------------------------------------------------------------------------

    def finish(self, answer: Answer, now: Moment) -> tuple[WarmResult, Call]:
        """What an answer, or its absence, means: the result to tell, and the call to log."""
        self.state.busy = False
        started = self.state.started or now
        if answer.error is not None:
            return self._failed(answer, started, now)
        response = read_response(answer.response, self.ping.prompt.scope.provider)
        call = replace(
            self._call(started, answer),
            usage=response.usage,
            id=response.id,
            request_id=response.request_id,
            billing=replace(response.billing, host=self.ping.policy.host),
            status=response.status or 200,
            miss=response.miss,
        )
        counted = call.usage.input_total > 0
        cost = cost_of(call.usage, self.ping, call.billing, started.wall, self.rules.tables) if counted else None
        self.state.spent += cost if cost is not None else self._expected(now)
        found = evaluate(Evidence(call, self.state.before, self.ping.lifetime, self.ping.automatic))
        if found.verdict is not WarmVerdict.NOT_CACHED:
            self.state.before = call
        verdict = after_answer(self.state, Terms(self.config, self.rules.once), found, (started, now))
        result = self._result(started, verdict, call=call, cost=cost, detail=found.detail)
        return result, call

    def _failed(self, answer: Answer, started: Moment, now: Moment) -> tuple[WarmResult, Call]:
        state, error = self.state, answer.error
        assert error is not None
        private = "\n".join(texts(block.raw) for block in self.ping.prompt.blocks)
        failure = classify_error(error, private, now.wall)
        state.failures += 1
        if failure.may_have_cost:
            state.at_risk += self._expected(now)
        self.stale_client = failure.kind is ErrorKind.CREDENTIALS
        detail = failure.shown()
        more = with_more_output(self.ping, self.config) if failure.about_output else None
        if more is not None:
            self.ping, state.due = more, now.mono
            self.quote = quote(more, self.rules.tables)
            detail += f"; trying again with a limit of {more.limit} tokens"
        else:
            after_failure(state, Terms(self.config, self.rules.once), (failure, now), self.rules.random)
        call = replace(
            self._call(started, answer), status=failure.status, flags=frozenset({"warm", "error"}), usage=NO_USAGE
        )
        return self._result(started, WarmVerdict.FAILED, call=call, detail=detail), call

    # --- results ------------------------------------------------------------------------------------------------

    def _end(self, now: Moment, ending: Ending, detail: str) -> WarmResult:
        self.state.ended = ending
        return self._result(now, WarmVerdict.SKIPPED, detail=detail)

    def _call(self, started: Moment, answer: Answer) -> Call:
        prompt = self.ping.prompt
        return Call(
            usage=NO_USAGE,
            ts=started.wall,
            provider=prompt.scope.provider,
            api=self.ping.backend.value,
            model=prompt.scope.model,
            scope=prompt.scope,
            latency_ms=answer.latency_ms,
            flags=frozenset({"warm"}),
            prefix_id=self.ping.prefix_id,
            family=self.config.label or family_of(prompt),
            labels={**self.config.labels, "scope": self.name},
            prompt=prompt,
        )

    def _result(
        self,
        at: Moment,
        verdict: WarmVerdict,
        *,
        call: Call | None = None,
        cost: Decimal | None = None,
        detail: str = "",
    ) -> WarmResult:
        state = self.state
        slept, state.slept = state.slept, 0.0
        remark, state.remark = state.remark, ""
        woke = f"the machine slept {slept:.0f} s" if slept else ""
        return WarmResult(
            scope=self.name,
            verdict=verdict,
            at=at.wall,
            usage=call.usage if call is not None else NO_USAGE,
            cost_usd=cost if call is not None and verdict is not WarmVerdict.FAILED else Decimal(0),
            latency_ms=call.latency_ms if call is not None else None,
            next_due=None if state.ended else at.wall + state.due - at.mono,
            tick=state.ticks,
            spent_usd=state.spent,
            interval=state.interval,
            detail="; ".join(part for part in (detail, woke, remark) if part),
            ended=state.ended,
            status=call.status if call is not None else None,
            request_id=call.request_id if call is not None else "",
            slept=slept,
        )
