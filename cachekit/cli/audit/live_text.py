"""A live proof as text or JSON: measured beside predicted."""

from __future__ import annotations

import json
from dataclasses import fields
from decimal import Decimal

from cachekit.auditing.live import MeasuredCall, Proof
from cachekit.cli.common.findings import plain_number
from cachekit.cli.common.json_form import envelope
from cachekit.cli.common.text import UNKNOWN, Column, styled, table, tokens, usd
from cachekit.core.model.findings import Verdict
from cachekit.core.model.usage import Usage

_COLUMNS = (
    Column("", least=8),
    Column("predicted", number=True),
    Column("first call", number=True),
    Column("second call", number=True),
)


def text(proof: Proof) -> str:
    """For people."""
    first, second = proof.calls[0], proof.calls[1]
    predicted = proof.predicted
    rows = [
        ("written", _band(proof) if predicted.writes else "0", _written(first), _written(second)),
        ("read", _band(proof), _read(first), _read(second)),
        ("ttl", predicted.ttl or "none", first.ttl or "-", second.ttl or "-"),
        ("cost", f"{usd(predicted.first_usd)}, {usd(predicted.second_usd)}", usd(first.usd), usd(second.usd)),
    ]
    return f"\nlive: {proof.model} ({proof.backend.value})\n{table(_COLUMNS, rows)}{_verdict(proof)}\n"


def _band(proof: Proof) -> str:
    cached = proof.predicted.cached
    exact = cached.low == cached.high
    return tokens(cached.mid) if exact else f"{tokens(cached.mid)} ({tokens(cached.low)}-{tokens(cached.high)})"


def _written(call: MeasuredCall) -> str:
    return tokens(call.usage.written) if call.usage.known else UNKNOWN


def _read(call: MeasuredCall) -> str:
    return tokens(call.usage.read) if call.usage.known else UNKNOWN


def _verdict(proof: Proof) -> str:
    paid = f" ({usd(proof.usd)} spent)"
    if not proof.calls[1].usage.known:
        return styled("not proven: the answers say nothing about the cache", "yellow") + paid
    if proof.read:
        return styled("proven: the second call read what the first had cached", "green") + paid
    if proof.read_late:
        return styled("not at once: only a third call, two seconds later, read the cache", "yellow") + paid
    return styled("not proven: no later call read anything", "red") + paid


def as_json(proof: Proof, verdict: Verdict) -> str:
    """The audit's verdict, the prediction and every call."""
    predicted = proof.predicted
    body = {
        "model": proof.model,
        "backend": proof.backend.value,
        "verdict": verdict.value,
        "proven": proof.read if proof.calls[1].usage.known else None,
        "read_late": proof.read_late,
        "usd": proof.usd,
        "predicted": {
            "cached": {"low": predicted.cached.low, "mid": predicted.cached.mid, "high": predicted.cached.high},
            "writes": predicted.writes,
            "ttl": predicted.ttl or None,
            "first_usd": predicted.first_usd,
            "second_usd": predicted.second_usd,
        },
        "calls": [_call(call) for call in proof.calls],
    }
    return envelope("live/1", json.loads(json.dumps(body, default=_plain)))


def _call(call: MeasuredCall) -> dict[str, object]:
    usage = {f.name: getattr(call.usage, f.name) for f in fields(Usage)}
    return {"usage": usage, "usd": call.usd, "ttl": call.ttl or None, "request_id": call.request_id}


def _plain(value: object) -> int | float:
    if isinstance(value, Decimal):
        return plain_number(value)
    raise TypeError(type(value).__name__)
