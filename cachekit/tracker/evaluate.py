"""What a call amounts to: due or not, why it missed, what it cost. Remembers as much of earlier calls as that needs.

Prompts are kept without their text, with their tokens estimated. Blocks come again and again, so what a block counts is
remembered by its digest, and a prompt of which most blocks were seen before is measured by its new ones alone.
(Measured as a whole, a block may count one token more or less: counts are rounded over the prompt. Whoever uses them
scales them to what was recorded.)
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from decimal import Decimal

from cachekit.core.cache.simulate import measured
from cachekit.core.explain.causes import Cause
from cachekit.core.explain.changes import changes
from cachekit.core.explain.explain import Explanation, explain_call
from cachekit.core.explain.miss_cost import above_reads
from cachekit.core.explain.prefix_history import Lineage
from cachekit.core.jsonio.json_access import mapping
from cachekit.core.model.calls import Call
from cachekit.core.model.prompt import Block, Prompt, Section, Tokens
from cachekit.core.pricing import Rates, cell_key, find_rates, price, rates_from_flat, without_cache
from cachekit.report.folding.facts import Facts, facts_of
from cachekit.tracker.metrics import CallMetrics, Cost
from cachekit.tracker.options import TrackerOptions

_CONVERSATIONS, _FAMILIES, _BLOCKS = 32, 512, 4096
"""Skeletons of earlier calls that are remembered: of a family, families, and blocks by which calls are found again."""

_SIZE = 1 << 16
"""Blocks of all remembered calls, about half a kilobyte each."""

_TEXTS = 64
_TEXT_BYTES = 16 << 20
"""Earlier prompts whose text is kept, to tell what kind of text changed; at most so many characters of blocks."""

_RATES = 4096
_COUNTED = 32_768
_KEPT_OF_BODY = ("prompt_cache_options", "prompt_cache_retention")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A call as it may be kept (its prompt measured, and without text), and what is known of it."""

    call: Call
    metrics: CallMetrics
    cost: Cost


class Evaluator:
    """The history behind causes and prices: bounded, whatever the number of calls."""

    def __init__(self, options: TrackerOptions) -> None:
        self._options = options
        self._history = Lineage(conversations=_CONVERSATIONS, families=_FAMILIES, blocks=_BLOCKS, size=_SIZE)
        self._redactor = Redactor()
        self._texts: OrderedDict[int, tuple[Call, Prompt, int]] = OrderedDict()
        self._text_size = 0
        self._rates: dict[object, Rates | None] = {}
        self._facts: dict[tuple[str, str], Facts] = {}

    def evaluate(self, call: Call) -> Outcome:
        """What a call amounts to after those before it. Calls come about in the order of their start."""
        redacted = self._redactor.redact(call)
        found = explain_call(self._history, redacted)
        if call.prompt is not None:
            if found is not None and found.earlier is not None:
                kept = self._texts.get(id(found.earlier))
                if kept is not None and kept[0] is found.earlier:
                    found = _with_changed_text(found, kept[1], call.prompt)
            if "error" not in call.flags:
                self._keep_text(redacted, call.prompt)
        cost = self._cost(call, found)
        missed = found is not None and found.cause is not Cause.COLD
        metrics = CallMetrics(
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
            due=_is_due(call, found),
            cause=found.cause if found else None,
            provider_reason=call.miss,
            detail=found.detail if found else "",
            route=found.route if found else "",
            lost_tokens=found.tokens if found is not None and missed else 0,
            avoidable_usd=_number(cost.avoidable),
            cacheable=self._cacheable(call),
            api=call.api,
            id=call.id,
            request_id=call.request_id,
            status=call.status,
            flags=call.flags,
        )
        return Outcome(redacted, metrics, cost)

    def _keep_text(self, redacted: Call, prompt: Prompt) -> None:
        """Keep a prompt with its text, as long as there is room, by the redacted call that stands for it."""
        size = 4 * sum(block.tokens.mid for block in redacted.prompt.blocks) if redacted.prompt else 0
        self._texts[id(redacted)] = (redacted, prompt, size)
        self._text_size += size
        while len(self._texts) > _TEXTS or (self._text_size > _TEXT_BYTES and len(self._texts) > 1):
            self._text_size -= self._texts.popitem(last=False)[1][2]

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
            flat, own = self._options.pricing, self._options.overrides
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
            self._facts[key] = facts_of(call.model, host, self._options.overrides or {})
        return max(usage.read + usage.written, self._facts[key].cacheable(usage.input_total) if usage.known else 0)


def _with_changed_text(found: Explanation, before: Prompt, after: Prompt) -> Explanation:
    """The explanation with the kind of text that changed, and where in it."""
    if found.cause is not Cause.PREFIX_CHANGED:
        return found
    change = next((c for c in changes(before, after) if c.cause == found.cause and c.route == found.route), None)
    if change is None:
        return found
    detail = found.detail if found.detail.startswith("the provider says") else change.detail
    return replace(found, kind=change.kind, offset=change.offset, detail=detail)


def _is_due(call: Call, found: Explanation | None) -> bool | None:
    """A hit was due where an earlier call left what this one repeats and that should still live and be readable, which
    a read proves too."""
    if found is not None and found.earlier is not None and found.avoidable:
        return True
    return call.usage.read > 0 if call.usage.known else None


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


class Redactor:
    """Takes the text out of calls. Remembers what blocks count, by model and digest; bounded."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str], Tokens] = {}
        self._hidden: dict[object, Tokens] = {}

    def redact(self, call: Call) -> Call:
        """The call without the text of its request, of which only what later calls are compared with is left."""
        prompt = call.prompt
        if prompt is None:
            return replace(call, request=None)
        counts, hidden = self._measure(prompt)
        blocks = tuple(map(_without_text, prompt.blocks, counts))
        body = {key: prompt.body[key] for key in _KEPT_OF_BODY if key in prompt.body}
        return replace(call, request=None, prompt=replace(prompt, blocks=blocks, notes=(), hidden=hidden, body=body))

    def _measure(self, prompt: Prompt) -> tuple[list[Tokens], Tokens]:
        """The tokens of each block, and the hidden ones, which depend on tools and params alone."""
        model = prompt.scope.model
        head = (model, prompt.params, tuple(b.digest for b in prompt.blocks if b.section is Section.TOOLS))
        hidden = self._hidden.get(head)
        known = [self._tokens.get((model, block.digest)) for block in prompt.blocks]
        new = [block for block, tokens in zip(prompt.blocks, known, strict=True) if tokens is None]
        if hidden is None or 2 * len(new) > len(known):
            new = list(prompt.blocks)
        if new:
            found = measured(replace(prompt, blocks=tuple(new)))
            if len(self._tokens) > _COUNTED or len(self._hidden) > _COUNTED:
                self._tokens.clear()
                self._hidden.clear()
            self._tokens.update({(model, block.digest): block.tokens for block in found.blocks})
            hidden = hidden if hidden is not None else found.hidden
            counted = {block.digest: block.tokens for block in found.blocks}
            known = [counted.get(b.digest, tokens) for b, tokens in zip(prompt.blocks, known, strict=True)]
        self._hidden[head] = hidden or Tokens()
        return [tokens or Tokens() for tokens in known], hidden or Tokens()


def _without_text(block: Block, tokens: Tokens) -> Block:
    """A block without its text; of a tool the type is left, which shows server tools."""
    raw = {"type": mapping(block.raw).get("type")} if block.section is Section.TOOLS else None
    return Block(
        *(block.section, block.route, block.kind, block.role, block.digest, block.template),
        *(block.chunks, tokens, block.mark, raw),
    )
