"""Ticks of a warmer as lines or JSON, its prices before it starts, and its summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal

from cachekit.cli.common.findings import plain_number
from cachekit.cli.common.text import Column, hanging, printable, styled, table, tokens, usd
from cachekit.core.jsonio.dump import dump_json
from cachekit.core.model.usage import Usage
from cachekit.warm.scope import Scope
from cachekit.warm.summary import WarmSummary
from cachekit.warm.values import DEAD, MISSED, Ending, WarmResult, WarmVerdict

STYLES = {
    WarmVerdict.ALIVE: "green",
    WarmVerdict.WARMED: "cyan",
    WarmVerdict.FAILED: "red",
    WarmVerdict.SKIPPED: "dim",
    **dict.fromkeys(MISSED, "yellow"),
}
_TEXT = 40
"""Characters of a text that are shown of what is sent."""

_SHOWN_AS_IT_IS = frozenset({"model", "modelId", "type", "role", "name", "id", "ttl", "mode", "anthropic_version"})


def line(result: WarmResult) -> str:
    """A tick on one line."""
    verdict = styled(f"{result.verdict.value:<11}", STYLES.get(result.verdict, "bold"))
    parts = [clock(result.at), printable(result.scope), verdict]
    if result.verdict not in (WarmVerdict.FAILED, WarmVerdict.SKIPPED):
        parts.append(f"read {tokens(result.usage.read)}, wrote {tokens(result.usage.written)}, {_spent(result)}")
    parts.append(f"next {clock(result.next_due)}" if result.next_due is not None else f"ended: {result.ended.value}")
    if result.detail:
        parts.append(printable(result.detail))
    return "  ".join(parts) + "\n"


def _spent(result: WarmResult) -> str:
    """What a tick cost; with the last one also what all of them did."""
    whole = result.next_due is None and result.tick > 1 and result.spent_usd is not None
    return f"{usd(result.cost_usd)} ({usd(result.spent_usd)} in all)" if whole else usd(result.cost_usd)


def clock(at: float) -> str:
    """The time of day, here."""
    return datetime.fromtimestamp(at).strftime("%H:%M:%S")


def json_line(result: WarmResult) -> str:
    """A tick as a JSON object on one line, every key always there. Times are RFC 3339, money is USD."""
    shown: dict[str, object] = {"schema": "cachekit.warm/1"}
    for field in fields(WarmResult):
        value = getattr(result, field.name)
        shown[field.name] = _moment(value) if field.name in ("at", "next_due") else _plain(value)
    return dump_json(shown) + "\n"


def _moment(at: float | None) -> str | None:
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return plain_number(value)
    if isinstance(value, Usage):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(Usage)}
    return list(value) if isinstance(value, tuple) else value


# --- before it starts -----------------------------------------------------------------------------------------------


def quotes(scopes: Iterable[Scope]) -> str:
    """What each scope is, what a tick and an hour cost, and from when on that pays."""
    return "".join(part for scope in scopes for part in _quote(scope))


def _quote(scope: Scope) -> Iterator[str]:
    ping, interval = scope.ping, scope.state.interval
    every = f"every {interval:g} s" + (" (auto)" if scope.config.interval_seconds == "auto" else "")
    model = printable(ping.prompt.scope.model or "no model named")
    what = f"{model} ({ping.backend.value}), about {tokens(ping.tokens.mid)} tokens, ttl {ping.lifetime.ttl}, {every}"
    yield hanging(f"{printable(scope.name)}: ", what)
    yield from (hanging("  ", cost) for cost in _costs(scope, interval))
    yield from (hanging("  note: ", printable(note)) for note in ping.notes)
    if ping.translated_from is not None:
        yield f"  {ping.translated_from.value} sends: {dump_json(outline(ping.body))}\n"


def _costs(scope: Scope, interval: float) -> Iterator[str]:
    price = scope.quote
    if price is None:
        yield "no price is known for this model"
    else:
        pays = price.break_even(interval)
        pays_from = (
            f"; pays from {pays:,.{0 if pays >= 100 else 1}f} cold starts an hour on" if pays is not None else ""
        )
        first = f"{usd(price.first)} the first time"
        yield f"{usd(price.tick)} a tick ({first}), {usd(price.hour(interval))} an hour{pays_from}"
        if price.output > 0:
            yield f"of that up to {usd(price.output)} for {scope.ping.output:,} output tokens, the least that is taken"
    if scope.config.budget_usd is not None:
        yield f"stops at a budget of {usd(Decimal(str(scope.config.budget_usd)))}"


def outline(value: object, key: str = "") -> object:
    """A body with its long texts cut: what is sent can be read without showing all of the prompt."""
    if isinstance(value, str) and len(value) > _TEXT and key not in _SHOWN_AS_IT_IS:
        return f"{value[:_TEXT]}… ({len(value):,} characters)"
    if isinstance(value, Mapping):
        return {str(name): outline(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [outline(inner, key) for inner in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(type(value).__name__)


def dry(scopes: Sequence[Scope]) -> str:
    """What would be sent, scope by scope."""
    shown = []
    for scope in scopes:
        headers = f"headers: {', '.join(scope.ping.headers)}\n" if scope.ping.headers else ""
        body = dump_json(outline(scope.ping.body), indent=2)
        shown.append(f"{quotes([scope])}{headers}{body}\n")
    return "\n".join(shown)


def dry_json(scopes: Sequence[Scope]) -> str:
    """The same, an object a line."""
    return "".join(dump_json(_dry_object(scope)) + "\n" for scope in scopes)


def _dry_object(scope: Scope) -> dict[str, object]:
    price, interval = scope.quote, scope.state.interval
    pays = price.break_even(interval) if price is not None else None
    return {
        "schema": "cachekit.warm-dry-run/1",
        "scope": scope.name,
        "backend": scope.ping.backend.value,
        "model": scope.ping.prompt.scope.model,
        "tokens": scope.ping.tokens.mid,
        "ttl": scope.ping.lifetime.ttl,
        "interval": interval,
        "usd_first": _plain(price.first) if price is not None else None,
        "usd_tick": _plain(price.tick) if price is not None else None,
        "usd_hour": float(price.hour(interval)) if price is not None else None,
        "break_even_per_hour": float(pays) if pays is not None else None,
        "notes": list(scope.ping.notes),
        "body": outline(scope.ping.body),
    }


# --- while it runs, and at its end ----------------------------------------------------------------------------------

COLUMNS = (
    Column("scope", least=8),
    Column("last", number=True, drop=2),
    Column("verdict", least=8),
    Column("read", number=True, drop=3),
    Column("cost", number=True, drop=1),
    Column("next in", number=True),
)


def live_rows(summary: WarmSummary, now: float) -> list[tuple[str, ...]]:
    """The cells of the live table; `now` in seconds since 1970."""
    return [_live_row(scope.scope, scope.last, scope.spent_usd, now) for scope in summary.scopes]


def _live_row(scope: str, last: WarmResult | None, spent: Decimal | None, now: float) -> tuple[str, ...]:
    if last is None:
        return scope, "", "waiting", "", "", ""
    ahead = f"{max(0.0, last.next_due - now):.0f} s" if last.next_due is not None else last.ended.value
    verdict = styled(last.verdict.value, STYLES.get(last.verdict, "bold"))
    return scope, clock(last.at), verdict, tokens(last.usage.read), usd(spent), ahead


def summary_text(summary: WarmSummary) -> str:
    """What the run came to."""
    columns = (
        Column("scope", least=8),
        *(Column(name, number=True, drop=drop) for name, drop in (("pings", 3), ("read", 1), ("missed", 2))),
        *(Column(name, number=True, drop=drop) for name, drop in (("failed", 0), ("skipped", 4), ("cost", 0))),
        Column("ended", least=8),
    )
    rows = [
        (s.scope, *map(str, (s.ticks, s.alive, s.missed, s.failed, s.skipped)), usd(s.spent_usd), _ended(s.ended))
        for s in summary.scopes
    ]
    shown = table(columns, rows)
    return shown + (f"total: {usd(summary.spent_usd)}\n" if len(rows) > 1 else "")


def _ended(ending: Ending) -> str:
    return styled(ending.value, "red") if ending in DEAD else ending.value
