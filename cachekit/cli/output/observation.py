"""What a library was seen to do beside what was predicted, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.cli.output.findings import counted
from cachekit.cli.output.text import printable, styled
from cachekit.core.auditors.sent import Sent
from cachekit.observe import Observation


def text(observation: Observation) -> str:
    """One line, and one for each breakpoint that only one side has."""
    observed = observation.observed
    library = f"{observed.library} {observed.version}"
    colour = "green" if observation.agrees else "red"
    return f"\nobserved:          {library} {styled(_said(observation), colour)}\n" + "".join(_only(observation))


def _said(observation: Observation) -> str:
    raises = observation.observed.raises
    if raises is not None:
        return f"raises {raises}, as predicted" if observation.predicted_raise else f"raises {raises}: not predicted"
    if observation.predicted_raise:
        return "sends this: predicted was that it refuses"
    if observation.agrees:
        return f"sends what was predicted ({counted(len(observation.observed.sent), 'breakpoint')})"
    return "does not send what was predicted"


def _only(observation: Observation) -> Iterator[str]:
    for difference in observation.differences:
        mark, who = difference.mark, "the library alone" if difference.by == "library" else "predicted alone"
        tail = f": …{printable(mark.tail)}" if mark.tail else ""
        yield f"  {who + ':':<19} {mark.section} {mark.ttl or 'no ttl'} at {printable(mark.route)}{tail}\n"


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
    told = {"section": mark.section, "ttl": mark.ttl, "route": mark.route}
    return {**told, "tail": mark.tail} if show_text else {**told}
