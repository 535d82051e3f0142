"""How old the facts are that a release of cachekit was made with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files

from cachekit.core.pricing.overlay import checked_at

OLD_DAYS = 90
"""From this age on, prices and policies may well have changed since."""

_PLACES = (
    ("models", "cachekit.core.catalog", "models.json", "checked"),
    ("policies", "cachekit.core.catalog.policy", "policy.json", "checked"),
)


def ages(now: float) -> Iterator[tuple[str, str, int]]:
    """Each kind of fact, the day on which it was checked, and the days since. `now`: seconds since 1970 UTC."""
    for name, package, file, key in _PLACES:
        day = str(json.loads(files(package).joinpath(file).read_bytes())[key])
        yield name, day, _days(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp(), now)
    yield "prices", datetime.fromtimestamp(checked_at(), UTC).date().isoformat(), _days(checked_at(), now)


def _days(then: float, now: float) -> int:
    return max(0, int((now - then) // 86_400))
