"""A live replay as text or JSON: what will be sent, and recorded beside now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cachekit.cli.common.json_form import envelope
from cachekit.cli.common.text import UNKNOWN, Column, hanging, percent, printable, styled, table, tokens, usd
from cachekit.client.errors import ErrorKind
from cachekit.replay.live import Ending, Family, LiveOptions, Outcome, Plan, Side, Timing
from cachekit.tracker.metrics import Totals

_COLUMNS = (
    Column("", least=12),
    Column("calls", number=True),
    Column("hit ratio", number=True),
    Column("read", number=True, drop=2),
    Column("written", number=True, drop=3),
    Column("cost", number=True),
    Column("missed", number=True),
    Column("retries", number=True, drop=1),
)
_REASONS = 8
"""Reasons that are shown one by one, the most frequent ones; JSON has them all."""

_FAMILIES = 20
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


# --- before ---------------------------------------------------------------------------------------------------------


def plan_text(plan: Plan, options: LiveOptions) -> str:
    """What will be sent, at what cost and in what time; and what not."""
    out = [hanging("to send:  ", _what(plan))]
    out.append(hanging("cost:     ", _cost(plan, options)))
    out.append(hanging("time:     ", _time(plan, options)))
    if options.strategy is not None:
        out.append(hanging("strategy: ", f"{options.strategy.name}: the requests carry its breakpoints, not their own"))
    reasons = plan.left_out.most_common()
    for reason, count in reasons[:_REASONS]:
        out.append(hanging("not sent: ", f"{_calls(count)} ({reason})"))
    if rest := reasons[_REASONS:]:
        out.append(hanging("not sent: ", f"{_calls(sum(count for _, count in rest))} for {len(rest):,} more reasons"))
    if plan.bad:
        out.append(hanging("", f"unreadable: {len(plan.bad):,} lines"))
    if plan.late:
        out.append(hanging("", f"out of order: {_calls(plan.late)} came too late to be put in order"))
    return "".join(out)


def question(plan: Plan, options: LiveOptions) -> str:
    """What is asked before money is spent."""
    return (
        f"send {_calls(len(plan.sends))} again for {usd(plan.as_recorded)} as recorded, "
        f"at most {usd(min(plan.most, options.budget))}"
    )


def _what(plan: Plan) -> str:
    models = Counter(f"{send.outgoing.model} ({send.outgoing.backend.value})" for send in plan.sends)
    named = ", ".join(f"{count:,} to {model}" for model, count in models.most_common(4))
    more = f" and {len(models) - 4:,} more models" if len(models) > 4 else ""
    return f"{len(plan.sends):,} of {_calls(plan.calls)}: {named}{more}"


def _cost(plan: Plan, options: LiveOptions) -> str:
    usual = "if the cache does as it did" if options.strategy is None else "with the breakpoints it had"
    guessed = sum(send.costs.open for send in plan.sends)
    summary = (
        f"{usd(plan.as_recorded)} {usual}, {usd(plan.cold)} if nothing is read, at most "
        f"{usd(plan.most)} with the longest answers; it stops at the budget of {usd(options.budget)}"
    )
    if not guessed:
        return summary
    return f"{summary}; {_calls(guessed)} set no limit on output, so that is a guess from the log"


def _time(plan: Plan, options: LiveOptions) -> str:
    rate = f", at most {options.rate:g} calls a second" if options.rate else ""
    if options.timing is Timing.ASAP:
        return f"one after the other{rate}; entries that lapsed between calls in the log may live this time"
    first, last = plan.sends[0].call.ts or 0.0, plan.sends[-1].call.ts or 0.0
    return f"as in the log, {_span(last - first)}{rate}"


def _span(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


# --- after ----------------------------------------------------------------------------------------------------------


def as_text(outcome: Outcome, options: LiveOptions) -> str:
    """For people: what was sent and spent, each family as recorded and as it went now, and what went wrong."""
    out = [
        styled(hanging("", line), "yellow") if warn else hanging("", line) for line, warn in _remarks(outcome, options)
    ]
    if outcome.families:
        out += ["\n", table(_COLUMNS, _rows(outcome)), _causes(outcome.total())]
    if len(outcome.families) > _FAMILIES:
        rest = len(outcome.families) - _FAMILIES
        out.append(styled(f"({rest:,} more families, which cost less, are in --format json)\n", "dim"))
    return "".join(out)


def _remarks(outcome: Outcome, options: LiveOptions) -> Iterator[tuple[str, bool]]:
    spent = f"{usd(outcome.spent)} of {usd(options.budget)} spent"
    yield f"{_calls(outcome.sent)} sent again, {outcome.answered:,} answered; {spent}", False
    if outcome.at_risk:
        yield f"up to {usd(outcome.at_risk)} more may be billed, for answers that did not come or told no counts", True
    if outcome.ending is not Ending.DONE:
        yield f"{_ended(outcome)}: {_calls(outcome.unsent)} of the plan not sent", True
    for kind, count in outcome.errors.most_common():
        hint = " (--rate holds calls back)" if kind == ErrorKind.RATE_LIMITED else ""
        yield f"failed: {_calls(count)}: {outcome.examples.get(kind, kind)}{hint}", True
    if outcome.late >= 1:
        yield f"the log's time was not kept: the latest call started {_span(outcome.late)} late", True
    if outcome.warm:
        whose = "1 family" if outcome.warm == 1 else f"{outcome.warm:,} families"
        yield f"{whose} could read at the first call already: other traffic had left it in the cache", False
    if outcome.families:
        yield "costs are at the prices of now", False
        whole = outcome.total()
        for side, whose in ((whole.recorded, "calls of the log have"), (whole.now, "answers had")):
            if side.totals.unpriced:
                yield f"{side.totals.unpriced:,} {whose} no counts: what they cost is in no sum", True


def _ended(outcome: Outcome) -> str:
    return {
        Ending.BUDGET: "stopped at the budget",
        Ending.STOPPED: "interrupted",
        Ending.REFUSED: "ended, as credentials were refused",
        Ending.UNREACHABLE: "ended, as no server could be reached",
    }[outcome.ending]


def _rows(outcome: Outcome) -> Iterator[list[str]]:
    for name, family in ([("all", outcome.total())] if len(outcome.families) > 1 else []) + _shown(outcome):
        yield [styled(printable(name or "unassigned"), "bold"), *[""] * (len(_COLUMNS) - 1)]
        yield ["  recorded", *_cells(family.recorded)]
        yield ["  now", *_cells(family.now)]


def _causes(whole: Family) -> str:
    """Why calls missed, then and now; empty where none did."""
    before, now = whole.recorded.causes, whole.now.causes
    changes = [f"{cause} {before[cause]:,} then, {now[cause]:,} now" for cause, _ in (before + now).most_common()]
    return hanging("", f"missed (did not read what an earlier call had left): {'; '.join(changes)}") if changes else ""


def _shown(outcome: Outcome) -> list[tuple[str, Family]]:
    """The families in the order of the log; of too many those that cost most."""
    named = list(outcome.families.items())
    if len(named) <= _FAMILIES:
        return named
    return sorted(named, key=lambda one: -one[1].now.totals.paid)[:_FAMILIES]


def _cells(side: Side) -> list[str]:
    totals, changes = side.totals, _is_known(side.totals)
    retries = f"{totals.retries:,} for {usd(totals.retry_paid)}" if totals.retries else ""
    return [
        f"{totals.calls - totals.retries:,}",
        _ratio(totals),
        tokens(totals.read if changes else None),
        tokens(totals.written if changes else None),
        usd(totals.paid) if totals.priced else UNKNOWN,
        f"{side.missed:,}",
        retries,
    ]


def _is_known(totals: Totals) -> bool:
    """Whether anything is known of what the cache did."""
    return totals.unknown < totals.calls or not totals.calls


def _ratio(totals: Totals) -> str:
    if totals.hit_ratio is None and totals.unknown < totals.calls:
        return "none cached"
    return UNKNOWN if totals.hit_ratio is None else percent(totals.hit_ratio)


def _calls(count: int) -> str:
    return f"{count:,} call{'' if count == 1 else 's'}"


# --- for programs ---------------------------------------------------------------------------------------------------


def as_json(plan: Plan, outcome: Outcome, options: LiveOptions) -> str:
    """For programs, schema `cachekit.replay-live/1`. No text of a prompt or an answer is in it."""
    return envelope(
        "replay-live/1",
        {
            "calls": plan.calls,
            "planned": len(plan.sends),
            "sent": outcome.sent,
            "answered": outcome.answered,
            "unsent": outcome.unsent,
            "ended": outcome.ending.value,
            "not_sent": dict(plan.left_out),
            "unreadable": len(plan.bad),
            "out_of_order": plan.late,
            "strategy": options.strategy.name if options.strategy is not None else "as-sent",
            "timing": options.timing.value,
            "late_seconds": round(outcome.late, 3),
            "budget_usd": options.budget,
            "spent_usd": outcome.spent,
            "at_risk_usd": outcome.at_risk,
            "expected_usd": {"as_recorded": plan.as_recorded, "cold": plan.cold, "most": plan.most},
            "errors": dict(outcome.errors),
            "warm_families": outcome.warm,
            "total": _family_json(outcome.total()),
            "families": {name: _family_json(family) for name, family in outcome.families.items()},
        },
    )


def _family_json(family: Family) -> dict[str, object]:
    return {"recorded": _side_json(family.recorded), "now": _side_json(family.now)}


def _side_json(side: Side) -> dict[str, object]:
    totals, changes = side.totals, _is_known(side.totals)
    return {
        "calls": totals.calls - totals.retries,
        "failed": totals.failed,
        "hit_ratio": totals.hit_ratio,
        "read_share": totals.read_share,
        "read": totals.read if changes else None,
        "written": totals.written if changes else None,
        "uncached": totals.uncached,
        "output": totals.output,
        "cost_usd": totals.paid if totals.priced else None,
        "due": totals.due,
        "due_missed": totals.missed,
        "missed": side.missed,
        "causes": dict(side.causes),
        "retries": totals.retries,
        "retry_cost_usd": totals.retry_paid,
        "unknown": totals.unknown,
        "unpriced": totals.unpriced,
    }
