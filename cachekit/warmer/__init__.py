"""`warm`: prefixes kept alive in the provider's cache, with proof and a cap.

Start at `scope.py` for one scope and at `run.py` for many; `minimal.py` says what is sent.
"""

from cachekit.warmer.base import WarmOptions
from cachekit.warmer.summary import ScopeSummary, WarmSummary
from cachekit.warmer.values import Ending, WarmResult, WarmupConfig, WarmVerdict
from cachekit.warmer.warmers import AsyncCacheWarmer, CacheWarmer

__all__ = [
    "CacheWarmer",
    "AsyncCacheWarmer",
    "WarmupConfig",
    "WarmResult",
    "WarmOptions",
    "WarmVerdict",
    "Ending",
    "WarmSummary",
    "ScopeSummary",
]
