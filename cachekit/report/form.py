"""A report as JSON, schema `cachekit.report/1`: every key always there, null where a figure is unknown or unpriced."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from cachekit.core.jsonio.dump import dump_json
from cachekit.core.model.usage import WRITES, Usage
from cachekit.report.values import MONTH, Bodies, Comparison, Report, Row

SCHEMA = "cachekit.report/1"


def document(report: Report) -> dict[str, object]:
    """The report as plain values, without its schema. The same calls give the same document, however split."""
    return {
        "by": report.by,
        "first_call": moment(report.first),
        "last_call": moment(report.last),
        "avoidable_usd_a_month": _usd(report.avoidable_a_month),
        "month_days": MONTH / 86400,
        "established": report.established,
        "coverage": report.total.coverage,
        "total": row_form(report.total),
        "rows": [row_form(row) for row in report.rows],
        "families": [row_form(row) for row in report.families],
        "warm": row_form(report.warm) if report.warm else None,
        "split": _split(report),
        "left_out": reasons_by_count(report.tally, "left out: "),
        "repaired": reasons_by_count(report.tally, "note: "),
        "duplicates": report.tally.get("duplicates", 0),
        "skipped": reasons_by_count(report.tally, "skipped: "),
        "unread": {
            "reasons": reasons_by_count(report.tally, "bad: "),
            "examples": [{"path": bad.source, "line": bad.number, "reason": bad.reason} for bad in report.examples],
        },
        "request_bodies": _bodies(report.bodies),
        "formats": sorted(reasons_by_count(report.tally, "format: ")),
        "unpriced_models": dict(report.unpriced),
        "overridden_prices": list(report.overridden),
    }


def to_json(report: Report, extra: Mapping[str, object] | None = None) -> str:
    """The report as JSON text, its line ended; `extra` keys stand last."""
    body = {"schema": SCHEMA, **document(report), **(extra or {})}
    return dump_json(body, indent=2) + "\n"


def row_form(row: Row) -> dict[str, object]:
    """The figures of a row."""
    return {
        "name": row.name,
        "calls": row.calls,
        "known_calls": row.known_calls,
        "hit_ratio": row.hit_ratio,
        "read_share": row.read_share,
        "tokens": tokens_form(row.usage),
        "missed_tokens": row.missed,
        "cost_usd": _usd(row.cost, row),
        "cost_usd_high": _usd(row.cost_high, row),
        "cost_without_cache_usd": _usd(row.without, row),
        "saved_usd": _usd(row.known_saved),
        "avoidable_usd": _usd(row.known_avoidable),
        "avoidable_usd_per_1k_calls": _usd(row.loss_per_1k),
        "coverage": row.coverage,
        "unpriced_calls": row.unpriced_calls,
        "unpriced_tokens": row.unpriced_tokens,
        "reported_usd": float(row.reported) if row.reporting else None,
        "reported_calls": row.reporting,
    }


def tokens_form(usage: Usage) -> dict[str, int]:
    """Tokens by kind; `written` sums the writes, `input_total` all input."""
    counts = {name: getattr(usage, name) for name in ("uncached", "read", *WRITES, "output")}
    return {**counts, "written": usage.written, "input_total": usage.input_total}


def moment(ts: float | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    if ts is None:
        return None
    try:
        return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return None


def reasons_by_count(tally: Mapping[str, int], start: str) -> dict[str, int]:
    """The counts of a tally whose names begin so, without that beginning."""
    return {name.removeprefix(start): number for name, number in tally.items() if name.startswith(start)}


def _usd(amount: Decimal | None, row: Row | None = None) -> float | None:
    return None if amount is None or (row is not None and not row.priced) else float(amount)


def _bodies(found: Bodies | None) -> dict[str, object] | None:
    """Calls that have their request in the log, by number and by cost."""
    if found is None:
        return None
    return {
        "calls": found.having.calls,
        "of_calls": found.of.calls,
        "cost_usd": _usd(found.having.cost, found.of),
        "of_cost_usd": _usd(found.of.cost, found.of),
        "share_of_cost": found.share,
    }


def _split(report: Report) -> dict[str, object] | None:
    if report.split_at is None:
        return None
    return {"at": moment(report.split_at), "families": [_comparison(found) for found in report.splits]}


def _comparison(found: Comparison) -> dict[str, object]:
    return {
        "name": found.name,
        "hit_ratio_change": found.change,
        "before": row_form(found.before) if found.before else None,
        "after": row_form(found.after) if found.after else None,
    }
