"""Finding what a call's tokens cost: by model, host, date, whole prompt size and the way it was billed."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache

from cachekit.core.catalog.models import Identity, identify, undated, unversioned
from cachekit.core.catalog.overrides import Overrides, override_of, resolve
from cachekit.core.jsonio.json_access import mapping, seconds, text
from cachekit.core.model.calls import Billing
from cachekit.core.pricing.billing import billed
from cachekit.core.pricing.overlay import Entry, billing_host, checked_at, matching, overlay, source_of
from cachekit.core.pricing.rates import WRITE_KINDS, Rates, rates_from_flat
from cachekit.core.pricing.rows import KINDS, Period, Row, Values, decimal, period_at
from cachekit.core.pricing.table import load_table

STANDARD = Billing()

_STABLE = re.compile(r"-00\d$")
"""Google's suffix of a stable version: `gemini-2.0-flash-001`."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A row of the table, a factor over it, and the overlay's entries that led there."""

    row: Row
    times: Decimal = Decimal(1)
    entries: tuple[Entry, ...] = field(default=(), compare=False)


def find_rates(
    model: str,
    host: str,
    *,
    at: float | None = None,
    prompt_tokens: int = 0,
    billing: Billing = STANDARD,
    overrides: Overrides | None = None,
) -> Rates | None:
    """What a call's tokens cost; None for a model without a known price.

    `at`: when the call began, seconds since 1970 UTC; None means the day on which the prices were checked.
    `prompt_tokens`: the whole prompt, read and written tokens included: it decides the band. `overrides` is shaped
    like the config: `pricing."model"` is final, whatever tier or region; `models` names what an alias means. A tier
    or region without a known price gives rates of None, with a note.
    """
    identity = resolve(model, host or billing.host, overrides)
    known = _rates(identity, checked_at() if at is None else at, prompt_tokens, billing)
    flat = override_of(model, identity, overrides, "pricing")
    return rates_from_flat(flat, known) if flat else known


def _rates(identity: Identity, at: float, prompt_tokens: int, billing: Billing) -> Rates | None:
    found = _find(identity)
    if found is None:
        return None
    bill = billed(identity, found.row, billing, (at, prompt_tokens))
    used = (*found.entries, *bill.entries)
    rates = replace(
        _named(bill.values, next(iter(matching("writes", identity)), {})),
        band=max((edge for edge in _edges(found.row) if prompt_tokens > edge), default=0),
        source="; ".join(dict.fromkeys((f"genai-prices {load_table().version}", *map(source_of, used)))),
        checked=max((str(entry.get("checked", "")) for entry in used), default=""),
        notes=(*bill.unknown, *_notes(identity, at)),
    )
    return _unpriced(rates) if bill.unknown else rates.times(found.times * bill.times)


def _unpriced(rates: Rates) -> Rates:
    return Rates(band=rates.band, source=rates.source, checked=rates.checked, notes=rates.notes)


def _named(values: Values, writes: Entry) -> Rates:
    """The columns of a row under the names of Rates, by what this maker's writes are."""
    named = dict(zip(KINDS, values, strict=True))
    rates = Rates(input=named["input"], read=named["read"], output=named["output"])
    short, long = named["write"], _long_write(named, writes)
    if writes.get("plain") is True:
        return rates.having(dict.fromkeys(WRITE_KINDS, rates.input))
    if not writes:  # a price list with one write price has it for every lifetime
        return rates.having({**dict.fromkeys(WRITE_KINDS, short), "write_1h": short if long is None else long})
    columns = {text(writes.get("short")) or "": short, text(writes.get("long")) or "": long}
    return rates.having({kind: rate for kind, rate in columns.items() if kind in WRITE_KINDS})


def _long_write(named: Mapping[str, Decimal | None], writes: Entry) -> Decimal | None:
    """The price of a write with the long lifetime: its own, else as a multiple of the short one or of input."""
    if named["long"] is not None or named["write"] is None:
        return named["long"]
    for column, factor in (("write", writes.get("long_times_short")), ("input", writes.get("long_times_input"))):
        base, times = named[column], decimal(factor)
        if base is not None and times is not None:
            return base * times
    return None


def _notes(identity: Identity, at: float) -> Iterator[str]:
    for entry in matching("notes", identity):
        start, note = seconds(entry.get("from_date")), text(entry.get("note"))
        if note and (start is None or at >= start):
            yield note


@lru_cache(maxsize=4096)
def _find(identity: Identity) -> _Found | None:
    section = f"host:{billing_host(identity.host)}"
    if identity.opaque:
        return None
    if identity.model is not None and section in load_table():
        return _scoped(identity) if section == "host:bedrock" else _plain(section, identity)
    return _listed(identity)


def _plain(section: str, identity: Identity) -> _Found | None:
    row = load_table().row(section, identity.model or "")
    entries = matching("rows", identity)
    return _Found(row, entries=entries) if row else None


def _scoped(identity: Identity) -> _Found | None:
    """Bedrock: the price of the region group itself, else the overlay's factor over a base, else of the scope."""
    table, model = load_table(), identity.model
    entries = tuple(e for e in matching("rows", identity) if e.get("scope") in (None, identity.scope, identity.geo))
    if identity.geo and (own := table.row("host:bedrock", f"{model}|{identity.geo}")):
        return _Found(own, entries=entries)
    for entry in matching("scopes", identity):
        if entry.get("scope") in (None, identity.scope) and entry.get("geo") in (None, identity.geo):
            base = table.row("host:bedrock", f"{model}|{entry.get('of')}")
            times = decimal(entry.get("times"))
            return _Found(base, times, (*entries, entry)) if base and times is not None else None
    row = table.row("host:bedrock", f"{model}|{identity.scope}")
    return _Found(row, entries=entries) if row else None


def _listed(identity: Identity) -> _Found | None:
    """A row under an exact name of a provider's list; ids of gateways that we do not know are asked at OpenRouter."""
    table = load_table()
    provider = text(mapping(overlay().get("providers")).get(identity.host)) or identity.host
    if provider not in table or provider.startswith("host:"):
        provider = "openrouter" if "/" in identity.name else ""
    rows = (table.row(provider, name) for name in _listed_names(identity, provider)) if provider else ()
    return next((_Found(row) for row in rows if row), None)


def _listed_names(identity: Identity, provider: str) -> Iterator[str]:
    """The name as it stands, then without what is no part of it: the provider's own prefix, a version, a date."""
    name = identity.name
    head, _, tail = name.partition("/")
    names = [name, tail] if tail and head.replace("_", "-") in (provider, identity.host) else [name]
    if provider == "aws":
        prefix = {"global": "global.", "geo": f"{identity.geo}."}.get(identity.scope, "")
        names = [] if identity.scope == "us-gov" else [prefix + name, name]
        names += [unversioned(one) for one in names]
    if provider == "google":
        names += [_STABLE.sub("", one) for one in names]
    yield from dict.fromkeys((*names, *map(undated, names)))


def _edges(row: Row) -> tuple[int, ...]:
    periods = (*row.periods, *(period for _, tier in row.tiers for period in tier))
    return tuple(sorted({band.above for period in periods for band in period.bands if band.above}))


@lru_cache(maxsize=4096)
def band_edges(model: str, host: str) -> tuple[int, ...]:
    """The prompt sizes (tokens of the whole prompt) above which the price changes, ascending."""
    found = _find(identify(model, host))
    return _edges(found.row) if found else ()


@lru_cache(maxsize=4096)
def date_edges(model: str, host: str) -> tuple[float, ...]:
    """The moments (seconds since 1970 UTC) from which another price holds, ascending. Prices that change by the hour
    of the day (DeepSeek's own) are not in it: `price_period` knows those too."""
    found = _find(identify(model, host))
    if not found:
        return ()
    dated = [found.row.periods, *(tier for _, tier in found.row.tiers if len(tier) > 1)]
    return tuple(sorted({period.start for periods in dated for period in periods if period.start}))


def price_band(model: str, host: str, prompt_tokens: int) -> int:
    """The number of the price band of a whole prompt, from 0: calls of one band and period have one price."""
    edges = band_edges(model, host)
    return bisect_left(edges, prompt_tokens) if edges else 0


def price_period(model: str, host: str, at: float) -> int:
    """A number for the prices in force at a moment: calls of one band and period have one price."""
    edges, periods = date_edges(model, host), _windows(model, host)
    dated = bisect_right(edges, at) if edges else 0
    return dated * (len(periods) + 1) + periods.index(period_at(periods, at)) if periods else dated


@lru_cache(maxsize=4096)
def _windows(model: str, host: str) -> tuple[Period, ...]:
    found = _find(identify(model, host))
    periods = found.row.periods if found else ()
    return periods if any(period.window for period in periods) else ()


def cell_key(model: str, host: str, at: float, prompt_tokens: int) -> tuple[str, str, int, int]:
    """What calls must share, besides their billing, for their token counts to be summed and priced once."""
    return model, host, price_period(model, host, at), price_band(model, host, prompt_tokens)
