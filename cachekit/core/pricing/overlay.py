"""Our own short list of prices over genai-prices: overlay.json, and which of its entries speaks of a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cachekit.core.catalog.models import Identity, rows_of_models
from cachekit.core.jsonio.json_access import items, mapping, seconds, text

Entry = Mapping[str, object]

PATH = Path(__file__).with_name("overlay.json")

_SAME_BILL = {"claude-on-aws": "anthropic", "bedrock-mantle": "bedrock"}
"""Hosts that charge another host's prices."""


@lru_cache(maxsize=1)
def overlay() -> Mapping[str, object]:
    """The whole file."""
    return mapping(json.loads(PATH.read_bytes()))


def billing_host(host: str) -> str:
    """The host whose prices a host charges."""
    return _SAME_BILL.get(host, host)


def checked_at() -> float:
    """The day on which the overlay was checked, in seconds since 1970 UTC."""
    return seconds(overlay().get("checked")) or 0.0


def entries(section: str) -> tuple[Entry, ...]:
    """The entries of a section, in order; the first that matches speaks."""
    own = rows_of_models("prices") if section == "rows" else ()
    return (*map(mapping, items(overlay().get(section))), *own)


def matching(section: str, identity: Identity) -> tuple[Entry, ...]:
    """The entries of a section that speak of a model on a host."""
    return tuple(entry for entry in entries(section) if _speaks_of(entry, identity))


def _speaks_of(entry: Entry, identity: Identity) -> bool:
    host, maker, model = (text(entry.get(key)) for key in ("host", "maker", "model"))
    models = items(entry.get("models"))
    return (
        host in (None, billing_host(identity.host))
        and maker in (None, identity.maker)
        and model in (None, identity.model)
        and (not models or identity.model in models)
        and _in_versions(entry, identity)
    )


def _in_versions(entry: Entry, identity: Identity) -> bool:
    first, below = items(entry.get("from")), items(entry.get("below"))
    if not first and not below:
        return True
    if identity.version is None:
        return False
    return (not first or identity.version >= tuple(first)) and (not below or identity.version < tuple(below))


def source_of(entry: Entry) -> str:
    """Where an entry is from, in words."""
    named = mapping(overlay().get("sources"))
    return "; ".join(str(named.get(str(key), key)) for key in items(entry.get("source")))
