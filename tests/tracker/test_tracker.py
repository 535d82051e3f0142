"""What a tracker tells: sums, prefixes, windows, labels, prices; and the words of the documentation."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from types import SimpleNamespace

import anthropic
import pytest

import cachekit
from cachekit import CachePolicy, CacheTracker, CallMetrics, Provider
from cachekit.core.model.errors import UsageError
from tests.emulator.bodies import claude, text
from tests.tracker.tracked import tracker_of

PRICES = {"input": 3.00, "cache_read": 0.30, "cache_write_5m": 3.75, "cache_write_1h": 6.00, "output": 15.00}


class Model:
    """A function that answers with the counts it is told to."""

    def __init__(self, **usage: object) -> None:
        self.usage = usage

    def __call__(self, **body: object) -> dict:
        return {"id": "msg_1", "model": body.get("model", ""), "usage": self.usage}


def request(system: str = "Rules.", model: str = "claude-sonnet-4-6", question: str = "Which?") -> dict:
    marked = [{"type": "text", "text": system * 300, "cache_control": {"type": "ephemeral"}}]
    return {"model": model, "max_tokens": 9, "system": marked, "messages": [{"role": "user", "content": question}]}


def quiet(**options) -> CacheTracker:
    return CacheTracker(**{"provider": "anthropic", "on_miss_alert": lambda call: None} | options)


def counts(read: int = 0, written: int = 0, uncached: int = 10, output: int = 5) -> dict:
    return {
        "input_tokens": uncached,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
    }


def test_the_example_of_the_documentation(url):
    client = anthropic.Anthropic(base_url=url, api_key="any")
    tracker = CacheTracker(
        provider=Provider.ANTHROPIC,
        miss_alert_threshold=0.6,
        policy=CachePolicy.miss_aware(delay_ms=2000, max_retries=1),
        on_miss_alert=lambda call: None,
    )
    create = tracker.wrap(client.messages.create)
    create(**claude())
    create(**claude())
    assert {
        "calls",
        "hit_ratio",
        "tokens_read_from_cache",
        "tokens_written_to_cache",
        "cost_usd",
        "cost_saved_usd",
    } <= tracker.aggregate().keys()
    (stats,) = tracker.by_prefix().values()
    assert {"calls", "hit_ratio", "cost_saved_usd"} <= stats.keys()
    assert len(tracker.window(60)) == len(tracker.calls()) == 2
    tracker.reset()
    assert tracker.aggregate() == {"calls": 0}
    assert (tracker.calls(), tracker.by_prefix(), tracker.window(60)) == ([], {}, [])


def test_the_names_are_public():
    assert {"CacheTracker", "CachePolicy", "CallMetrics", "Provider"} <= set(cachekit.__all__)


def test_metrics_are_frozen_and_have_the_fields_of_the_design():
    tracker = quiet()
    tracker.wrap(Model(**counts(read=90, written=10)))(**request())
    (call,) = tracker.calls()
    assert isinstance(call, CallMetrics)
    with pytest.raises(dataclasses.FrozenInstanceError):
        call.model = "other"
    for name in (
        *("provider", "model", "prefix_id", "family", "labels", "input_tokens", "cache_read_tokens"),
        *("cache_creation_tokens", "output_tokens", "elapsed_ms", "ttft_ms", "timestamp", "hit_ratio", "read_share"),
        *("usage", "cost_usd", "cost_saved_usd", "due", "cause", "provider_reason"),
    ):
        assert hasattr(call, name)
    assert (call.input_tokens, call.cache_read_tokens, call.cache_creation_tokens, call.output_tokens) == (
        10,
        90,
        10,
        5,
    )
    assert (call.hit_ratio, call.read_share) == (0.9, 90 / 110)


def test_cost_and_savings_are_exact_and_savings_may_be_negative():
    tracker = quiet(pricing=PRICES)
    tracker.wrap(Model(**counts(read=1_000_000, uncached=0, output=0)))(**request())
    tracker.wrap(Model(**counts(written=1_000_000, uncached=0, output=0)))(**request())
    read, write = tracker.calls()
    assert (read.cost_usd, read.cost_saved_usd) == (0.30, 2.70)
    assert (write.cost_usd, write.cost_saved_usd) == (3.75, -0.75)
    sums = tracker.aggregate()
    assert (sums["cost_usd"], sums["cost_saved_usd"], sums["hit_ratio"]) == (4.05, 1.95, 0.5)


def test_flat_prices_hold_for_a_model_that_nobody_knows_and_without_them_it_is_unpriced():
    priced, unpriced = quiet(pricing=PRICES), quiet()
    for tracker in (priced, unpriced):
        tracker.wrap(Model(**counts(read=1000)))(**request(model="our-own-model"))
    assert priced.calls()[0].cost_usd > 0
    assert (unpriced.calls()[0].cost_usd, unpriced.calls()[0].cost_saved_usd) == (None, None)
    sums = unpriced.aggregate()
    assert (sums["cost_usd"], sums["unpriced"], sums["calls"], sums["hit_ratio"]) == (None, 1, 1, 1.0)


def test_an_alias_is_the_model_that_it_is_said_to_be():
    tracker = quiet(models={"prod": "claude-sonnet-4-6"})
    tracker.wrap(Model(**counts(read=1000)))(**request(model="prod"))
    (call,) = tracker.calls()
    assert (call.model, call.cost_usd > 0, call.usage.quality) == ("claude-sonnet-4-6", True, ())


def test_a_prompt_that_changed_by_a_timestamp_is_one_family_with_two_prefixes():
    tracker = quiet()
    ask = tracker.wrap(Model(**counts(written=2000)))
    ask(**request("It is 10:00:01. Rules."))
    ask(**request("It is 10:00:02. Rules."))
    first, second = tracker.calls()
    assert first.family == second.family
    assert first.prefix_id != second.prefix_id
    assert (second.cause, second.due) == ("prefix_changed", True)
    assert list(tracker.by_prefix()) == [first.prefix_id, second.prefix_id]


def test_the_caller_may_name_the_family():
    tracker = quiet()
    with tracker.label(family="checkout", team="shop"):
        tracker.wrap(Model(**counts()))(**request())
    (call,) = tracker.calls()
    assert (call.family, call.labels) == ("checkout", {"team": "shop"})


def test_labels_nest_and_end_and_belong_to_one_tracker():
    tracker, other = quiet(labels={"app": "a", "team": "none"}), quiet()
    ask, ask_other = tracker.wrap(Model(**counts())), other.wrap(Model(**counts()))
    with tracker.label(team="search"):
        with tracker.label(user=7):
            ask(**request())
            ask_other(**request())
        ask(**request())
    ask(**request())
    assert [call.labels for call in tracker.calls()] == [
        {"app": "a", "team": "search", "user": "7"},
        {"app": "a", "team": "search"},
        {"app": "a", "team": "none"},
    ]
    assert other.calls()[0].labels == {}


def test_labels_are_of_the_task_and_of_the_thread():
    tracker = quiet()
    ask = tracker.wrap(Model(**counts()))

    async def task(name: str) -> None:
        with tracker.label(task=name):
            await asyncio.sleep(0.01)
            ask(**request(question=name))

    async def main() -> None:
        await asyncio.gather(task("a"), task("b"))

    asyncio.run(main())
    thread = threading.Thread(target=lambda: ask(**request(question="thread")))
    with tracker.label(task="outer"):
        thread.start()
        thread.join()
    assert sorted(call.labels.get("task", "-") for call in tracker.calls()) == ["-", "a", "b"]


def test_history_is_bounded_and_sums_are_not():
    tracker = quiet(history_size=5)
    ask = tracker.wrap(Model(**counts(read=100)))
    for number in range(12):
        ask(**request(f"Rules {'x' * number}."))
    assert len(tracker.calls()) == 5
    assert tracker.aggregate()["calls"] == 12
    rows = tracker.by_prefix()
    assert len(rows) == 6
    assert rows["(others)"]["calls"] == 7
    assert sum(row["calls"] for row in rows.values()) == 12
    assert sum(row["cost_saved_usd"] for row in rows.values()) == pytest.approx(tracker.aggregate()["cost_saved_usd"])


def test_a_window_is_of_the_calls_that_started_in_it(emulator):
    tracker = tracker_of(emulator, provider="anthropic")
    ask = tracker.wrap(Model(**counts()))
    for _ in range(3):
        ask(**request())
        emulator.clock.advance(30)
    assert [len(tracker.window(seconds)) for seconds in (29, 30, 60, 90, 1e9)] == [0, 1, 2, 3, 3]


def test_failures_are_counted_apart():
    def fail(**_):
        raise RuntimeError("no")

    tracker = quiet()
    with pytest.raises(RuntimeError):
        tracker.wrap(fail)(**request())
    sums = tracker.aggregate()
    assert (sums["calls"], sums["failed"], sums["unknown"], sums["hit_ratio"]) == (0, 1, 0, None)


def test_where_writes_are_not_reported_the_ratio_is_of_the_prompt(emulator):
    tracker = quiet(provider="openai")
    system = {"role": "system", "content": "Rules. " * 3000}
    body = {"model": "gpt-4o", "messages": [system, {"role": "user", "content": "Hello?"}]}
    for cached in (0, 2048, 4096):
        details = {"cached_tokens": cached}
        tracker.wrap(Model(prompt_tokens=4100, completion_tokens=1, prompt_tokens_details=details))(**body)
    assert [call.hit_ratio for call in tracker.calls()] == [0.0, 0.5, 1.0]
    tracker.wrap(Model(prompt_tokens=900, completion_tokens=1, prompt_tokens_details={"cached_tokens": 0}))(**body)
    assert tracker.calls()[-1].hit_ratio is None


ANSWERS = [
    pytest.param({"usage": counts(read=90)}, id="a dict"),
    pytest.param(SimpleNamespace(usage=SimpleNamespace(**counts(read=90))), id="an object"),
    pytest.param(SimpleNamespace(usage=counts(read=90)), id="an object with a dict"),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_answers_may_be_objects_or_dicts(answer):
    tracker = quiet()
    assert tracker.wrap(lambda **_: answer)(**request()) is answer
    assert tracker.calls()[0].cache_read_tokens == 90


@pytest.mark.parametrize(
    "answer", [None, "text", 5, b"bytes", [1], object(), ("a",), {}], ids=lambda a: type(a).__name__
)
def test_answers_of_no_known_kind_are_unknown_and_handed_back(answer):
    tracker = quiet()
    assert tracker.wrap(lambda **_: answer)(**request()) is answer
    assert not tracker.calls()[0].usage.known


REQUESTS = [
    pytest.param((), {"messages": object()}, id="an object"),
    pytest.param((1, 2), {}, id="positional"),
    pytest.param(({"model": "claude-sonnet-4-6", "messages": []},), {}, id="one dict"),
    pytest.param((), {"messages": [{"role": "user", "content": 7}], "system": {1: 2}}, id="wrong types"),
    pytest.param((), {"model": None, "messages": None, "tools": "x"}, id="nulls"),
]


@pytest.mark.parametrize(("args", "kwargs"), REQUESTS)
def test_requests_of_any_kind_are_recorded(args, kwargs):
    tracker = quiet()
    tracker.wrap(lambda *_, **__: {"usage": counts(read=5)})(*args, **kwargs)
    assert tracker.calls()[0].usage.read == 5
    assert tracker.health()["broken"] == 0


def test_a_request_that_refers_to_itself_is_recorded_too():
    circle: dict = {"role": "user"}
    circle["content"] = [circle]
    tracker = quiet()
    tracker.wrap(Model(**counts(read=5)))(model="m", messages=[circle])
    assert tracker.calls()[0].usage.read == 5
    assert tracker.health()["broken"] == 0


def test_a_request_is_taken_as_it_was_when_it_was_sent():
    tracker = quiet()
    body = request()
    ask = tracker.wrap(Model(**counts()))
    ask(**body)
    body["system"][0]["text"] = "changed"
    ask(**request())
    assert len({call.prefix_id for call in tracker.calls()}) == 1


class Hostile(type):
    """A class that answers no question about it."""

    def __getattr__(cls, name: str) -> object:
        raise RuntimeError(name)


class Answer(metaclass=Hostile):
    """An answer that is none of ours to ask."""


def test_what_we_cannot_follow_is_the_callers_all_the_same(capfd):
    tracker, answer = quiet(), Answer()
    assert tracker.wrap(lambda **_: answer)(**request()) is answer

    async def main() -> object:
        async def ask(**_: object) -> object:
            return answer

        return await tracker.wrap(ask)(**request())

    assert asyncio.run(main()) is answer
    assert [call.usage.known for call in tracker.calls()] == [False, False]
    assert tracker.health()["broken"] == 2
    assert capfd.readouterr().err == "[cachekit] a call could not be followed (RuntimeError)\n"


def test_only_clients_can_be_instrumented():
    with pytest.raises(UsageError, match=r"wrap\(\)"):
        quiet().instrument(object())


def test_a_tracker_that_is_thrown_away_ends_its_thread():
    others = set(threading.enumerate())
    tracker = quiet()
    tracker.wrap(Model(**counts()))(**request())
    tracker.flush()
    (thread,) = set(threading.enumerate()) - others
    assert thread.name == "cachekit-tracker"
    del tracker
    thread.join(5)
    assert not thread.is_alive()


def test_a_wrapped_function_may_outlive_its_tracker(tmp_path):
    log = tmp_path / "calls.ndjson"
    ask = quiet(log=log).wrap(Model(**counts()))
    for wanted in (1, 2):
        ask(**request())
        end = time.monotonic() + 5
        while time.monotonic() < end and (not log.exists() or log.read_bytes().count(b"\n") < wanted):
            time.sleep(0.01)
        assert log.read_bytes().count(b"\n") == wanted


def test_the_prices_of_a_tracker_can_be_read():
    flat = {"input": 1.0, "output": 2.0, "cache_read": 0.1}
    assert quiet(pricing=flat).pricing == flat
    assert quiet().pricing["claude-sonnet-4-6"]["input"] == 3.0


def test_a_listener_that_fails_does_not_stop_the_others(capfd):
    tracker = quiet()

    def broken(*_):
        raise ValueError

    tracker._ledger.listeners = (broken,)
    tracker.wrap(Model(**counts(read=9)))(**request())
    assert tracker.aggregate()["calls"] == 1
    assert "a listener failed (ValueError)" in capfd.readouterr().err


def test_results_of_ones_own_functions_keep_their_behaviour():
    tracker = quiet()

    def events():
        yield {"type": "message_start", "message": {"id": "m", "usage": counts(read=7)}}
        yield {"type": "message_stop"}

    found = tracker.wrap(lambda **_: events())(**request())
    assert hasattr(found, "gi_frame")
    assert not hasattr(found, "__aiter__")
    assert iter(found) is found
    assert len(list(found)) == 2
    assert tracker.calls()[0].usage.read == 7
    cut = tracker.wrap(lambda **_: events())(**request())
    next(cut)
    cut.close()
    assert tracker.calls()[1].flags == {"stream", "incomplete"}
    with pytest.raises(StopIteration):
        next(cut)


def test_awaitables_and_context_managers_of_ones_own():
    tracker = quiet()

    class Manager:
        entered = 0

        def __enter__(self):
            self.entered += 1
            return {"usage": counts(read=3)}

        def __exit__(self, *_):
            return False

    manager = tracker.wrap(lambda **_: Manager())(**request())
    assert isinstance(manager, Manager)
    with manager as answer:
        assert answer["usage"]["cache_read_input_tokens"] == 3
    assert manager.entered == 1

    class Later:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return {"usage": counts(read=4)}

    async def coroutine(**_):
        return {"usage": counts(read=5)}

    async def main():
        assert (await tracker.wrap(lambda **_: Later())(**request()))["usage"]["cache_read_input_tokens"] == 4
        assert (await tracker.wrap(coroutine)(**request()))["usage"]["cache_read_input_tokens"] == 5
        task = tracker.wrap(lambda **body: asyncio.ensure_future(coroutine(**body)))(**request())
        assert isinstance(task, asyncio.Task)
        assert (await task)["usage"]["cache_read_input_tokens"] == 5
        await asyncio.sleep(0)
        with pytest.raises(ZeroDivisionError):
            await tracker.wrap(broken)(**request())

    async def broken(**_):
        return 1 / 0

    asyncio.run(main())
    assert [call.usage.read for call in tracker.calls()] == [3, 4, 5, 5, 0]
    assert [call.failed for call in tracker.calls()] == [False] * 4 + [True]


def test_a_wrapped_function_looks_like_itself():
    def ask(**body: object) -> None:
        """Asks."""

    async def ask_async(**body: object) -> None:
        """Asks, later."""

    tracker = quiet()
    assert (tracker.wrap(ask).__name__, tracker.wrap(ask).__doc__) == ("ask", "Asks.")
    assert asyncio.iscoroutinefunction(tracker.wrap(ask_async))
    assert callable(tracker.wrap(Model()))


def test_the_kind_of_request_is_recognised_by_what_the_user_says_of_the_provider():
    tracker = quiet(provider=Provider.OPENAI)
    tracker.wrap(Model(input_tokens=2000, input_tokens_details={"cached_tokens": 1024}))(
        model="gpt-4o", instructions="Rules. " * 900, input="Hello?"
    )
    (call,) = tracker.calls()
    assert (call.api, call.provider, call.usage.read) == ("openai-responses", "openai", 1024)
    bedrock = quiet(provider="bedrock")
    bedrock.wrap(Model(**counts(read=5)))(**request(model="us.anthropic.claude-sonnet-4-6"))
    assert (bedrock.calls()[0].provider, bedrock.calls()[0].api) == ("bedrock", "anthropic-bedrock")


def test_text_of_the_prompt_is_not_in_a_metric():
    tracker = quiet()
    tracker.wrap(Model(**counts(written=9)))(**request("the secret rules "), tools=[text("the secret tool")])
    assert "secret" not in repr(tracker.calls())
