"""What this program is called where others look it up."""

from __future__ import annotations

NAME = "cachekit"


def version() -> str:
    """The installed version of cachekit. Reading it takes some milliseconds: only outputs that show it ask."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(NAME)
    except PackageNotFoundError:  # a source tree that was never installed
        return "unknown"
