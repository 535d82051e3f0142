"""Lifetimes, intervals, waits."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachekit.core.model.errors import UsageError
from cachekit.warm.timing import interval_of, lengthened, lifetime_of, shortened, spread, wait_after

DEFAULTS = [("5m", 240), ("30m", 1650), ("1h", 3300), ("12h", 39600), ("in_memory", 240), ("24h", 1650)]


@pytest.mark.parametrize(("ttl", "seconds"), DEFAULTS)
def test_every_lifetime_has_a_default_interval_below_it(ttl, seconds) -> None:
    assert interval_of(None, lifetime_of(ttl)) == seconds


@pytest.mark.parametrize(("asked", "largest"), [(300, "285 s"), (3600, "285 s"), (300.5, "285 s")])
def test_an_interval_as_long_as_the_lifetime_is_refused_with_the_largest_safe_one(asked, largest) -> None:
    with pytest.raises(UsageError, match=largest):
        interval_of(asked, lifetime_of("5m"))


@pytest.mark.parametrize(("interval", "ttl", "largest"), [(286, "5m", 285), (299, "5m", 285), (3541, "1h", 3540)])
def test_an_interval_that_leaves_no_time_for_a_late_ping_is_refused_too(interval, ttl, largest) -> None:
    with pytest.raises(UsageError, match=f"too little time.*largest safe interval is {largest} s"):
        interval_of(interval, lifetime_of(ttl))


def test_an_interval_up_to_the_largest_safe_one_is_taken() -> None:
    assert interval_of(285, lifetime_of("5m")) == 285
    assert interval_of(3540, lifetime_of("1h")) == 3540
    assert interval_of(300, lifetime_of("1h")) == 300


@pytest.mark.parametrize("asked", [0, -5, float("nan"), float("inf"), True, "soon"])
def test_what_is_no_interval_is_refused(asked) -> None:
    with pytest.raises(UsageError):
        interval_of(asked, lifetime_of("5m"))


def test_auto_begins_with_the_default_and_may_try_what_a_provider_only_promises_at_least() -> None:
    assert interval_of("auto", lifetime_of("5m")) == 240
    assert lifetime_of("5m").longest == 285
    assert lifetime_of("in_memory").longest == 585
    assert lifetime_of("30m").longest > 1800


def test_a_word_that_is_no_ttl_has_no_lifetime() -> None:
    assert lifetime_of("soon") is None


def test_intervals_shrink_to_half_a_minute_and_grow_to_what_is_allowed() -> None:
    assert shortened(240) == 180
    assert shortened(32) == 30
    assert shortened(10) == 10
    assert lengthened(180, 240, 285) == 240
    assert lengthened(100, 240, 240) == pytest.approx(133.3, abs=0.1)
    assert lengthened(240, 240, 285) == 264
    assert lengthened(280, 240, 285) == 285
    assert lengthened(290, 240, 285) == 290


@given(failures=st.integers(1, 10_000), chance=st.floats(0, 1), asked=st.none() | st.floats(0, 1e9))
def test_waits_grow_are_bounded_and_never_shorter_than_the_provider_asks(failures, chance, asked) -> None:
    wait = wait_after(failures, asked, lambda: chance)
    assert 0.5 <= wait <= 3960 + 1e-6  # a tenth more than an hour, in floats
    assert wait >= min(asked or 0, 3600)
    if asked is None:
        assert wait <= min(60, 2**failures)


@given(st.lists(st.floats(1, 4000), max_size=200))
def test_starts_are_spread_within_half_the_shortest_interval(intervals) -> None:
    starts = spread(intervals)
    assert len(starts) == len(intervals)
    assert all(after - before <= 1 for before, after in pairwise(starts))
    assert not starts or starts[-1] <= min(intervals) / 2
