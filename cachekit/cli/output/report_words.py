"""The sentences of a report, shared by text and Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from cachekit.cli.output.text import percent, usd
from cachekit.report.form import told
from cachekit.report.values import Report, Row

_REPAIRED = {
    "split_mismatch": "write splits that do not add up were priced as a range",
    "negative_clamped": "negative counts were taken as 0",
    "not_a_count": "counts that are none were taken as 0",
    "bad_count": "counts that are none were left out",
    "no_input_count": "calls tell no input tokens",
    "body_disagrees": "logged bodies count otherwise than their record, which was believed",
    "compaction_added": "calls had tokens of a compaction added, which their totals leave out",
    "advisor_not_counted": "calls asked another model besides, whose tokens are not counted",
    "tool_use_prompt_not_counted": "calls have tool-use prompt tokens that are not counted",
    "count_too_large": "counts too large to be true were taken as 0",
    "no_usage": "calls say nothing of their usage",
    "time_without_zone": "times without a zone were taken as UTC",
    "time_not_rfc3339": "times were numbers, not RFC 3339",
    "time_unreadable": "times could not be read",
    "reinterpreted": "calls count their cached tokens otherwise than their format means to",
}


_LEFT_OUT = {
    "error": "failed calls",
    "response_cache": "answers from a response cache",
    "synthetic": "lines that no API call made",
    "outside of the window": "calls outside of the window",
    "no time": "calls without a time",
}


def headline(report: Report) -> str:
    """What could be saved at the log's rate, and how much of the log says so."""
    figure = avoidable(report) if report.total.established else "not established"
    return f"avoidable: {figure}; {coverage(report)}"


def coverage(report: Report) -> str:
    """How much of the log's cost the headline rests on."""
    if report.total.coverage is None:
        return "there is no cost to explain"
    return f"{percent(report.total.coverage)} of the log's cost is explained and known"


def avoidable(report: Report) -> str:
    """What could be saved, a month at the log's rate where it has one."""
    if report.avoidable_a_month is None:
        return f"{usd(report.total.avoidable)} in this log"
    return f"{usd(report.avoidable_a_month)} a month"


def figures(report: Report) -> list[tuple[str, str]]:
    """The figures of all calls, by name."""
    total = report.total
    money = total.priced and total.calls
    return [
        ("hit ratio", percent(total.hit_ratio)),
        ("read share", percent(total.read_share)),
        ("cost", _cost(total) if money else usd(None)),
        ("without a cache", usd(total.without if money else None)),
        ("net saved", usd(total.saved if money else None)),
    ]


def _cost(row: Row) -> str:
    return usd(row.cost) if row.cost == row.cost_high else f"{usd(row.cost)} to {usd(row.cost_high)}"


def span(report: Report) -> str:
    """How many calls, and when."""
    calls = f"{report.total.calls:,} call{'' if report.total.calls == 1 else 's'}"
    if report.first is None or report.last is None:
        return f"{calls}, without times"
    return f"{calls} from {_minute(report.first)} to {_minute(report.last)} UTC ({_length(report.last - report.first)})"


def _minute(ts: float) -> str:
    try:
        return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "unknown"


def _length(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def remarks(report: Report) -> Iterator[str]:
    """What else to know, a sentence each."""
    if report.total.avoidable and not report.total.established:
        yield f"avoidable: at least {avoidable(report)}, by what is known"
    if report.warm is not None:
        warm = report.warm
        cost = usd(warm.cost if warm.priced else None)
        yield f"warm: {warm.calls:,} calls that kept caches alive cost {cost}; they are in no other figure"
    if report.unpriced:
        models = ", ".join(f"{model} ({calls:,} calls)" for model, calls in report.unpriced.items())
        yield f"unpriced: {models}: in no figure of money"
    if report.overridden:
        yield f"prices of your own: {', '.join(report.overridden)}"
    if report.total.known_calls < report.total.calls:
        silent = report.total.calls - report.total.known_calls
        yield f"unknown: {silent:,} calls say nothing of the cache: in no ratio"
    yield from _counted(report)


def _counted(report: Report) -> Iterator[str]:
    if left := told(report.tally, "left out: "):
        yield f"left out: {', '.join(f'{number:,} {_LEFT_OUT.get(name, name)}' for name, number in left.items())}"
    if repaired := told(report.tally, "note: "):
        parts = (f"{number:,} {_REPAIRED.get(name, name)}" for name, number in repaired.items())
        yield f"repaired: {'; '.join(parts)}"
    if duplicates := report.tally.get("duplicates"):
        yield f"duplicates: {duplicates:,} records of calls that were counted once"
    if skipped := told(report.tally, "skipped: "):
        yield f"skipped: {', '.join(f'{number:,} {name}' for name, number in skipped.items())}"
    if unread := told(report.tally, "bad: "):
        yield f"not read: {'; '.join(f'{number:,} x {name}' for name, number in unread.items())}"
