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
from cachekit.core.prompt import Block, Prompt, Section
from cachekit.core.shape import mapping
from cachekit.core.stakes import above_reads
from cachekit.report.facts import Facts, facts_of
from cachekit.tracker.metrics import CallMetrics
from cachekit.tracker.options import Settings
from cachekit.tracker.totals import Cost

_CONVERSATIONS, _FAMILIES, _BLOCKS = 32, 512, 4096
"""Skeletons of earlier calls that are remembered: of a family, families, and blocks by which calls are found again."""

_TEXTS = 64
_TEXT_BYTES = 16 << 20
"""Earlier prompts whose text is kept, to tell what kind of text changed; at most so many characters of blocks."""

_RATES = 4096
_KEPT_OF_BODY = ("prompt_cache_options", "prompt_cache_retention")


class Judge:
    """The state behind causes and prices: bounded, whatever the number of calls."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lineage = Lineage(conversations=_CONVERSATIONS, families=_FAMILIES, blocks=_BLOCKS)
        self._texts = _Texts()
        self._rates: dict[object, Rates | None] = {}
        self._facts: dict[tuple[str, str], Facts] = {}

    def judge(self, call: Call) -> tuple[CallMetrics, Cost]:
        """The metrics of a call, the calls before it being known. Calls come about in the order of their start."""
        explanation = self._explain(call)
        cost = self._cost(call, explanation)
        return _metrics(call, explanation, cost, self._cacheable(call)), cost

    def _explain(self, call: Call) -> Explanation | None:
        slim = _slim(call)
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
            known = find_rates(call.model, host, at=call.ts, prompt_tokens=total, billing=call.billing)
            flat = self._settings.pricing
            self._rates[key] = rates_from_flat(flat, known) if flat else known
        return self._rates[key]

    def _cacheable(self, call: Call) -> int:
        """What the hit ratio is taken of: read and written; where writes are not reported, the prompt on its grid."""
        usage, host = call.usage, call.billing.host or call.provider
        key = (call.model, host)
        if key not in self._facts:
            if len(self._facts) >= _RATES:
                self._facts.clear()
            self._facts[key] = facts_of(call.model, host, {})
        return max(usage.read + usage.written, self._facts[key].cacheable(usage.input_total) if usage.known else 0)


class _Texts:
    """The latest prompts with their text, by the slim call that stands for them."""

    def __init__(self) -> None:
        self._held: OrderedDict[int, tuple[Call, Prompt, int]] = OrderedDict()
        self._size = 0

    def keep(self, call: Call, prompt: Prompt) -> None:
        size = 4 * sum(block.tokens.high for block in prompt.blocks)
        self._held[id(call)] = (call, prompt, size)
        self._size += size
        while len(self._held) > _TEXTS or (self._size > _TEXT_BYTES and len(self._held) > 1):
            self._size -= self._held.popitem(last=False)[1][2]

    def of(self, call: Call) -> Prompt | None:
        found = self._held.get(id(call))
        return found[1] if found is not None and found[0] is call else None


def _slim(call: Call) -> Call:
    """The call without the text of its request, of which only what later calls are held against is left."""
    prompt = call.prompt
    if prompt is None:
        return replace(call, request=None)
    body = {key: prompt.body[key] for key in _KEPT_OF_BODY if key in prompt.body}
    blocks = tuple(map(_bare, prompt.blocks))
    return replace(call, request=None, prompt=replace(prompt, blocks=blocks, body=body, notes=()))


def _bare(block: Block) -> Block:
    """A block without its text; of a tool the type is left, by which server tools are known."""
    raw = None
    if block.section is Section.TOOLS:
        raw = {"type": mapping(block.raw).get("type")}
    return Block(
        *(block.section, block.route, block.kind, block.role, block.digest, block.template),
        *(block.chunks, block.tokens, block.mark, raw),
    )


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
    """A hit was due where an earlier call left what this one repeats, which a read proves too."""
    if found is not None and found.earlier is not None:
        return True
    return call.usage.read > 0 if call.usage.known else None


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
