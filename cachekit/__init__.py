"""cachekit: did the prompt cache work, why not, and what did that cost?

The public names are imported on first use, so that `import cachekit` costs nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing for it would take as long as starting Python

if TYPE_CHECKING:
    from cachekit.auditing.audit import audit as audit
    from cachekit.capturing import capture as capture
    from cachekit.core.auditors.compare import compare as compare
    from cachekit.core.auditors.report import AuditReport as AuditReport
    from cachekit.core.auditors.stable_prefix import assert_stable_prefix as assert_stable_prefix
    from cachekit.core.auditors.suggest import suggest_breakpoints as suggest_breakpoints
    from cachekit.core.cache.simulate import simulate as simulate
    from cachekit.core.explain.explain import explain as explain
    from cachekit.core.libraries.estimate import estimate_tokens as estimate_tokens
    from cachekit.core.logs.calls import Calls as Calls
    from cachekit.core.logs.calls import read_calls as read_calls
    from cachekit.core.logs.native_write import CallLog as CallLog
    from cachekit.core.model.backends import Backend as Backend
    from cachekit.core.model.backends import Provider as Provider
    from cachekit.core.model.calls import Call as Call
    from cachekit.core.pricing import DEFAULT_PRICING as DEFAULT_PRICING
    from cachekit.core.providers.families import fingerprint as fingerprint
    from cachekit.core.providers.responses import parse_usage as parse_usage
    from cachekit.report import Reporter as Reporter
    from cachekit.tracker import CachePolicy as CachePolicy
    from cachekit.tracker import CacheTracker as CacheTracker
    from cachekit.tracker import CallMetrics as CallMetrics
    from cachekit.warm import AsyncCacheWarmer as AsyncCacheWarmer
    from cachekit.warm import CacheWarmer as CacheWarmer
    from cachekit.warm import WarmResult as WarmResult
    from cachekit.warm import WarmupConfig as WarmupConfig

_WHERE = {
    "audit": "cachekit.auditing.audit",
    "AuditReport": "cachekit.core.auditors.report",
    "assert_stable_prefix": "cachekit.core.auditors.stable_prefix",
    "Backend": "cachekit.core.model.backends",
    "Provider": "cachekit.core.model.backends",
    "Call": "cachekit.core.model.calls",
    "capture": "cachekit.capturing",
    "compare": "cachekit.core.auditors.compare",
    "explain": "cachekit.core.explain.explain",
    "fingerprint": "cachekit.core.providers.families",
    "CallLog": "cachekit.core.logs.native_write",
    "read_calls": "cachekit.core.logs.calls",
    "Calls": "cachekit.core.logs.calls",
    "DEFAULT_PRICING": "cachekit.core.pricing",
    "parse_usage": "cachekit.core.providers.responses",
    "simulate": "cachekit.core.cache.simulate",
    "suggest_breakpoints": "cachekit.core.auditors.suggest",
    "estimate_tokens": "cachekit.core.libraries.estimate",
    "Reporter": "cachekit.report",
    "CacheWarmer": "cachekit.warm",
    "AsyncCacheWarmer": "cachekit.warm",
    "WarmupConfig": "cachekit.warm",
    "WarmResult": "cachekit.warm",
    "CachePolicy": "cachekit.tracker",
    "CacheTracker": "cachekit.tracker",
    "CallMetrics": "cachekit.tracker",
}
"""Each public name and the module that holds it."""

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module 'cachekit' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
