"""`warm`: prefixes kept alive in the provider's cache, with proof and a cap.

Start at `scope.py` for one scope and at `run.py` for many; `minimal.py` says what is sent.
"""

from cachekit.warm.summary import ScopeSummary, WarmSummary
from cachekit.warm.values import Ending, WarmResult, WarmupConfig, WarmVerdict
from cachekit.warm.warmers import AsyncCacheWarmer, CacheWarmer, WarmOptions

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
