"""One scope: when its next ping is due, what the last one proved, and when it is over.

A state machine without a clock: every step is told the moment. Nobody but the run that owns a scope touches it.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from cachekit.core.backends import Backend
from cachekit.core.calls import Call
from cachekit.core.counts import NO_USAGE
from cachekit.core.errors import CachekitError, UsageError
from cachekit.core.families import family_of
from cachekit.core.providers.draft import texts
from cachekit.core.responses import read_response
from cachekit.faults import FaultKind, fault_of
from cachekit.waiting import Moment
from cachekit.warmer.judging import Evidence, judge
from cachekit.warmer.money import Quote, cost_of, quote
from cachekit.warmer.ping import Ping, prepare, with_more_output
from cachekit.warmer.schedule import Terms, after_answer, after_fault
from cachekit.warmer.state import Answer, Rules, State
from cachekit.warmer.timing import interval_of
from cachekit.warmer.values import AUTO, DEAD, Ending, Request, WarmResult, WarmupConfig, WarmVerdict


class Scope:
    """A scope at work."""

    def __init__(self, name: str, config: WarmupConfig, given: tuple[Request, Backend], rules: Rules) -> None:
        self.name, self.config, self.rules = name, config, rules
        self._request, self._backend = given
        self.ping: Ping = prepare(config, self._request, self._backend, rules.tables)
        self.quote: Quote | None = quote(self.ping, rules.tables)
        if config.budget_usd is not None and self.quote is None:
            model = self.ping.prompt.scope.model or "this model"
            raise UsageError(
                f"a budget needs a price, and {model} has none", mend="set one under [pricing] in the config"
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
        """Whether it ended as nobody asked for."""
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
            self.state.told = f"the changed request is not taken over: {error.message()}"
        except Exception as error:  # the caller's own function: whatever it raises, the old request still holds
            self.state.told = f"the request could not be made anew: {type(error).__name__}"

    def _expected(self, now: Moment) -> Decimal:
        """The most that the next ping should cost."""
        if self.quote is None:
            return Decimal(0)
        before = self.state.before
        lives = before is not None and now.wall - (before.ts or 0.0) < self.ping.lifetime.floor
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
        found = judge(Evidence(call, self.state.before, self.ping.lifetime, self.ping.automatic))
        if found.verdict is not WarmVerdict.NOT_CACHED:
            self.state.before = call
        verdict = after_answer(self.state, Terms(self.config, self.rules.once), found, (started, now))
        result = self._result(started, verdict, call=call, cost=cost, detail=found.detail)
        return result, call

    def _failed(self, answer: Answer, started: Moment, now: Moment) -> tuple[WarmResult, Call]:
        state, error = self.state, answer.error
        assert error is not None
        private = "\n".join(texts(block.raw) for block in self.ping.prompt.blocks)
        fault = fault_of(error, private, now.wall)
        state.failures += 1
        if fault.may_have_cost:
            state.at_risk += self._expected(now)
        self.stale_client = fault.kind is FaultKind.CREDENTIALS
        detail = fault.shown()
        more = with_more_output(self.ping, self.config) if fault.about_output else None
        if more is not None:
            self.ping, state.due = more, now.mono
            self.quote = quote(more, self.rules.tables)
            detail += f"; trying again with a limit of {more.limit} tokens"
        else:
            after_fault(state, Terms(self.config, self.rules.once), (fault, now), self.rules.random)
        call = replace(
            self._call(started, answer), status=fault.status, flags=frozenset({"warm", "error"}), usage=NO_USAGE
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
        told, state.told = state.told, ""
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
            detail="; ".join(part for part in (detail, woke, told) if part),
            ended=state.ended,
            status=call.status if call is not None else None,
            request_id=call.request_id if call is not None else "",
            slept=slept,
        )
