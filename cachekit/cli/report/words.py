"""The sentences of a report, shared by text and Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from cachekit.cli.common.text import UNKNOWN, percent, usd
from cachekit.report.form import reasons_by_count
from cachekit.report.options import UNASSIGNED
from cachekit.report.values import Bodies, Report, Row

_SHOWN = 6
"""Rows of which a remark tells one by one."""

_REPAIRED = {
    "split_mismatch": ("write", "whose split does not add up, priced as a range"),
    "negative_clamped": ("negative count", "taken as 0"),
    "not_a_count": ("unreadable count", "taken as 0"),
    "bad_count": ("unreadable count", "left out"),
    "no_input_count": ("call", "without a count of input tokens"),
    "body_disagrees": ("record", "believed, though its body counts otherwise"),
    "compaction_added": ("call", "with tokens of a compaction added, which the total leaves out"),
    "advisor_not_counted": ("call", "that asked another model besides, whose tokens are not counted"),
    "declined_not_counted": ("call", "after another model declined, whose tokens are not counted"),
    "declined_priced": ("declined attempt", "priced at its own model, which the invoice is not confirmed to do"),
    "invoice_may_count_cached_twice": (
        "call",
        "to an OpenAI model on Bedrock, whose cached tokens the invoice is reported to count twice",
    ),
    "overlap_counted_once": ("call", "whose tokens were reported as read and as written, counted once as read"),
    "output_from_result": ("call", "whose output count is what the run's result has beyond its messages"),
    "tool_use_prompt_not_counted": ("call", "with tool-use prompt tokens that are not counted"),
    "count_too_large": ("count", "too large to be true, taken as 0"),
    "no_usage": ("call", "without any usage"),
    "time_without_zone": ("time", "without a zone, taken as UTC"),
    "time_not_rfc3339": ("time", "given as a number, not as RFC 3339"),
    "time_unreadable": ("time", "that could not be read"),
    "reinterpreted": ("call", "with cached tokens counted otherwise than the format means to"),
}


_LEFT_OUT = {
    "error": ("failed call", ""),
    "response_cache": ("answer", "from a response cache"),
    "synthetic": ("line", "that no API call made"),
    "outside of the window": ("call", "outside of the window"),
    "no time": ("call", "without a time"),
}


def headline(report: Report) -> str:
    """What could be saved at the log's rate, and how much of the log says so."""
    figure = avoidable(report) if report.established else "not established"
    return f"avoidable: {figure}; {coverage(report)}"


def coverage(report: Report) -> str:
    """How much of the log's cost the headline rests on, or why it rests on nothing."""
    if report.disorder:
        return "parts of the log are out of order in time"
    if report.total.coverage is None:
        return "nothing in the log has a cost"
    return f"based on {percent(report.total.coverage)} of the log's cost"


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
        ("net saved", dollars(total, total.known_saved)),
    ]


def dollars(row: Row, amount: Decimal | None) -> str:
    """Money that may be unknown although the calls have a price."""
    return UNKNOWN if amount is None and row.priced else usd(amount if row.calls else None)


def _cost(row: Row) -> str:
    return usd(row.cost) if row.cost == row.cost_high else f"{usd(row.cost)} to {usd(row.cost_high)}"


def counted(number: int, noun: str, rest: str = "") -> str:
    """`1 call`, `2 calls`, and what else there is to say of them."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}{' ' if rest else ''}{rest}"


def span(report: Report) -> str:
    """How many calls, and when."""
    calls = counted(report.total.calls, "call")
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
    if report.disorder:
        reasons = "; ".join(f"{n:,} {what}" for what, n in reasons_by_count(report.tally, "order: ").items())
        yield f"not established: {reasons}. Give all files of a log to one command"
    elif report.total.avoidable and not report.established:
        yield f"avoidable: at least {avoidable(report)}, by what is known"
    if report.warm is not None:
        warm = report.warm
        cost = usd(warm.cost if warm.priced else None)
        yield f"warm: {counted(warm.calls, 'call')} to keep caches alive, for {cost}; in no other figure"
    if report.unpriced:
        named = ((model.replace(UNASSIGNED, "no model named"), calls) for model, calls in report.unpriced.items())
        models = ", ".join(f"{model} ({counted(calls, 'call')})" for model, calls in named)
        yield f"unpriced: {models}: in no figure of money"
    if report.overridden:
        yield f"prices of your own: {', '.join(report.overridden)}"
    if report.total.known_calls < report.total.calls:
        silent = counted(report.total.calls - report.total.known_calls, "call", "without cache counters")
        yield f"unknown: {silent}: in no ratio"
    if report.total.reporting:
        yield _reported(report)
    if report.bodies is not None:
        yield from _bodies(report.bodies, always="format: bedrock" in report.tally)
    yield from _counted(report)


def _reported(report: Report) -> str:
    """What the log itself says of money, beside ours: of the few rows that it is told of, each."""
    rows = [row for row in report.rows if row.reporting]
    each = ", ".join(f"{row.name} {usd(row.reported)}" for row in rows[:_SHOWN]) if 1 < len(rows) <= _SHOWN else ""
    whole = f"{report.total.reporting:,} of {counted(report.total.calls, 'call')}"
    return f"cost as the log has it: {usd(report.total.reported)} for {whole}{f' ({each})' if each else ''}"


def _bodies(found: Bodies, *, always: bool) -> Iterator[str]:
    """How much of the log can be told by its prompts: where something is missing, and of Bedrock's records always."""
    having, of = found.having, found.of
    if having.calls == of.calls and not always:
        return
    money = f", {usd(having.cost)} of {usd(of.cost)} ({percent(found.share)})" if found.share is not None else ""
    rest = "; no prompt tells the family of the others" if having.calls < of.calls else ""
    yield f"request bodies: {having.calls:,} of {counted(of.calls, 'call')}{money}{rest}"


def _counted(report: Report) -> Iterator[str]:
    records = {name: n for name, n in reasons_by_count(report.tally, "records: ").items() if n}
    if records:
        files = reasons_by_count(report.tally, "format: ")
        parts = (
            f"{name}, {counted(n, 'record')} of {counted(files[name], 'file')}" for name, n in sorted(records.items())
        )
        yield f"read as: {'; '.join(parts)}"
    if left := reasons_by_count(report.tally, "left out: "):
        yield f"left out: {', '.join(_listed(left, _LEFT_OUT))}"
    if repaired := reasons_by_count(report.tally, "note: "):
        yield f"repaired: {'; '.join(_listed(repaired, _REPAIRED))}"
    if duplicates := report.tally.get("duplicates"):
        yield f"duplicates: {counted(duplicates, 'record')} of calls that were counted once"
    if skipped := reasons_by_count(report.tally, "skipped: "):
        yield f"skipped: {'; '.join(_listed(skipped, {}))}"
    if unread := reasons_by_count(report.tally, "bad: "):
        yield f"not read: {'; '.join(_listed(unread, {}))}"


def unreadable(report: Report) -> int:
    """How many lines could not be read."""
    return sum(reasons_by_count(report.tally, "bad: ").values())


def _listed(found: Mapping[str, int], words: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """Counts of what is named by a code, in words; a code without words stands as it is."""
    for name, number in found.items():
        yield counted(number, *words[name]) if name in words else f"{number:,} x {name}"
