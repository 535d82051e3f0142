"""A recorded call, and the call log (ndjson, version 1) that holds calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cachekit.core.model.prompt import Prompt, Scope
from cachekit.core.model.usage import Usage


@dataclass(frozen=True, slots=True)
class Billing:
    """What changes the price of a call besides its model: service tier, fast mode, geography, batch, host."""

    tier: str = ""
    speed: str = ""
    geo: str = ""
    batch: bool = False
    host: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One call to a provider. `ts` is when the request started, in seconds since 1970 UTC, None when unknown.

    `prefix_id` identifies the exact cacheable prefix, `family` the call site that should share one. `miss` is the
    provider's own reason. `flags`: `stream`, `incomplete`, `warm`, `retry`, `error`, `response_cache`, ...
    """

    usage: Usage
    ts: float | None = None
    id: str = ""
    request_id: str = ""
    provider: str = ""
    api: str = ""
    model: str = ""
    scope: Scope = Scope()
    billing: Billing = Billing()
    latency_ms: float | None = None
    ttft_ms: float | None = None
    status: int | None = None
    flags: frozenset[str] = frozenset()
    prefix_id: str = ""
    family: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    miss: str | None = None
    prompt: Prompt | None = None
    request: Mapping[str, object] | None = field(default=None, repr=False)
    meta: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line or record that could not be read: where, and why. The lines beside it are not lost."""

    number: int
    reason: str
    source: str = ""
