"""What this program is called where others look it up."""

from __future__ import annotations

from cachekit.core.libraries.installed import release

NAME = "cachekit"
DISTRIBUTION = "llm-cachekit"
"""The name on the package index: `cachekit` there is somebody else's package."""


def version() -> str:
    """The installed version; `unknown` for a source tree that was never installed."""
    return release(DISTRIBUTION) or "unknown"


def foreign_package() -> str | None:
    """The version of the other package named `cachekit`, where it is installed too. Both own the folder `cachekit`, so
    that whichever came last has overwritten modules of the other."""
    return release(NAME)
