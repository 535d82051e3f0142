"""What this program is called where others look it up."""

from __future__ import annotations

from cachekit.core.installed import release

NAME = "cachekit"


def version() -> str:
    """The installed version of cachekit; `unknown` for a source tree that was never installed."""
    return release(NAME) or "unknown"
