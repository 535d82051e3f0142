"""Sending calls again, through the real clients, under a tracker: in the log's time, within a rate and a budget.

One thread decides and keeps all state; each call is sent in a thread of its own, so that a slow answer holds up nobody
that did not wait for it in the log either. Nothing is sent for which the budget has no room in the worst case.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from threading import Thread

from cachekit.client.errors import CallError, ErrorKind, classify_error
from cachekit.client.sending import drain, sending_of
from cachekit.client.waiting import SLICE, Inbox
from cachekit.core.jsonio.json_access import mapping
from cachekit.core.model.calls import Call
from cachekit.core.model.errors import CachekitError
from cachekit.core.providers import lower
from cachekit.core.providers.draft import texts
from cachekit.replay.live.budget import Budget
from cachekit.replay.live.values import Attempt, Ending, Family, LiveOptions, Outcome, Plan, Send, Timing
from cachekit.tracker.attempts import Retries, Tracking
from cachekit.tracker.clients.wrapping import instrument
from cachekit.tracker.ledger import Ledger, Outside
from cachekit.tracker.metrics import CallMetrics, Cost
from cachekit.tracker.observation import labelled
from cachekit.tracker.options import TrackerOptions

MOST_AT_ONCE = 64
"""Calls under way at once in the log's own time."""

GRACE = 2.0
"""Seconds that answers under way are waited for when the end is asked for: they are paid for."""

_IN_A_ROW = 5
"""Calls in a row that reach no server, after which the rest would not either."""

_LABEL = "cachekit_send"
"""The label by which an answer is known to belong to a call of the plan; it is in no log."""

_CUT_OFF = "not waited for"
_REFUSED = (ErrorKind.CREDENTIALS, ErrorKind.NO_CREDENTIALS)
_UNREACHABLE = (ErrorKind.REFUSED, ErrorKind.NO_HOST)


class LiveReplay:
    """A plan being carried out. `connect` and `work` are for one thread, the rest for any."""

    def __init__(self, plan: Plan, options: LiveOptions) -> None:
        self.plan, self.outcome = plan, Outcome()
        self._options, self._time = options, options.time
        self._inbox: Inbox[tuple[Send, Exception | None]] = Inbox()
        self._budget = Budget(options.budget)
        self._reserved: dict[int, Decimal] = {}
        self._attempts: dict[int, list[Attempt]] = defaultdict(list)
        self._busy = self._unreached = 0
        self._began = self._last = 0.0
        own = options.replay.overrides or {}
        named = {name: model for name, model in mapping(own.get("models")).items() if isinstance(model, str)}
        settings = TrackerOptions(policy=options.policy, models=named, history_size=1, overrides=own)
        outside = Outside(options.time.wall, lambda _: None, None, (self._heard,))
        self._ledger = Ledger(settings, outside)
        self._tracking = Tracking(self._ledger, Retries(options.policy, self._may_retry), options.sleep)

    @property
    def progress(self) -> tuple[int, Decimal]:
        """Calls that were answered so far, and USD spent for them."""
        return self.outcome.answered, self._budget.spent

    def connect(self) -> None:
        """Builds all clients and puts the tracker around them. Raises OutsideError where an SDK cannot make one."""
        for address in dict.fromkeys(send.address for send in self.plan.sends):
            instrument(self._options.clients.get(address), self._tracking)

    def stop(self) -> None:
        """Asks for the end: nothing is sent any more."""
        self._inbox.stop()

    def work(self) -> Outcome:
        """Sends all that may be sent, and waits for the answers."""
        self._began = self._last = self._time.monotonic()
        sent = 0
        for send in self.plan.sends:
            due = self._due(send)
            if not (self._wait_until(due) and self._afford(send)):
                break
            self._start(send, due)
            sent += 1
        self._wind_down()
        out = self.outcome
        out.sent, out.unsent = sent, len(self.plan.sends) - sent
        out.spent, out.at_risk = self._budget.spent, self._budget.at_risk
        return out

    # --- when -------------------------------------------------------------------------------------------------------

    def _due(self, send: Send) -> float:
        """When a call starts, on the clock that never jumps."""
        due = self._last
        first, at = self.plan.sends[0].call.ts, send.call.ts
        if self._options.timing is Timing.ORIGINAL and first is not None and at is not None:
            due = self._began + at - first
        if self._options.rate and send.number:
            due = max(due, self._last + 1 / self._options.rate)
        return due

    def _wait_until(self, due: float) -> bool:
        """Waits for the moment, and for room among the calls under way; False where all is to end."""
        room = 1 if self._options.timing is Timing.ASAP else MOST_AT_ONCE
        while True:
            self._take()
            if self._over():
                return False
            wait, full = due - self._time.monotonic(), self._busy >= room
            if wait <= 0 and not full:
                return True
            self._time.pause(self._inbox, SLICE if full else wait, self._busy > 0)

    def _over(self) -> bool:
        if self._inbox.stopping and self.outcome.ending is Ending.DONE:
            self.outcome.ending = Ending.STOPPED
        return self.outcome.ending is not Ending.DONE

    def _afford(self, send: Send) -> bool:
        """Reserves the most that a call can cost; waits for answers that free what they did not need."""
        while not self._budget.reserve(send.costs.most):
            if not self._busy:
                self.outcome.ending = Ending.BUDGET
                return False
            self._time.pause(self._inbox, SLICE, True)
            self._take()
            if self._over():
                return False
        self._reserved[send.number] = send.costs.most
        return True

    def _may_retry(self, call: CallMetrics) -> bool:
        """Whether the budget has room for sending a call again, which is then reserved."""
        send = self.plan.sends[int(call.labels[_LABEL])]
        if self._inbox.stopping or not self._budget.reserve(send.costs.most):
            return False
        self._reserved[send.number] += send.costs.most
        return True

    # --- sending ----------------------------------------------------------------------------------------------------

    def _start(self, send: Send, due: float) -> None:
        self._busy += 1
        self._last = self._time.monotonic()
        if self._options.timing is Timing.ORIGINAL:
            self.outcome.late = max(self.outcome.late, self._last - due)
        Thread(target=self._send, args=(send,), name=f"replay {send.number}", daemon=True).start()

    def _send(self, send: Send) -> None:
        error: Exception | None = None
        own = {**send.call.labels, "family": send.call.family, _LABEL: send.number}
        try:
            client = self._options.clients.get(send.address)
            with labelled(self._ledger, own):
                drain(sending_of(send.outgoing, client, send.address.timeout)())
        except Exception as raised:
            error = raised
        self._inbox.put((send, error))

    def _heard(self, call: Call, metrics: CallMetrics, cost: Cost) -> None:
        """The tracker has worked out one answer, or one failure."""
        number = int(metrics.labels[_LABEL])
        self._attempts[number].append(Attempt(metrics, cost))
        if self._options.log is not None:
            recorded = self.plan.sends[number].call
            meta = {**call.meta, **({"replay_of": recorded.id} if recorded.id else {})}
            self._options.log.append(replace(call, labels=recorded.labels, meta=meta))

    # --- answers ----------------------------------------------------------------------------------------------------

    def _take(self) -> None:
        for send, error in self._inbox.drain():
            self._busy -= 1
            self._ledger.recorder.drain()
            fault = self._fault(send, error) if error is not None else None
            self._count(send, self._attempts.pop(send.number, []), fault)
            self._judge(fault)

    def _fault(self, send: Send, error: Exception) -> CallError:
        if isinstance(error, CachekitError):
            return CallError(ErrorKind.BROKEN, error.message())
        prompt = lower({"model": send.outgoing.model, **send.outgoing.body}, send.outgoing.backend)
        return classify_error(error, "\n".join(texts(block.raw) for block in prompt.blocks), self._time.wall())

    def _count(self, send: Send, attempts: list[Attempt], fault: CallError | None) -> None:
        """A call is over: its family's sums, and what it cost."""
        out, most = self.outcome, send.costs.most
        first = send.call.family not in out.families
        family = out.families.setdefault(send.call.family, Family())
        family.recorded.add(send.recorded, Cost(send.costs.recorded, send.costs.saved))
        for attempt in attempts:
            family.now.add(attempt.metrics, attempt.cost)
        if fault is not None and not any(attempt.metrics.failed for attempt in attempts):
            family.now.totals.failed += 1
        out.warm += first and bool(attempts) and attempts[0].metrics.cache_read_tokens > 0
        unheard = (Decimal(0), most * (fault is None or fault.may_have_cost))
        paid = [_paid(attempt, most, fault) for attempt in attempts] or [unheard]
        known, at_risk = (sum(column, Decimal(0)) for column in zip(*paid, strict=True))
        self._budget.settle(self._reserved.pop(send.number), known, at_risk)

    def _judge(self, fault: CallError | None) -> None:
        """Counts a failure; some of them end all."""
        out = self.outcome
        if fault is None:
            out.answered += 1
            self._unreached = 0
            return
        out.errors[fault.kind.value] += 1
        out.examples.setdefault(fault.kind.value, fault.shown())
        self._unreached = self._unreached + 1 if fault.kind in _UNREACHABLE else 0
        if fault.kind in _REFUSED:
            out.ending, out.fault = Ending.REFUSED, fault.shown()
        elif self._unreached >= _IN_A_ROW:
            out.ending, out.fault = Ending.UNREACHABLE, fault.shown()

    def _wind_down(self) -> None:
        """Waits for what is under way; once the end was asked for, only a little. What comes later may be billed."""
        deadline = float("inf")
        while self._busy and time.monotonic() < deadline:
            if self._inbox.stopping and deadline == float("inf"):
                deadline = time.monotonic() + GRACE
            self._inbox.wait(0.25, for_answers=True)
            self._take()
        if self._busy:
            self.outcome.errors[_CUT_OFF] += self._busy
            reserved = sum(self._reserved.values(), Decimal(0))
            self._budget.settle(reserved, Decimal(0), reserved)
        self._over()


def _paid(attempt: Attempt, most: Decimal, fault: CallError | None) -> tuple[Decimal, Decimal]:
    """What an attempt cost for certain, and what it may have cost besides: an answer that failed may be billed all the
    same, one that was cut off or tells no counts up to the most."""
    known = attempt.cost.paid or Decimal(0)
    if attempt.metrics.failed:
        return known, most * (fault is not None and fault.may_have_cost)
    unsure = attempt.cost.paid is None or "incomplete" in attempt.metrics.flags
    return known, max(Decimal(0), most - known) if unsure else Decimal(0)
