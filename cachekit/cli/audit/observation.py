"""What a library was seen to do beside what was predicted, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.auditing.observe import Observation
from cachekit.cli.common.findings import counted
from cachekit.cli.common.text import Column, printable, styled, table
from cachekit.core.libraries.sent import Sent

_COLUMNS = (
    Column("section"),
    Column("ttl"),
    Column("marks", least=12),
    Column("route", least=12, drop=1),
    Column("model"),
    Column("wire"),
)


def text(observation: Observation) -> str:
    """One line, and a table of the breakpoints that the model predicts and of those on the wire."""
    observed = observation.observed
    library = f"{observed.library} {observed.version}"
    colour = "green" if observation.agrees else "red"
    head = f"\nobserved:          {library} {styled(_outcome(observation), colour)}\n"
    rows = list(_rows(observation))
    return head + (table(_COLUMNS, rows) if rows else "")


def _outcome(observation: Observation) -> str:
    raises = observation.observed.raises
    if raises is not None:
        return f"raises {raises}, as predicted" if observation.predicted_raise else f"raises {raises}: not predicted"
    if observation.predicted_raise:
        return "sends this: predicted was that it refuses"
    if observation.agrees:
        return f"sends what was predicted ({counted(len(observation.observed.sent), 'breakpoint')})"
    return "does not send what was predicted"


def _rows(observation: Observation) -> Iterator[tuple[str, ...]]:
    """A row for each breakpoint of either side: yes or no for the model and for the wire."""
    only_wire = [difference.mark for difference in observation.differences if difference.by == "library"]
    only_model = [difference.mark for difference in observation.differences if difference.by == "model"]
    for mark in observation.observed.sent:
        if mark in only_wire:
            only_wire.remove(mark)
            yield (*_cells(mark), "no", "yes")
        else:
            yield (*_cells(mark), "yes", "yes")
    for mark in only_model:
        yield (*_cells(mark), "yes", "no")


def _cells(mark: Sent) -> tuple[str, str, str, str]:
    tail = f"…{printable(mark.tail)}" if mark.tail else ""
    return mark.section, mark.ttl or "default", tail, printable(mark.route)


def json_form(observation: Observation, show_text: bool) -> dict[str, object]:
    """The observation; routes of the library's breakpoints lead into the body that it sent."""
    observed = observation.observed
    return {
        "library": observed.library,
        "version": observed.version,
        "agrees": observation.agrees,
        "raises": observed.raises,
        "host": observed.call.host if observed.call else None,
        "path": observed.call.path if observed.call else None,
        "sent": [_mark(mark, show_text) for mark in observed.sent],
        "differences": [{"by": found.by, **_mark(found.mark, show_text)} for found in observation.differences],
    }


def _mark(mark: Sent, show_text: bool) -> dict[str, object]:
    fields = {"section": mark.section, "ttl": mark.ttl, "route": mark.route}
    return {**fields, "tail": mark.tail} if show_text else {**fields}
