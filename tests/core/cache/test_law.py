"""The two simulators, rule by rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cachekit.core.cache.law import BreakpointCache, Chunks, Lookup, Outcome, Point, PrefixCache, holds, reaches
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.prompt import Tokens

FIVE, HOUR = 300.0, 3600.0


def call(at, *points, readable=None):
    return Lookup(at, at if readable is None else readable, points, 10_000)


def test_a_prefix_is_written_once_and_then_read():
    cache = BreakpointCache()
    assert cache.step(call(0, Point("a", 2000, FIVE))) == Outcome(0, ((FIVE, 2000),))
    assert cache.step(call(60, Point("a", 2000, FIVE))).read == 2000


@pytest.mark.parametrize(("gap", "read"), [(299.9, 2000), (300.0, 0)])
def test_the_clock_starts_with_the_request(gap, read):
    cache = BreakpointCache()
    cache.step(call(0, Point("a", 2000, FIVE), readable=200))
    assert cache.step(call(gap, Point("a", 2000, FIVE))).read == read


def test_a_read_starts_the_clock_anew():
    cache = BreakpointCache()
    for at in (0, 250, 500, 750):
        outcome = cache.step(call(at, Point("a", 2000, FIVE)))
    assert outcome.read == 2000


def test_an_entry_is_readable_once_the_answer_has_begun():
    cache = BreakpointCache()
    assert cache.step(call(0, Point("a", 2000, FIVE), readable=2)).read == 0
    assert cache.step(call(1, Point("a", 2000, FIVE), readable=3)).read == 0
    assert cache.step(call(4, Point("a", 2000, FIVE))).read == 2000


def test_the_longest_entry_in_sight_is_read_and_the_rest_written():
    cache = BreakpointCache()
    cache.step(call(0, Point("s", 1500, FIVE), Point("m1", 2000, FIVE, ("s",))))
    outcome = cache.step(call(10, Point("s", 1500, FIVE), Point("m3", 2600, FIVE, ("m2", "m1", "s"))))
    assert outcome == Outcome(2000, ((FIVE, 600),), 10)


def test_an_entry_out_of_sight_is_not_found_but_an_earlier_breakpoint_is():
    cache = BreakpointCache()
    cache.step(call(0, Point("s", 1500, FIVE), Point("m1", 2000, FIVE, ("s",))))
    outcome = cache.step(call(10, Point("s", 1500, FIVE), Point("m30", 9000, FIVE, ("m29", "m28"))))
    assert outcome.read == 1500
    assert outcome.written == ((FIVE, 7500),)


def test_mixed_ttls_are_billed_up_to_the_last_long_one():
    cache = BreakpointCache()
    points = (Point("t", 1000, HOUR), Point("s", 3000, HOUR), Point("m", 3500, FIVE))
    assert cache.step(call(0, *points)).written == ((HOUR, 3000), (FIVE, 500))
    later = cache.step(call(1000, *points))
    assert (later.read, later.written) == (3000, ((FIVE, 500),))


def test_a_shorter_prefix_that_was_no_breakpoint_is_never_found():
    cache = BreakpointCache()
    cache.step(call(0, Point("long", 5000, FIVE)))
    assert cache.step(call(1, Point("short", 3000, FIVE))).read == 0


def test_memory_is_bounded_when_every_look_up_misses():
    cache = BreakpointCache()
    for n in range(100_000):
        cache.step(call(float(n), Point(f"k{n}", 2000, FIVE)))
    assert sum(cache.known(f"k{n}") is not None for n in range(100_000)) < 10_000


def chunks(at, keys, **more):
    tokens = tuple(128 * (i + 1) for i in range(len(keys)))
    return Chunks(at, at, tuple(keys), tokens, FIVE, **more)


def test_an_automatic_cache_matches_from_the_first_token_in_steps():
    cache = PrefixCache()
    first = [f"c{i}" for i in range(20)]
    assert cache.step(chunks(0, first)).read == 0
    assert cache.step(chunks(10, [*first[:12], "x", "y"])).read == 12 * 128
    assert cache.step(chunks(20, [*first[:5], "z"])).read == 0  # 640 tokens: below the minimum
    assert cache.step(chunks(30, first, grid=2048)).read == 2048


def test_an_automatic_cache_forgets_what_is_idle():
    cache = PrefixCache()
    keys = [f"c{i}" for i in range(10)]
    cache.step(chunks(0, keys))
    assert cache.step(chunks(299, keys)).read == 1280
    assert cache.step(chunks(700, keys)).read == 0


def test_what_parallel_calls_write_is_readable_once_the_first_answer_has_begun():
    cache = BreakpointCache()
    race = [call(0, Point("a", 2000, FIVE), readable=float("inf")) for _ in range(3)]
    assert [cache.step(each).read for each in race] == [0, 0, 0]
    cache.begin(race[0], 2)
    assert cache.step(race[0]._replace(at=1.9)).read == 0
    cache.begin(race[1], 9)
    assert cache.step(call(8, Point("a", 2000, FIVE), readable=float("inf"))).read == 0  # written again at 1.9
    assert cache.step(call(9, Point("a", 2000, FIVE))).read == 0


def test_an_answer_that_begins_later_takes_nothing_back():
    cache = BreakpointCache()
    race = [call(0, Point("a", 2000, FIVE), readable=float("inf")) for _ in range(2)]
    for each in race:
        cache.step(each)
    cache.begin(race[0], 2)
    cache.begin(race[1], 9)
    assert cache.step(call(2, Point("a", 2000, FIVE))).read == 2000


def test_an_automatic_cache_is_readable_once_the_answer_has_begun():
    cache = PrefixCache()
    first = chunks(0, [f"c{i}" for i in range(10)])._replace(readable=float("inf"))
    cache.step(first)
    assert cache.step(first._replace(at=1)).read == 0
    cache.begin(first, 2)
    assert cache.step(first._replace(at=2)).read == 1280


POLICY = Policy("m", "anthropic", known=True, style="breakpoints", minimum=1024, minimum_high=2048)


@pytest.mark.parametrize(("tokens", "long_enough"), [(1023, False), (1024, True), (1025, True)])
def test_a_prefix_of_exactly_the_minimum_is_long_enough(tokens, long_enough):
    assert reaches(POLICY, tokens) is long_enough


@pytest.mark.parametrize(
    ("low", "mid", "high", "verdict"),
    [
        (2048, 2100, 2200, "yes"),
        (2047, 2100, 2200, "unsure"),
        (900, 950, 1024, "unsure"),  # only the high estimate passes
        (900, 950, 1023, "no"),
        (1100, 1200, 1300, "unsure"),  # inside the band of the minimum
    ],
)
def test_an_estimate_is_held_only_where_all_of_it_passes(low, mid, high, verdict):
    assert holds(POLICY, Tokens(low, mid, high)) == verdict


def test_of_an_unknown_model_nothing_is_sure_and_of_one_without_a_cache_everything():
    assert holds(replace(POLICY, known=False), Tokens(9000, 9000, 9000)) == "unsure"
    assert holds(replace(POLICY, style="none"), Tokens(9000, 9000, 9000)) == "no"


def test_an_entry_that_was_found_by_lookback_lives_on():
    cache = BreakpointCache()
    cache.step(Lookup(0.0, 0.0, (Point("a", 2000, 300.0),), 2000))
    cache.step(Lookup(250.0, 250.0, (Point("b", 3000, 300.0, ("a",)),), 3000))
    assert cache.step(Lookup(500.0, 500.0, (Point("c", 3000, 300.0, ("a",)),), 3000)).read == 2000


def test_a_read_at_the_last_breakpoint_keeps_the_earlier_ones_alive():
    cache = BreakpointCache()
    tools, system = Point("tools", 2000, 300.0), Point("system", 3000, 300.0)
    cache.step(Lookup(0.0, 0.0, (tools, system), 3000))
    assert cache.step(Lookup(250.0, 250.0, (tools, system), 3000)).read == 3000
    assert cache.step(Lookup(500.0, 500.0, (tools,), 2000)).read == 2000


def test_a_read_at_an_earlier_breakpoint_keeps_it_alive():
    cache = BreakpointCache()
    tools = Point("tools", 2000, 300.0)
    cache.step(Lookup(0.0, 0.0, (tools,), 2000))
    cache.step(Lookup(250.0, 250.0, (tools, Point("system", 3000, 300.0)), 3000))
    assert cache.step(Lookup(500.0, 500.0, (tools, Point("another", 3000, 300.0)), 3000)).read == 2000
