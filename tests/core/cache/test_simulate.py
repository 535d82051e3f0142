"""What recorded calls come to when their caches are simulated."""

from __future__ import annotations

import pytest

from cachekit.core.cache.simulate import simulate
from cachekit.core.logs.native import call_from
from cachekit.core.model.calls import Call

LONG = "The harbour ledger records the parcel. " * 900
MARKED = {
    "system": [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "Which berth?"}],
}
PLAIN = {"messages": [{"role": "system", "content": LONG}, {"role": "user", "content": "Which berth?"}]}


def logged(minute: int, provider: str, model: str, request: dict[str, object], usage: dict[str, int]) -> Call:
    told = {"provider": provider, "model": model, "usage": usage, "request": request}
    found = call_from({"v": 1, "ts": f"2026-11-20T10:0{minute}:00Z", **told})
    assert isinstance(found, Call)
    return found


@pytest.mark.parametrize(
    ("provider", "model", "request_"),
    [
        pytest.param("anthropic", "claude-sonnet-4-6", MARKED, id="breakpoints"),
        pytest.param("openai", "gpt-4o", PLAIN, id="an automatic cache"),
    ],
)
def test_calls_without_counts_have_the_estimated_length(provider, model, request_):
    first, again = simulate(logged(minute, provider, model, request_, {}) for minute in (0, 1))
    whole = first.read + first.written + first.uncached
    assert first.predictable
    assert again.predictable
    assert whole > 6_000
    assert (first.read, again.read + again.written + again.uncached) == (0, whole)
    assert again.read > 0.9 * whole


def test_calls_with_counts_have_the_recorded_length():
    usage = {"uncached": 11, "write_5m": 5_000}
    first, again = simulate(logged(m, "anthropic", "claude-sonnet-4-6", MARKED, usage) for m in (0, 1))
    assert (first.read, first.written, first.uncached) == (0, 5_000, 11)
    assert (again.read, again.written, again.uncached) == (5_000, 0, 11)


def test_of_a_call_without_a_prompt_what_was_recorded_stands():
    call = call_from({"v": 1, "ts": "2026-11-20T10:00:00Z", "usage": {"uncached": 7, "read": 100}})
    assert isinstance(call, Call)
    (found,) = simulate([call])
    assert (found.read, found.written, found.uncached, found.predictable) == (100, 0, 7, False)
