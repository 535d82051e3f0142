"""`audit --live`: the end-to-end proof. The request is sent twice, under a nonce that no cache has seen, and what was
written and read is compared with what the audit predicts.

The nonce stands in front of all that is cached, so that no older entry can be read. The second call is sent once the
first has been answered; output is kept as short as the API allows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from uuid import uuid4

from cachekit.client.clients import Address, Clients
from cachekit.client.errors import classify_error
from cachekit.client.sending import answer_of, sending_of
from cachekit.core.auditors.audit import AuditOptions, wire_of
from cachekit.core.auditors.forecast import Forecast, forecast
from cachekit.core.cache.implicit import with_policy
from cachekit.core.cache.marks import judge_marks
from cachekit.core.catalog.policy import Policy, find_policy
from cachekit.core.catalog.tokens import measure
from cachekit.core.jsonio.json_access import text
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.backends import Backend, api_of
from cachekit.core.model.errors import OutsideError, UsageError
from cachekit.core.model.findings import Verdict
from cachekit.core.model.prompt import Prompt, Tokens
from cachekit.core.model.routes import parent, resolve, steps
from cachekit.core.model.usage import WRITES, Usage
from cachekit.core.pricing import find_rates
from cachekit.core.providers import lower
from cachekit.core.providers.draft import texts
from cachekit.core.providers.responses import read_response
from cachekit.warm.choice import Choice
from cachekit.warm.minimal import Wanted, least_output, own_body
from cachekit.warm.money import cost_of
from cachekit.warm.ping import Ping
from cachekit.warm.request_source import headers_of, host_of
from cachekit.warm.timing import Lifetime

PAUSE = 2.0
"""Seconds before a third call, where the second read nothing: entries were seen to need a moment."""

Tables = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """`budget`: USD that the proof may cost. `tables`: the user's own `policy`, `models`, `pricing`. The rest are
    arguments so that tests need no network and no time."""

    budget: Decimal
    tables: Tables = field(default_factory=dict)
    library_version: str | None = None
    clients: Clients = field(default_factory=Clients)
    nonce: Callable[[], str] = lambda: uuid4().hex
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the audit predicts: tokens written by the first call and read by the second, the ttl, the cost of each (USD,
    output included), and the most that two calls can cost."""

    cached: Tokens
    writes: bool
    ttl: str
    first_usd: Decimal
    second_usd: Decimal
    most_usd: Decimal


@dataclass(frozen=True, slots=True)
class MeasuredCall:
    """What one call came to. `ttl` of what it wrote, empty where it wrote nothing or the provider does not say."""

    usage: Usage
    usd: Decimal | None
    ttl: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """Two calls beside their prediction; a third one where the second read nothing and the budget allowed it."""

    model: str
    backend: Backend
    predicted: Prediction
    calls: tuple[MeasuredCall, ...]

    @property
    def read(self) -> bool:
        """Whether the second call read."""
        return self.calls[1].usage.read > 0

    @property
    def read_late(self) -> bool:
        """Whether only the third did."""
        return not self.read and any(call.usage.read > 0 for call in self.calls[2:])

    @property
    def usd(self) -> Decimal | None:
        """What the proof cost; None where a call has no price."""
        known = [call.usd for call in self.calls if call.usd is not None]
        return sum(known, Decimal(0)) if len(known) == len(self.calls) else None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A proof before it is paid for."""

    ping: Ping
    predicted: Prediction


def prepare_proof(request: Mapping[str, object], backend: Backend, options: LiveOptions) -> Prepared:
    """The request with its nonce, and what it will cost. Raises UsageError where the library refuses it, where its
    price is not known, or where it could pass the budget."""
    wire = wire_of(request, backend, AuditOptions(library_version=options.library_version))
    if wire.raises is not None:
        raise UsageError(f"nothing can be proven: {wire.raises}", hint="correct the request first")
    policy = find_policy(_model(wire), host_of(request, wire.backend, None), options.tables, api_of(wire.backend))
    plain = lower(wire.body, wire.backend)
    body = with_nonce(own_body(replace(plain, body=wire.body)), plain, options.nonce())
    last = Choice(max(0, len(plain.blocks) - 1))
    made = least_output(body, plain, policy, Wanted(last, cut=False, answer=True))
    prompt = replace(measure(with_policy(lower(made.body, wire.backend), policy)), body=made.body)
    predicted = _predicted(prompt, policy, made.output, options)
    if predicted.most_usd > options.budget:
        raise UsageError(
            f"the proof can cost up to ${predicted.most_usd:.4f}, and the budget is ${options.budget}",
            hint="raise --budget-usd",
        )
    life = Lifetime("", 0.0, 0.0)  # nothing is kept alive here
    headers = headers_of(request, backend)
    return Prepared(
        Ping(wire.backend, made.body, headers, prompt, policy, last, life, made.limit, made.output), predicted
    )


def prove(prepared: Prepared, options: LiveOptions) -> Proof:
    """Sends the request twice, and measures. Raises OutsideError where the provider refuses or cannot be reached."""
    ping, predicted = prepared.ping, prepared.predicted
    calls = [_sent(ping, options), _sent(ping, options)]
    spent = sum((call.usd or predicted.first_usd for call in calls), Decimal(0))
    if not calls[1].usage.read and calls[1].usage.known and spent + predicted.first_usd <= options.budget:
        options.sleep(PAUSE)
        calls.append(_sent(ping, options))
    return Proof(ping.prompt.scope.model, ping.backend, predicted, tuple(calls))


def _model(wire: Wire) -> str:
    return wire.model or text(wire.body.get("model")) or text(wire.body.get("modelId")) or ""


# --- the nonce ------------------------------------------------------------------------------------------------------


def with_nonce(body: dict[str, object], prompt: Prompt, nonce: str) -> dict[str, object]:
    """The body (changed in place) with a nonce in its first block that can take one: in front of a text, or of a tool's
    description. Raises UsageError where no block can."""
    for block in prompt.blocks:
        holder, last = resolve(body, parent(block.route)), steps(block.route)[-1]
        value = holder[last]  # type: ignore[index]  # a block's route leads into an object or a list
        if isinstance(value, str):
            holder[last] = f"[{nonce}] {value}"  # type: ignore[index]
            return body
        if isinstance(value, dict) and _put(value, nonce):
            return body
    raise UsageError("no block of the request can take a nonce", hint="give it a text or a tool with a description")


def _put(block: dict[str, object], nonce: str) -> bool:
    """Puts the nonce into a text block, or into the description of a tool that the user defines."""
    if isinstance(block.get("text"), str):
        block["text"] = f"[{nonce}] {block['text']}"
        return True
    for tool in (block.get("toolSpec"), block.get("function"), block):
        if isinstance(tool, dict) and "name" in tool and ({"input_schema", "inputSchema", "parameters"} & set(tool)):
            tool["description"] = f"[{nonce}] {text(tool.get('description')) or ''}".rstrip()
            return True
    return False


# --- prediction and measurement -------------------------------------------------------------------------------------


def _predicted(prompt: Prompt, policy: Policy, output: int, options: LiveOptions) -> Prediction:
    rates = find_rates(
        prompt.scope.model, policy.host, at=options.now(), prompt_tokens=prompt.total().mid, overrides=options.tables
    )
    found = forecast(prompt, policy, rates) if rates is not None else None
    if rates is None or found is None or rates.output is None:
        model = prompt.scope.model or "the model"
        raise UsageError(
            f"{model} has no price, so no budget can be kept", hint="set one under [pricing] in the config"
        )
    answer = rates.output * output / 1_000_000
    band = Decimal(max(1, prompt.total().high)) / max(1, prompt.total().mid)
    cached, ttl = _cached(prompt, policy, found)
    most = 2 * (found.first * band + answer)
    return Prediction(cached, policy.style == "breakpoints", ttl, found.first + answer, found.following + answer, most)


def _cached(prompt: Prompt, policy: Policy, found: Forecast) -> tuple[Tokens, str]:
    marks = [mark for mark in judge_marks(prompt, policy) if mark.verdict is not Verdict.NO]
    if marks:
        return marks[-1].prefix, marks[-1].ttl
    return Tokens(found.cached, found.cached, found.cached), policy.default_ttl if found.cached else ""


def _sent(ping: Ping, options: LiveOptions) -> MeasuredCall:
    """One call, measured."""
    address, began = Address(ping.backend), options.now()
    try:
        client = options.clients.get(address)
        answer = answer_of(ping.backend, sending_of(ping.outgoing, client, address.timeout)())
    except OutsideError:
        raise
    except Exception as error:
        private = "\n".join(texts(block.raw) for block in ping.prompt.blocks)
        raise OutsideError(f"the call failed: {classify_error(error, private, began).shown()}") from None
    response = read_response(answer, ping.prompt.scope.provider)
    billing = replace(response.billing, host=ping.policy.host)
    cost = cost_of(response.usage, ping, billing, began, options.tables)
    written = [name.removeprefix("write_") for name in WRITES if getattr(response.usage, name)]
    ttl = "" if "unknown" in written else ", ".join(written)
    return MeasuredCall(response.usage, cost, ttl, response.request_id)
