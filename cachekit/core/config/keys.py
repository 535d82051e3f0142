"""The keys that a config file may have, and how each is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from cachekit.core.jsonio.json_access import LARGEST_COUNT
from cachekit.core.model.backends import Backend


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: what it is called, and a reader that answers None for anything else."""

    name: str
    read: Callable[[object], object | None]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _whole(value: object) -> int | None:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT
    return value if good and isinstance(value, int) else None


def _money(value: object) -> Decimal | None:
    """An amount that is not negative. Files give numbers, the environment gives text; both are read exactly."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    amount = Decimal(value)
    return amount if amount.is_finite() and 0 <= amount <= LARGEST_COUNT else None


def _share(value: object) -> float | None:
    amount = _money(value)
    return float(amount) if amount is not None and amount <= 1 else None


def _seconds(value: object) -> float | None:
    amount = _money(value)
    return float(amount) if amount is not None and amount > 0 else None


def _backend(value: object) -> Backend | None:
    try:
        return Backend(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _names(value: object) -> tuple[str, ...] | None:
    good = isinstance(value, list) and value and all(_text(item) for item in value)
    return tuple(value) if good and isinstance(value, list) else None


TEXT = Kind("text", _text)
PATH = Kind("a path", _text)
WHOLE = Kind("a whole number", _whole)
MONEY = Kind("an amount in USD", _money)
SHARE = Kind("a number from 0 to 1", _share)
SECONDS = Kind("a number of seconds above 0", _seconds)
NAMES = Kind("a list of texts", _names)
BACKEND = Kind(f"one of {', '.join(dict.fromkeys(member.value for member in Backend))}", _backend)

DEFAULTS: Mapping[str, Kind] = {"backend": BACKEND, "library_version": TEXT, "log": PATH}

THRESHOLDS: Mapping[str, Kind] = {
    "fail_under": SHARE,
    "max_drop": SHARE,
    "max_loss_usd_per_1k": MONEY,
    "min_calls": WHOLE,
}
"""Each is the default of the option of `report` with this name."""

PRICING: Mapping[str, Kind] = dict.fromkeys(
    ("input", "cache_read", "cache_write_5m", "cache_write_1h", "cache_write_30m", "cache_write_12h", "output"), MONEY
)
"""USD per million tokens, by model."""

POLICY: Mapping[str, Kind] = {"minimum": WHOLE, "ttls": NAMES}
"""Cache policy by model; minimum in tokens."""

WARM_SCOPE: Mapping[str, Kind] = {
    "name": TEXT,
    "backend": BACKEND,
    "request": PATH,
    "interval": SECONDS,
    "ttl": TEXT,
    "breakpoint": WHOLE,
    "region": TEXT,
    "profile": TEXT,
    "base_url": TEXT,
    "budget_usd": MONEY,
    "label": TEXT,
}

SUPPRESS: Mapping[str, Kind] = dict.fromkeys(("rule", "reason", "path", "route"), TEXT)
"""A suppression; rule and reason must be there."""

SINGLE: Mapping[str, Mapping[str, Kind]] = {"defaults": DEFAULTS, "thresholds": THRESHOLDS}
"""Tables with fixed keys; these can also be set in the environment, as CACHEKIT_BACKEND and so on."""

BY_MODEL: Mapping[str, Mapping[str, Kind]] = {"pricing": PRICING, "policy": POLICY}
"""Tables of tables, one for each model."""

FREE: Mapping[str, Kind] = {"models": TEXT, "labels": TEXT}
"""Tables whose keys are the user's: an ARN or alias and its model, a label and its value."""
