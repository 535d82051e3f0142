"""Usage: what a provider billed for one call, as disjoint token counts."""

from __future__ import annotations

from dataclasses import dataclass

WRITES = ("write_5m", "write_1h", "write_30m", "write_12h", "write_unknown")
"""The names of the write counters; each ends in the lifetime of the entry that was written."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Disjoint token counts of one call: their sum, without `output`, is the input total.

    `write_unknown` holds writes whose lifetime the source does not give. `known` is False where the source says
    nothing about caching: every ratio is then None (unknown), never 0. `quality` names what had to be repaired
    (`"negative_clamped"`, `"split_mismatch"`, ...), so that reports can count it.
    """

    uncached: int = 0
    read: int = 0
    write_5m: int = 0
    write_1h: int = 0
    write_30m: int = 0
    write_12h: int = 0
    write_unknown: int = 0
    output: int = 0
    known: bool = True
    quality: tuple[str, ...] = ()

    @property
    def written(self) -> int:
        """Tokens written to the cache, whatever their lifetime."""
        return self.write_5m + self.write_1h + self.write_30m + self.write_12h + self.write_unknown

    @property
    def input_total(self) -> int:
        """All input tokens: uncached, read and written."""
        return self.uncached + self.read + self.written

    @property
    def hit_ratio(self) -> float | None:
        """read / (read + written); None when unknown or when nothing was cacheable."""
        cacheable = self.read + self.written
        return self.read / cacheable if self.known and cacheable else None

    @property
    def read_share(self) -> float | None:
        """read / input total; None when unknown or when there was no input."""
        return self.read / self.input_total if self.known and self.input_total else None
