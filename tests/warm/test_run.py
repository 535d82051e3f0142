"""Time, order, faults and ends, on a clock that the tests move."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from threading import Lock
from time import sleep

import pytest

from cachekit.client.waiting import Time
from cachekit.core.model.errors import UsageError
from cachekit.emulator import Clock
from cachekit.warm import CacheWarmer, Ending, WarmOptions, WarmupConfig, WarmVerdict
from tests.warm.parts import CLAUDE, claude, marked
from tests.warm.simulated import simulated

START = 1_800_000_000
OK = {
    "usage": {"input_tokens": 8, "cache_read_input_tokens": 1350, "cache_creation_input_tokens": 0, "output_tokens": 0}
}
WROTE = {
    "usage": {
        "input_tokens": 8,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 1350,
        "cache_creation": {"ephemeral_5m_input_tokens": 1350, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 0,
    }
}
NOTHING = {
    "usage": {"input_tokens": 1358, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "output_tokens": 0}
}
SILENT = {"usage": {"input_tokens": 1358, "output_tokens": 0}}


class RefusedError(Exception):
    """An error answer."""

    def __init__(self, status, message="", retry_after=None):
        self.status_code, self.body = status, {"error": {"message": message}}
        headers = {} if retry_after is None else {"retry-after": str(retry_after)}
        self.response = type("Response", (), {"headers": headers})()
        super().__init__(message)


@dataclass
class Provider:
    """A client of no SDK: answers from a script, then the last answer for ever. Notes when it was asked."""

    clock: Clock
    script: list = field(default_factory=lambda: [OK])
    takes: float = 0.0
    asked: list = field(default_factory=list)

    @property
    def messages(self):
        return self

    def create(self, **arguments):
        self.asked.append((self.clock.now() - START, arguments))
        self.clock.advance(self.takes)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def times(self):
        return [round(at) for at, _ in self.asked]


@pytest.fixture
def clock():
    return Clock(START)


def warmed(provider, seconds, *configs, time=None, **config):
    """The results of a run over so many simulated seconds."""
    results = []
    made = configs or (WarmupConfig(**({"request": claude(), "verify": True, "name": "a"} | config)),)
    options = WarmOptions(seconds=seconds, time=time or simulated(provider.clock))
    warmer = CacheWarmer(provider, made, results.append, options)
    warmer.start()
    summary = warmer.wait(60)
    assert not warmer.running
    return results, summary


def verdicts(results):
    return [result.verdict.value for result in results]


# --- when -------------------------------------------------------------------------------------------------------------


def test_the_next_ping_counts_from_the_start_of_the_last(clock) -> None:
    provider = Provider(clock, takes=100)
    results, _ = warmed(provider, 900)
    assert provider.times == [0, 240, 480, 720]
    assert [result.at - START for result in results] == [0, 240, 480, 720]
    assert results[0].latency_ms == 100_000
    assert results[0].next_due == START + 240


def test_pings_that_take_longer_than_the_interval_never_stack_up(clock) -> None:
    provider = Provider(clock, takes=700)
    warmed(provider, 2000)
    assert provider.times == [0, 700, 1400]


def test_a_machine_that_slept_warms_at_once_and_says_so(clock) -> None:
    naps = [500.0]
    time = simulated(clock)

    def pause(inbox, seconds, busy):
        if not busy and naps and clock.now() - START > 200:
            clock.advance(naps.pop())
        time.pause(inbox, seconds, busy)

    provider = Provider(clock, [OK, OK, WROTE, OK])
    results, _ = warmed(provider, 1000, time=Time(clock.now, clock.now, pause, lambda: 0.5))
    slept = [result for result in results if result.slept]
    assert len(slept) == 1
    assert slept[0].slept == pytest.approx(500)
    assert "the machine slept 500 s" in slept[0].detail
    assert slept[0].verdict is WarmVerdict.LAPSED


def test_a_clock_that_stood_still_in_sleep_is_noticed_by_the_other_one() -> None:
    mono, wall = Clock(0), Clock(START)
    naps = [400.0]

    def pause(inbox, seconds, busy):
        if busy:
            inbox.wait(60.0)
            return
        mono.advance(seconds)
        wall.advance(seconds)
        if naps and mono.now() > 400:
            wall.advance(naps.pop())

    provider = Provider(wall)
    results, _ = warmed(provider, 700, time=Time(mono.now, wall.now, pause, lambda: 0.5))
    assert [result.slept for result in results].count(400) == 1


def test_starts_are_spread_and_no_more_are_under_way_than_allowed(clock) -> None:
    configs = [WarmupConfig(request=claude(system=[marked(f"{n} " + "word " * 1500)]), name=str(n)) for n in range(3)]
    provider = Provider(clock)
    warmed(provider, 100, *configs)
    assert provider.times == [0, 1, 2]


def test_no_more_pings_are_under_way_than_allowed(clock) -> None:
    lock, state = Lock(), {"now": 0, "most": 0}

    class Slow(Provider):
        def create(self, **arguments):
            with lock:
                state["now"] += 1
                state["most"] = max(state["most"], state["now"])
            sleep(0.02)
            with lock:
                state["now"] -= 1
            return OK

    texts = [f"{n} " + "word " * 1500 for n in range(9)]
    configs = [WarmupConfig(request=claude(system=[marked(text)]), name=text[:1], max_ticks=2) for text in texts]
    warmer = CacheWarmer(Slow(clock), configs, None, WarmOptions(concurrency=3))
    for scope in warmer.scopes:
        scope.state.interval = 0.001
    warmer.start()
    summary = warmer.wait(30)
    assert [scope.ticks for scope in summary.scopes] == [2] * 9
    assert state["most"] == 3


def test_auto_tries_longer_intervals_and_goes_back_where_the_entry_was_gone(clock) -> None:
    def answer():
        times = provider.times
        return OK if len(times) < 2 or times[-1] - times[-2] <= 260 else WROTE

    provider = Provider(clock, [answer])
    results, _ = warmed(provider, 20_000, interval_seconds="auto", verify=False)
    intervals = [result.interval for result in results]
    assert max(intervals) > 260
    assert intervals[0] == 240
    assert 240 <= intervals[-1] <= 262
    assert verdicts(results).count("lapsed") <= 6


# --- proof ------------------------------------------------------------------------------------------------------------


def test_a_first_ping_writes_and_later_ones_prove_that_it_lives(clock) -> None:
    results, summary = warmed(Provider(clock, [WROTE, OK]), 500)
    assert verdicts(results) == ["warmed", "alive", "alive"]
    assert summary.scopes[0].alive == 2


def test_an_entry_that_was_gone_is_looked_at_again_at_once_and_the_interval_is_shortened(clock) -> None:
    provider = Provider(clock, [WROTE, OK, WROTE, OK])
    results, _ = warmed(provider, 900)
    assert verdicts(results)[:5] == ["warmed", "alive", "lapsed", "alive", "alive"]
    assert provider.times[:5] == [0, 240, 480, 482, 662]
    assert results[2].interval == 180
    assert "gone after 240 s of 300 s" in results[2].detail


def test_a_shortened_interval_grows_back_when_reads_go_on(clock) -> None:
    results, _ = warmed(Provider(clock, [WROTE, WROTE, OK]), 20_000)
    assert min(result.interval for result in results) == 180
    assert results[-1].interval == 240


def test_a_lifetime_that_really_is_shorter_is_soon_believed(clock) -> None:
    def answer():
        times = provider.times
        return OK if len(times) < 2 or times[-1] - times[-2] <= 200 else WROTE

    provider = Provider(clock, [answer])
    results, _ = warmed(provider, 86_400)
    lapses = [result.at - START for result in results if result.verdict is WarmVerdict.LAPSED]
    assert len(lapses) <= 9
    assert lapses[-1] < 72_000
    assert results[-1].interval == 180


def test_a_lifetime_that_is_much_shorter_is_found(clock) -> None:
    def answer():
        times = provider.times
        return OK if len(times) < 2 or times[-1] - times[-2] <= 90 else WROTE

    provider = Provider(clock, [answer])
    results, _ = warmed(provider, 3000)
    assert results[-1].interval < 90
    assert results[-1].verdict is WarmVerdict.ALIVE


def test_chance_misses_do_not_keep_the_interval_short(clock) -> None:
    for seed in range(10):
        chance = Random(seed)
        results, _ = warmed(Provider(clock, [lambda chance=chance: WROTE if chance.random() < 0.05 else OK]), 86_400)
        assert sum(result.interval for result in results) / len(results) > 0.75 * 240


def test_a_ping_that_comes_too_late_says_so_and_shortens_nothing(clock) -> None:
    script = [WROTE, RefusedError(529, retry_after=400), WROTE, OK]
    results, _ = warmed(Provider(clock, script), 900)
    assert verdicts(results)[:3] == ["warmed", "failed", "lapsed"]
    assert "since it was last used, and it lives 300 s" in results[2].detail
    assert results[2].interval == 240


def test_a_prefix_that_changed_is_told_with_its_place(clock) -> None:
    versions = [claude(), claude(), claude(system=[marked("another " + "context word " * 600)])]

    def request():
        return versions.pop(0) if len(versions) > 1 else versions[0]

    results, _ = warmed(Provider(clock, [WROTE, WROTE, OK]), 300, request=request)
    assert verdicts(results)[:3] == ["warmed", "changed", "alive"]
    assert "system[0]" in results[1].detail
    assert results[1].interval == 240


def test_a_changed_request_that_cannot_be_warmed_leaves_the_old_one(clock) -> None:
    versions = [claude(), claude(), {"model": CLAUDE}]

    def request():
        return versions.pop(0) if len(versions) > 1 else versions[0]

    provider = Provider(clock)
    results, _ = warmed(provider, 500, request=request, backend="anthropic")
    assert provider.asked[-1][1]["system"] == claude()["system"]
    assert "not taken over" in results[-1].detail


def test_a_function_that_fails_leaves_the_old_request(clock) -> None:
    calls = []

    def request():
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError("secret prompt")
        return claude()

    results, _ = warmed(Provider(clock), 100, request=request)
    assert results[0].detail == "the request could not be made again: RuntimeError"


def test_a_ping_that_writes_every_time_is_ineffective_and_stops(clock) -> None:
    provider = Provider(clock, [WROTE])
    results, summary = warmed(provider, 90_000, max_misses=4)
    assert verdicts(results)[-1] == "ineffective"
    assert len(provider.asked) == 4
    assert results[-1].ended is Ending.INEFFECTIVE
    assert results[-1].next_due is None
    assert summary.all_dead


def test_without_verify_nothing_is_done_about_it(clock) -> None:
    provider = Provider(clock, [WROTE])
    results, _ = warmed(provider, 4000, verify=False)
    assert provider.times == list(range(0, 4000, 240))
    assert set(verdicts(results)) == {"warmed", "lapsed"}


def test_a_provider_that_caches_nothing_is_reported(clock) -> None:
    results, _ = warmed(Provider(clock, [NOTHING]), 9000)
    assert verdicts(results)[0] == "not-cached"
    assert results[-1].ended is Ending.INEFFECTIVE


def test_an_answer_without_counters_proves_nothing(clock) -> None:
    results, _ = warmed(Provider(clock, [SILENT]), 900)
    assert set(verdicts(results)) == {"unknown"}


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_passing_errors_are_tried_again_soon_with_growing_waits(clock, status) -> None:
    provider = Provider(clock, [OK, RefusedError(status), RefusedError(status), RefusedError(status), OK])
    results, _ = warmed(provider, 480)
    assert verdicts(results) == ["alive", "failed", "failed", "failed", "alive"]
    waits = [b - a for a, b in zip(provider.times[1:], provider.times[2:], strict=False)]
    assert waits[0] <= 2
    assert waits[-1] <= 8
    assert results[1].cost_usd == 0


def test_retry_after_is_waited_for(clock) -> None:
    provider = Provider(clock, [RefusedError(429, retry_after=50), OK])
    warmed(provider, 200)
    assert 50 <= provider.times[1] <= 55


def test_a_400_stops_the_scope_and_shows_its_message(clock) -> None:
    results, summary = warmed(Provider(clock, [RefusedError(400, "tools.0: no such field")]), 9000)
    assert verdicts(results) == ["failed"]
    assert results[0].detail == "request refused (400): tools.0: no such field"
    assert results[0].ended is Ending.FAILED
    assert summary.all_dead


def test_other_scopes_go_on_when_one_stops(clock) -> None:
    good, bad = (claude(system=[marked(f"{name} " + "word " * 1500)]) for name in ("good", "bad"))

    class Two(Provider):
        def create(self, **arguments):
            answer = super().create(**arguments)
            if arguments["system"][0]["text"].startswith("bad"):
                raise RefusedError(400, "no")
            return answer

    configs = [WarmupConfig(request=good, name="good"), WarmupConfig(request=bad, name="bad")]
    _, summary = warmed(Two(clock), 1000, *configs)
    assert {scope.scope: scope.ended for scope in summary.scopes} == {"good": Ending.DONE, "bad": Ending.FAILED}
    assert summary.any_dead
    assert not summary.all_dead


def test_a_refused_limit_on_output_is_raised_until_it_is_taken(clock) -> None:
    provider = Provider(
        clock, [RefusedError(400, "max_tokens: must be at least 16"), RefusedError(400, "max_tokens: too small"), OK]
    )
    results, _ = warmed(provider, 100)
    assert [arguments["max_tokens"] for _, arguments in provider.asked] == [0, 1, 16]
    assert verdicts(results) == ["failed", "failed", "alive"]


def test_credentials_are_tried_a_few_times_before_the_scope_ends(clock) -> None:
    provider = Provider(clock, [RefusedError(401)])
    results, _ = warmed(provider, 90_000)
    assert len(provider.asked) == 5
    assert results[-1].ended is Ending.FAILED


# --- money and ends ---------------------------------------------------------------------------------------------------


def test_the_budget_stops_the_scope_before_it_is_passed(clock) -> None:
    results, summary = warmed(Provider(clock, [WROTE, OK]), 90_000, budget_usd=0.01)
    assert results[-1].ended is Ending.BUDGET
    assert summary.spent_usd <= 0.01
    assert not summary.any_dead


def test_answers_that_never_came_count_against_the_budget(clock) -> None:
    provider = Provider(clock, [TimeoutError()])
    results, summary = warmed(provider, 90_000, budget_usd=0.02)
    assert results[-1].ended is Ending.BUDGET
    assert len(provider.asked) == 3
    assert summary.spent_usd == 0


def test_an_answer_without_any_count_is_unpriced_and_counts_as_foreseen(clock) -> None:
    results, summary = warmed(Provider(clock, [{"usage": None}]), 90_000, budget_usd=0.02)
    assert {result.cost_usd for result in results[:-1]} == {None}
    assert results[-1].ended is Ending.BUDGET
    assert 0.01 < summary.spent_usd <= 0.02


def test_a_budget_without_a_price_is_refused(clock) -> None:
    with pytest.raises(UsageError, match="needs a price"):
        warmed(Provider(clock), 10, request=claude(model="claude-nobody-9"), budget_usd=1)


def test_a_scope_ends_after_as_many_ticks_as_asked_for(clock) -> None:
    results, summary = warmed(Provider(clock), 90_000, max_ticks=3)
    assert len(results) == 3
    assert results[-1].next_due is None
    assert summary.scopes[0].ended is Ending.DONE


def test_a_callback_or_a_log_that_fails_does_not_end_the_warming(clock, capsys) -> None:
    def on_tick(result):
        raise RuntimeError("no")

    provider = Provider(clock)
    warmer = CacheWarmer(
        provider, WarmupConfig(request=claude()), on_tick, WarmOptions(seconds=1000, time=simulated(clock))
    )
    warmer.start()
    warmer.wait(60)
    assert len(provider.asked) == 5
    assert capsys.readouterr().err.count("warming goes on") == 1


def test_each_scope_has_a_name_of_its_own(clock) -> None:
    configs = [
        WarmupConfig(request=claude(), name="a"),
        WarmupConfig(request=claude(), name="a"),
        WarmupConfig(request=claude()),
    ]
    names = [scope.name for scope in CacheWarmer(Provider(clock), configs).scopes]
    assert names == ["a", "a (2)", "3"]


def test_a_refusal_names_the_scope(clock) -> None:
    with pytest.raises(UsageError, match="scope a: an interval of 300 s"):
        CacheWarmer(Provider(clock), WarmupConfig(request=claude(), name="a", interval_seconds=300))


def test_no_scope_at_all_is_refused(clock) -> None:
    with pytest.raises(UsageError, match="nothing to warm"):
        CacheWarmer(Provider(clock), ())


def test_results_by_scope_add_up(clock) -> None:
    script = [WROTE, OK, RefusedError(500), WROTE, OK]
    results, summary = warmed(Provider(clock, script), 3000)
    scope, by = summary.scopes[0], defaultdict(int)
    for result in results:
        by[result.verdict] += 1
    assert scope.ticks == len(results)
    assert (scope.alive, scope.failed) == (by[WarmVerdict.ALIVE], by[WarmVerdict.FAILED])
    assert scope.spent_usd == sum(result.cost_usd for result in results) == results[-1].spent_usd
