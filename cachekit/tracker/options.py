"""The options of a tracker: its policy for retries, and what all its parts read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cachekit.core.catalog.overrides import Overrides

AlertOn = Literal["any", "due"]


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """Whether a silent miss is sent again: after `delay_ms`, at most `max_retries` times for one call.

    Retries are billed like any call, and so is the miss before them. In all they may cost `budget_usd` and number
    `budget_calls`; None lifts a limit.
    """

    retry_on_miss: bool = False
    delay_ms: float = 2000
    max_retries: int = 1
    budget_usd: float | None = 1.0
    budget_calls: int | None = 1000

    @classmethod
    def miss_aware(
        cls,
        delay_ms: float = 2000,
        max_retries: int = 1,
        *,
        budget_usd: float | None = 1.0,
        budget_calls: int | None = 1000,
    ) -> CachePolicy:
        """Send a call again that missed although a hit was due and nothing had changed. Never a cold start, never a
        stream, never a request with server tools."""
        return cls(True, delay_ms, max_retries, budget_usd, budget_calls)


@dataclass(frozen=True, slots=True)
class TrackerOptions:
    """What the parts of a tracker need to know. `provider` is empty where each call shows it. `pricing` is a flat table
    in USD per million tokens, None for the known prices; `models` names the model behind an alias or an ARN.
    `overrides`: prices and policies by model, as the config has them."""

    provider: str = ""
    threshold: float = 0.6
    alert_on: AlertOn = "any"
    policy: CachePolicy = CachePolicy()
    pricing: Mapping[str, float] | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    history_size: int = 10_000
    keep_request: bool = False
    overrides: Overrides | None = None
