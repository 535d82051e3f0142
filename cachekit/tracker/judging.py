"""What a call amounts to: due or not, why it missed, what it cost. Remembers as much of earlier calls as that needs."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from decimal import Decimal

from cachekit.core.calls import Call
from cachekit.core.changes import changes
from cachekit.core.explain import Cause, Explanation, explain_call
from cachekit.core.lineage import Lineage
from cachekit.core.pricing import Rates, cell_key, find_rates, price, rates_from_flat, without_cache
from cachekit.core.prompt import Prompt
from cachekit.core.stakes import above_reads
from cachekit.report.facts import Facts, facts_of
from cachekit.tracker.metrics import CallMetrics
from cachekit.tracker.options import Settings
from cachekit.tracker.slimming import Slimmer
from cachekit.tracker.totals import Cost

_CONVERSATIONS, _FAMILIES, _BLOCKS = 32, 512, 4096
"""Skeletons of earlier calls that are remembered: of a family, families, and blocks by which calls are found again."""

_SIZE = 1 << 16
"""Blocks of all remembered calls, about half a kilobyte each."""

_TEXTS = 64
_TEXT_BYTES = 16 << 20
"""Earlier prompts whose text is kept, to tell what kind of text changed; at most so many characters of blocks."""

_RATES = 4096


class Judge:
    """The state behind causes and prices: bounded, whatever the number of calls."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lineage = Lineage(conversations=_CONVERSATIONS, families=_FAMILIES, blocks=_BLOCKS, size=_SIZE)
        self._texts, self._slimmer = _Texts(), Slimmer()
        self._rates: dict[object, Rates | None] = {}
        self._facts: dict[tuple[str, str], Facts] = {}

    def judge(self, call: Call) -> tuple[Call, CallMetrics, Cost]:
        """A call as it is to be kept (its prompt measured, and without text), and what is known of it, those before it
        being known. Calls come about in the order of their start."""
        slim = self._slimmer.slim(call)
        explanation = self._explain(call, slim)
        cost = self._cost(call, explanation)
        return slim, _metrics(call, explanation, cost, self._cacheable(call)), cost

    def _explain(self, call: Call, slim: Call) -> Explanation | None:
        explanation = explain_call(self._lineage, slim)
        if explanation is not None and explanation.earlier is not None and call.prompt is not None:
            before = self._texts.of(explanation.earlier)
            if before is not None:
                explanation = _sharpened(explanation, before, call.prompt)
        if call.prompt is not None and not call.flags & {"error"}:
            self._texts.keep(slim, call.prompt)
        return explanation

    def _cost(self, call: Call, explanation: Explanation | None) -> Cost:
        rates, usage = self._rates_of(call), call.usage
        if rates is None or not (usage.input_total or usage.output):
            return Cost()
        avoidable = None
        if explanation is not None and explanation.avoidable and explanation.tokens:
            avoidable = above_reads(usage, rates, explanation.tokens)
        money, plain = price(usage, rates), without_cache(usage, rates)
        if not money.complete or plain is None:
            return Cost(avoidable=avoidable)
        return Cost(money.high, plain - money.high, avoidable)

    def _rates_of(self, call: Call) -> Rates | None:
        host, total = call.billing.host or call.provider, call.usage.input_total
        key = (*cell_key(call.model, host, call.ts or 0.0, total), call.billing)
        if key not in self._rates:
            if len(self._rates) >= _RATES:
                self._rates.clear()
            flat, own = self._settings.pricing, self._settings.overrides
            known = find_rates(call.model, host, at=call.ts, prompt_tokens=total, billing=call.billing, overrides=own)
            self._rates[key] = rates_from_flat(flat, known) if flat else known
        return self._rates[key]

    def _cacheable(self, call: Call) -> int:
        """What the hit ratio is taken of: read and written; where writes are not reported, the prompt on its grid."""
        usage, host = call.usage, call.billing.host or call.provider
        key = (call.model, host)
        if key not in self._facts:
            if len(self._facts) >= _RATES:
                self._facts.clear()
            self._facts[key] = facts_of(call.model, host, self._settings.overrides or {})
        return max(usage.read + usage.written, self._facts[key].cacheable(usage.input_total) if usage.known else 0)


class _Texts:
    """The latest prompts with their text, by the slim call that stands for them."""

    def __init__(self) -> None:
        self._held: OrderedDict[int, tuple[Call, Prompt, int]] = OrderedDict()
        self._size = 0

    def keep(self, slim: Call, prompt: Prompt) -> None:
        """Keep a prompt, as long as there is room."""
        size = 4 * sum(block.tokens.mid for block in slim.prompt.blocks) if slim.prompt else 0
        self._held[id(slim)] = (slim, prompt, size)
        self._size += size
        while len(self._held) > _TEXTS or (self._size > _TEXT_BYTES and len(self._held) > 1):
            self._size -= self._held.popitem(last=False)[1][2]

    def of(self, slim: Call) -> Prompt | None:
        """The prompt of a call, if it is still here."""
        found = self._held.get(id(slim))
        return found[1] if found is not None and found[0] is slim else None


def _sharpened(found: Explanation, before: Prompt, after: Prompt) -> Explanation:
    """The explanation with the kind of text that changed, and where in it."""
    if found.cause is not Cause.PREFIX_CHANGED:
        return found
    change = next((c for c in changes(before, after) if c.cause == found.cause and c.route == found.route), None)
    if change is None:
        return found
    detail = found.detail if found.detail.startswith("the provider says") else change.detail
    return replace(found, kind=change.kind, offset=change.offset, detail=detail)


def _metrics(call: Call, found: Explanation | None, cost: Cost, cacheable: int) -> CallMetrics:
    missed = found is not None and found.cause is not Cause.COLD
    return CallMetrics(
        provider=call.provider,
        model=call.model,
        prefix_id=call.prefix_id,
        family=call.family,
        labels=call.labels,
        usage=call.usage,
        timestamp=call.ts or 0.0,
        elapsed_ms=call.latency_ms or 0.0,
        ttft_ms=call.ttft_ms,
        cost_usd=_number(cost.paid),
        cost_saved_usd=_number(cost.saved),
        due=_due(call, found),
        cause=found.cause if found else None,
        provider_reason=call.miss,
        detail=found.detail if found else "",
        route=found.route if found else "",
        lost_tokens=found.tokens if found is not None and missed else 0,
        avoidable_usd=_number(cost.avoidable),
        cacheable=cacheable,
        api=call.api,
        id=call.id,
        request_id=call.request_id,
        status=call.status,
        flags=call.flags,
    )


def _due(call: Call, found: Explanation | None) -> bool | None:
    """A hit was due where an earlier call left what this one repeats and that should still live and be readable, which
    a read proves too."""
    if found is not None and found.earlier is not None and found.avoidable:
        return True
    return call.usage.read > 0 if call.usage.known else None


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
