"""What counting and pricing need to know of a model: how it caches, and where its price changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cachekit.core.cache.law import DEFAULT_TTL
from cachekit.core.catalog.policy import find_policy, on_grid, ttl_seconds
from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.model.calls import Billing
from cachekit.core.pricing import band_edges, price_band, price_period

NO_PERIOD = -1
_DAY = 86400
_QUARTER = 900

_WRITERS = frozenset({"anthropic", "bedrock", "bedrock-mantle", "claude-on-aws", "vertex", "foundry"})
"""Hosts whose responses report what was written."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A model on a host. `automatic`: its writes are not reported; what reaches `minimum`, on the `grid`, could have
    been read. `life`: seconds that an entry of unknown lifetime is sure to live. `edges`: prompt sizes above which the
    price changes."""

    model: str
    host: str
    automatic: bool
    minimum: int
    grid: int
    life: int
    edges: tuple[int, ...]

    def cacheable(self, total: int) -> int:
        """How many tokens of a prompt could have been read, where only that tells; else 0."""
        return on_grid(total, self.minimum, self.grid) if self.automatic else 0

    def band(self, total: int) -> int:
        """The number of the price band of a whole prompt."""
        return price_band(self.model, self.host, total) if self.edges else 0

    def band_tokens(self, band: int) -> int:
        """A prompt size in a band."""
        return self.edges[band - 1] + 1 if 0 < band <= len(self.edges) else 0

    def period(self, ts: float | None) -> int:
        """The number of the prices in force at a moment."""
        return NO_PERIOD if ts is None else price_period(self.model, self.host, ts)

    def period_of_day(self, midnight: float) -> int | None:
        """The number of the prices in force on a whole day in UTC; None where they change in the course of it."""
        return _period_of_day(self.model, self.host, midnight)


@lru_cache(maxsize=4096)
def _period_of_day(model: str, host: str, midnight: float) -> int | None:
    """Asked at every quarter of an hour: some prices change by the hour of the day."""
    moments = (midnight + moment for moment in range(0, _DAY, _QUARTER))
    periods = {price_period(model, host, moment) for moment in moments}
    return periods.pop() if len(periods) == 1 else None


def facts_of(model: str, host: str, overrides: Mapping[str, object]) -> Facts:
    """What is known of a model. One that no row names counts as its host's models do."""
    policy = find_policy(model, host, overrides)
    named = text(mapping(overrides.get("models")).get(model)) or model
    automatic = policy.style == "automatic" if policy.known else host not in _WRITERS
    life = ttl_seconds(policy.default_ttl) or int(DEFAULT_TTL)
    return Facts(named, host, automatic, policy.minimum, policy.grid, life, band_edges(named, host))


def host_of(billing: Billing, scope_host: str, provider: str) -> str:
    """Who serves a call: what the log says, unless it is an address, else the provider."""
    named_host = next((host for host in (billing.host, scope_host) if host and "." not in host), "")
    return named_host or provider
