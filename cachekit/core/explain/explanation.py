"""The value: why one call missed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cachekit.core.explain.causes import NOT_DUE, Cause
from cachekit.core.model.calls import Call


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one call missed. `tokens` could have been read and were not (for a cold start: written), never more than all
    that the call did not read; `usd` is at stake: what they cost above their price as reads, None when unpriced, and
    for a cold start. `kind` says what changed, where something did; `gap` is the time since the earlier call in
    seconds. `inferred` causes come from usage and time alone."""

    call: Call
    cause: Cause
    detail: str
    tokens: int = 0
    usd: Decimal | None = None
    route: str = ""
    kind: str = ""
    offset: int = -1
    earlier: Call | None = None
    gap: float | None = None
    inferred: bool = False
    provider_reason: str | None = None

    @property
    def avoidable(self) -> bool:
        """Whether a read was due, so that the miss cost more than it had to."""
        return self.cause not in NOT_DUE


def cold(call: Call) -> Explanation | None:
    """A cold start: what was written and never seen before. None where nothing was written, or something read."""
    usage = call.usage
    if not usage.written or usage.read:
        return None
    sentence = (
        "no earlier call has this prefix" if call.prompt is not None else "no earlier call is known to have this prefix"
    )
    return Explanation(call, Cause.COLD, sentence, usage.written, provider_reason=call.miss)
