"""Compiling genai-prices, under our overlay, to the small table that every start reads.

genai-prices takes 0.2 s to import, so this runs once for each of its versions. It is always asked with its provider.
Models that we know by a canonical id are asked by the documented ids of each host and stand in sections of their own
(`host:bedrock`); all other rows are kept under their exact names only, because its patterns (`contains`,
`startswith`) also match models that it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal

from genai_prices import types as gp
from genai_prices.data import providers

from cachekit.core.catalog.models import Model, all_models
from cachekit.core.jsonio.json_access import mapping, seconds, text
from cachekit.core.pricing.overlay import Entry, entries
from cachekit.core.pricing.rows import KINDS, Band, Period, Row, Values, decimal, encode_row

Section = dict[str, Row]

_COLUMNS = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok", "output_mtok")
_MAKERS = {
    "anthropic": "anthropic",
    "openai": "openai",
    "azure": "openai",
    "foundry": "anthropic",
    "vertex": "anthropic",
}
_PROVIDERS = {"foundry": "azure", "vertex": "google"}


def compiled_sections() -> Iterator[tuple[str, str]]:
    """Each section of the table as its name and its JSON: `{"names": {name: index}, "rows": [row]}`."""
    for provider in providers:
        yield provider.id, _dump(_named_rows(provider))
    for host in (*_MAKERS, "bedrock"):
        section = dict(_known_rows(host))
        for entry in entries("rows"):
            if entry.get("host") == host:
                section.update(_overlaid(section, entry))
        yield f"host:{host}", _dump(section)


def _dump(section: Mapping[str, Row]) -> str:
    rows: dict[Row, int] = {}
    names = {name: rows.setdefault(row, len(rows)) for name, row in section.items()}
    return json.dumps({"names": names, "rows": [encode_row(row) for row in rows]}, separators=(",", ":"))


def _named_rows(provider: gp.Provider) -> Section:
    """The rows of a provider under the names that it lists; the first row that has a name keeps it."""
    section: Section = {}
    for model in provider.models:
        row = _row(model, with_tiers=True)
        for name in (model.id, *_literals(model.match)) if row else ():
            section.setdefault(name.lower().rstrip("-@"), row) if row else None
    return section


def _literals(clause: object) -> Iterator[str]:
    if isinstance(clause, (gp.ClauseOr, gp.ClauseAnd)):
        for part in clause.or_ if isinstance(clause, gp.ClauseOr) else clause.and_:
            yield from _literals(part)
    for name in ("equals", "starts_with", "contains", "ends_with"):
        value = getattr(clause, name, None)
        if isinstance(value, str):
            yield value


def _known_rows(host: str) -> Iterator[tuple[str, Row]]:
    """The rows of the models that we know on a host, under their canonical id; on Bedrock with the price scope."""
    for model in all_models():
        if host == "bedrock" and model.bedrock:
            for scope, prefix in (("global", "global."), ("geo", "us."), ("in-region", "")):
                if row := _find_row("aws", prefix + model.bedrock):
                    yield f"{model.id}|{scope}", row
        elif host != "bedrock" and model.maker == _MAKERS[host] and (row := _find_on_host(host, model)):
            yield model.id, row


def _find_on_host(host: str, model: Model) -> Row | None:
    return _find_row(_PROVIDERS.get(host, host), model.id)


def _find_row(provider_id: str, name: str) -> Row | None:
    provider = next((provider for provider in providers if provider.id == provider_id), None)
    model = provider.find_model(name, all_providers=providers) if provider else None
    if provider is None or model is None:
        return None
    # the tier prices of a model lent by another provider are that provider's
    return _row(model, with_tiers=any(model is own for own in provider.models))


def _row(model: gp.ModelInfo, *, with_tiers: bool) -> Row | None:
    prices = model.prices if isinstance(model.prices, list) else [gp.ConditionalPrice(prices=model.prices)]
    periods = tuple(_period(part.prices, part.constraint) for part in prices)
    if model.id.endswith(":free"):
        return Row((Period((Band(0, (Decimal(0),) * len(KINDS)),)),))
    if not any(band.values[0] is not None for period in periods for band in period.bands):
        return None  # priced by hours, images or characters
    return Row(periods, tuple(_tiers(model)) if with_tiers else ())


def _period(prices: gp.ModelPrice, constraint: object) -> Period:
    columns = [getattr(prices, column) for column in _COLUMNS]
    edges = {tier.start for column in columns if isinstance(column, gp.TieredPrices) for tier in column.tiers}
    bands = tuple(Band(edge, tuple(_value(column, edge) for column in columns)) for edge in sorted({0, *edges}))
    if isinstance(constraint, gp.TimeOfDateConstraint):
        return Period(bands, window=(_second(constraint.start_time), _second(constraint.end_time)))
    if isinstance(constraint, gp.StartDateConstraint):
        midnight = datetime.combine(constraint.start_date, time(), UTC)
        return Period(bands, midnight.timestamp())
    return Period(bands)


def _value(column: object, above: int) -> Decimal | None:
    if isinstance(column, gp.TieredPrices):
        return next((tier.price for tier in reversed(column.tiers) if above >= tier.start), column.base)
    return column if isinstance(column, Decimal) else None


def _second(moment: time) -> int:
    day = datetime.combine(datetime(2000, 1, 1, tzinfo=UTC), moment, moment.tzinfo or UTC).astimezone(UTC)
    return day.hour * 3600 + day.minute * 60 + day.second


def _tiers(model: gp.ModelInfo) -> Iterator[tuple[str, tuple[Period, ...]]]:
    found: dict[str, list[Period]] = {}
    for variant in model.price_variants or ():
        name = variant.when.get("processing") or variant.when.get("service_tier") or variant.when.get("speed")
        period = _period(variant.prices, variant.constraint)
        if name and len(variant.when) == 1 and any(v is not None for band in period.bands for v in band.values):
            found.setdefault(name, []).append(period)
    for name, periods in found.items():
        yield name, tuple(sorted(periods, key=lambda period: period.start or 0.0))


def _overlaid(section: Section, entry: Entry) -> Section:
    """The rows that an entry adds or changes."""
    model, scope = text(entry.get("model")) or "", text(entry.get("scope"))
    key = f"{model}|{scope}" if scope else model
    if twin := text(entry.get("same_as")):
        found = {name: row for name, row in section.items() if name.partition("|")[0] == twin}
        return {name.replace(twin, model, 1): row for name, row in found.items()}
    if entry.get("bands") is False:
        return {model: _flat(section[model])} if model in section else {}
    rates = mapping(entry.get("rates"))
    until = seconds(entry.get("until"))
    if key not in section:
        return {key: Row((Period((Band(0, tuple(decimal(rates.get(kind)) for kind in KINDS)),)),))}
    return {key: _changed(section[key], rates, until)}


def _flat(row: Row) -> Row:
    def first(periods: tuple[Period, ...]) -> tuple[Period, ...]:
        return tuple(replace(period, bands=period.bands[:1]) for period in periods)

    return Row(first(row.periods), tuple((name, first(periods)) for name, periods in row.tiers))


def _changed(row: Row, rates: Mapping[str, object], until: float | None) -> Row:
    """The row with some of its prices replaced, for good or until a moment."""
    changed = tuple(
        replace(period, bands=tuple(Band(band.above, _merged(band.values, rates)) for band in period.bands))
        for period in row.periods
    )
    after = tuple(replace(period, start=max(until, period.start or until)) for period in row.periods) if until else ()
    return Row(changed + after, row.tiers)


def _merged(values: Values, rates: Mapping[str, object]) -> Values:
    """`"input"` as a price means the price of input."""
    named = dict(zip(KINDS, values, strict=True))
    return tuple(
        (named["input"] if rates[kind] == "input" else decimal(rates[kind])) if kind in rates else named[kind]
        for kind in KINDS
    )
