"""CallMetrics: what is known of one call once it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cachekit.core.explain import Cause
from cachekit.core.usage import Usage


@dataclass(frozen=True, slots=True)
class CallMetrics:
    """One call. Tokens are disjoint: `input_tokens` is the uncached rest of the prompt.

    `timestamp`: when it started, in seconds since 1970 UTC. `cost_usd` and `cost_saved_usd` are None where a token has
    no known price or nothing is known of the usage; a write of unknown lifetime is taken at its dearest. `due`: a hit
    was due; None where that cannot be told. `cause` says why the call read less than was due, or that it was a cold
    start; `detail` and `route` say more, without prompt text. `lost_tokens` were due and not read, `avoidable_usd` is
    what they cost above their price as reads. `cacheable` is what `hit_ratio` is taken of.
    """

    provider: str
    model: str
    prefix_id: str
    family: str
    labels: Mapping[str, str]
    usage: Usage
    timestamp: float
    elapsed_ms: float
    ttft_ms: float | None = None
    cost_usd: float | None = None
    cost_saved_usd: float | None = None
    due: bool | None = None
    cause: Cause | None = None
    provider_reason: str | None = None
    detail: str = ""
    route: str = ""
    lost_tokens: int = 0
    avoidable_usd: float | None = None
    cacheable: int = 0
    api: str = ""
    id: str = ""
    request_id: str = ""
    status: int | None = None
    flags: frozenset[str] = field(default=frozenset())

    @property
    def input_tokens(self) -> int:
        """Tokens that were neither read from the cache nor written to it."""
        return self.usage.uncached

    @property
    def cache_read_tokens(self) -> int:
        """Tokens read from the cache."""
        return self.usage.read

    @property
    def cache_creation_tokens(self) -> int:
        """Tokens written to the cache, whatever their lifetime."""
        return self.usage.written

    @property
    def output_tokens(self) -> int:
        """Tokens of the answer."""
        return self.usage.output

    @property
    def hit_ratio(self) -> float | None:
        """Read of what was cacheable; None when unknown or when nothing was."""
        return self.usage.read / self.cacheable if self.usage.known and self.cacheable else None

    @property
    def read_share(self) -> float | None:
        """Read of all input; None when unknown."""
        return self.usage.read_share

    @property
    def failed(self) -> bool:
        """Whether there was no answer."""
        return "error" in self.flags
