"""Which release of LiteLLM is asked about. Two were measured; a release between them may do either."""

from __future__ import annotations

import re
from dataclasses import dataclass

OLD = "1.80.0"
NEW = "1.106.2"

_NUMBERS = re.compile(r"\s*v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")


@dataclass(frozen=True, slots=True)
class Release:
    """A measured release. `modern`: the newer of the two."""

    name: str
    modern: bool


MODERN = Release(NEW, True)
FORMER = Release(OLD, False)


def between(version: str) -> bool:
    """The version lies after the older measured release and before the newer one."""
    return _numbers(OLD) < _numbers(version) < _numbers(NEW)


def older(version: str) -> bool:
    """The version is older than anything measured."""
    return _numbers(version) < _numbers(OLD)


def release(version: str) -> Release:
    """The measured release that speaks for a version: the newest for what cannot be read and for all that is newer."""
    return FORMER if _numbers(version) <= _numbers(OLD) else MODERN


def _numbers(version: str) -> tuple[int, int, int]:
    """Major, minor, patch; a version that is not numbers (`latest`, `1.x`) is the newest."""
    found = _NUMBERS.match(version) if isinstance(version, str) else None
    if found is None:
        return _numbers(NEW)
    return int(found[1]), int(found[2]), int(found[3] or 0)
