"""A seeded call log with a known best strategy, for the replay's tests and the demo."""

from __future__ import annotations

from dataclasses import replace

from tests.workload import Sent, conversation


def support_desk(sessions: int = 30, gap: float = 1500.0) -> list[Sent]:
    """One family: every session asks one question under the same long marked prompt, further apart than five minutes
    and well within an hour. The best a user can do is a 1h breakpoint on the prompt; on a 5m one nothing is read."""
    first = conversation(7, turns=1)[0]
    out = []
    for number in range(sessions):
        request = {
            **first.request,
            "messages": [{"role": "user", "content": [{"type": "text", "text": f"Question {'i' * (number + 1)}?"}]}],
        }
        out.append(replace(first, at=first.at + gap * number, request=request, session=f"s{number}"))
    return out


def burst(size: int = 20) -> list[Sent]:
    """One family: calls sent at once, all cold. Who lets the first go alone writes once and reads the rest."""
    desk = support_desk(size, gap=0.01)
    return [replace(one, first=2.0, took=5.0) for one in desk]
