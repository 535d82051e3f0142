"""Alerts: which misses are told of, with their cause and without any text, and what a bad callback can do (nothing)."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cachekit.core.model.errors import UsageError
from cachekit.tracker import CacheTracker, alert_text, to_logger, webhook

SECRET = "the harbour master's private notes "
SYSTEM = [{"type": "text", "text": SECRET * 300, "cache_control": {"type": "ephemeral"}}]


class Claude:
    """Answers with the counts that it is told to, a second after the call before."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.counts = (0, 2000)

    def clock(self) -> float:
        self.now += 1
        return self.now

    def ask(self, **body: object) -> dict:
        read, written = self.counts
        usage = {"input_tokens": 9, "cache_read_input_tokens": read, "cache_creation_input_tokens": written}
        return {"id": "msg_1", "model": body["model"], "usage": usage | {"output_tokens": 5}}


@pytest.fixture
def claude():
    return Claude()


def tracked(claude: Claude, **options):
    """A tracker with the list of its alerts, and the wrapped call."""
    told: list = []
    tracker = CacheTracker("anthropic", **{"clock": claude.clock, "on_miss_alert": told.append} | options)
    ask = tracker.wrap(claude.ask)

    def call(read: int, written: int, system: object = SYSTEM, **body: object) -> None:
        claude.counts = (read, written)
        asked = [{"role": "user", "content": "Which valve?"}]
        ask(**{"model": "claude-sonnet-4-6", "max_tokens": 9, "system": system, "messages": asked} | body)

    return tracker, told, call


def told_of(tracker, told) -> list[str]:
    tracker.flush(alerts=5)
    return [alert.cause.value if alert.cause else "" for alert in told]


def test_a_cold_start_is_told_as_one(claude):
    tracker, told, call = tracked(claude)
    call(0, 2000)
    call(2000, 0)
    assert told_of(tracker, told) == ["cold"]
    assert told[0].hit_ratio == 0.0


def test_only_what_was_due_if_asked_for(claude):
    tracker, told, call = tracked(claude, alert_on="due")
    call(0, 2000)
    call(0, 2000)
    assert told_of(tracker, told) == ["evicted_or_routed"]


CASES = [
    pytest.param(600, 400, 0.6, False, id="at the threshold"),
    pytest.param(599, 401, 0.6, True, id="below it"),
    pytest.param(1000, 0, 0.6, False, id="a full hit"),
    pytest.param(0, 0, 0.6, False, id="nothing cacheable"),
    pytest.param(900, 100, 0.95, True, id="a threshold of one's own"),
    pytest.param(0, 1000, 0.0, False, id="a threshold of nothing"),
]


@pytest.mark.parametrize(("read", "written", "threshold", "alerts"), CASES)
def test_the_threshold(claude, read, written, threshold, alerts):
    tracker, told, call = tracked(claude, miss_alert_threshold=threshold)
    call(read, written)
    tracker.flush(alerts=5)
    assert bool(told) is alerts


def test_breakpoints_that_are_gone_are_told_of_although_nothing_was_cacheable(claude):
    tracker, told, call = tracked(claude, alert_on="due")
    call(0, 2000)
    call(0, 0, system=[{"type": "text", "text": SECRET * 300}])
    assert told_of(tracker, told) == ["marks_gone"]


def test_a_changed_prompt_is_told_with_what_changed_and_no_text(claude):
    tracker, told, call = tracked(claude, alert_on="due")

    def dated(day: int) -> list:
        return [{"type": "text", "text": f"It is 2026-11-{day} 10:00:00. " + SECRET * 300, "cache_control": MARK}]

    call(0, 2000, system=dated(20))
    call(0, 2000, system=dated(21))
    assert told_of(tracker, told) == ["prefix_changed"]
    assert (told[0].route, told[0].detail) == ("system[0]", "timestamp changed")
    line = alert_text(told[0])
    for word in ("claude-sonnet-4-6", "prefix_changed", "timestamp", "system[0]", "2,000 tokens"):
        assert word in line
    assert "harbour" not in line
    assert "2026" not in line
    assert "harbour" not in repr(told[0])


MARK = {"type": "ephemeral"}


def spelled(word: str) -> dict:
    """A request that says a word wherever text may stand."""
    tool = {"name": f"{word}_tool", "description": word, "input_schema": {"type": "object", "title": word}}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": word}}
    turns = [
        {"role": "user", "content": [{"type": "text", "text": word}, image]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": f"{word}_tool", "input": {word: word}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": word}]},
    ]
    system = [{"type": "text", "text": f"{word} " * 900, "cache_control": MARK}]
    return {
        "system": system,
        "tools": [tool, tool | {"name": f"{word}_other"}],
        "messages": turns,
        "metadata": {"user_id": word},
    }


CHANGED = {
    "the text": lambda body: body["system"][0].update(text="canary " * 800 + "2026-11-20 canary"),
    "a tool's name": lambda body: body["tools"][0].update(name="canary_third"),
    "a tool's schema": lambda body: body["tools"][0]["input_schema"].update(title="canaries"),
    "the order of tools": lambda body: body["tools"].reverse(),
    "the order of keys": lambda body: body["tools"].insert(0, dict(reversed(body["tools"].pop(0).items()))),
    "a tool less": lambda body: body["tools"].pop(),
    "the image": lambda body: body["messages"][0]["content"].pop(),
    "the first turn": lambda body: body["messages"][0]["content"][0].update(text="another canary"),
    "no breakpoint": lambda body: body["system"][0].pop("cache_control"),
    "the tool choice": lambda body: body.update(tool_choice={"type": "tool", "name": "canary_tool"}),
    "the model": lambda body: body.update(model="claude-opus-4-8"),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_no_text_of_a_prompt_is_told_whatever_changed(change, claude, capfd, tmp_path):
    log = tmp_path / "calls.ndjson"
    told: list = []
    tracker, _, call = tracked(claude, on_miss_alert=told.append, log=log)
    call(0, 2000, **spelled("canary"))
    body = {"model": "claude-sonnet-4-6"} | spelled("canary")
    change(body)
    call(0, 2000, **body)
    tracker.flush(alerts=5)
    assert len(told) == 2
    assert "canar" not in "".join(map(alert_text, told)) + repr(told) + repr(tracker.by_prefix())
    assert "canar" not in log.read_text() + capfd.readouterr().err


def test_the_default_writes_a_line_on_stderr(claude, capfd):
    tracker, _, call = tracked(claude, on_miss_alert=None)
    call(0, 2000)
    tracker.flush(alerts=5)
    line = capfd.readouterr().err
    assert line.startswith("[cachekit] cache hit ratio 0.00 anthropic claude-sonnet-4-6 family=system:")
    assert "cause=cold: no earlier call has this prefix" in line
    assert line.count("\n") == 1


def test_one_family_does_not_flood(claude):
    tracker, told, call = tracked(claude)
    for _ in range(60):
        call(0, 2000)
    call(0, 2000, system=[{"type": "text", "text": "Another call site. " * 500, "cache_control": MARK}])
    tracker.flush(alerts=5)
    assert 5 <= sum(alert.family == told[0].family for alert in told) <= 11
    assert told[-1].family != told[0].family
    assert tracker.health()["alerts_held_back"] == 61 - len(told)
    claude.now += 60
    before = len(told)
    call(0, 2000)
    tracker.flush(alerts=5)
    assert len(told) == before + 1


def test_a_callback_that_raises_hurts_nobody(claude, capfd):
    def broken(_):
        raise ValueError("no")

    tracker, _, call = tracked(claude, on_miss_alert=broken)
    call(0, 2000)
    call(2000, 0)
    tracker.flush(alerts=5)
    assert tracker.health()["alerts_failed"] == 1
    assert tracker.aggregate()["calls"] == 2
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit], ids=lambda error: error.__name__)
def test_a_callback_that_wants_to_end_the_program_does_not_end_the_alerts(error, claude):
    tried = []

    def leaving(call):
        tried.append(call)
        raise error

    tracker, _, call = tracked(claude, on_miss_alert=leaving)
    for _ in range(3):
        call(0, 2000)
    tracker.flush(alerts=5)
    assert len(tried) == tracker.health()["alerts_failed"] == 3


def test_a_callback_that_hangs_hurts_nobody_and_what_it_misses_is_counted(claude):
    release = threading.Event()
    tracker, _, call = tracked(claude, on_miss_alert=lambda _: release.wait())
    begun = time.monotonic()
    for number in range(150):
        call(0, 2000, system=[{"type": "text", "text": f"{'x' * number} " * 500, "cache_control": MARK}])
    assert tracker.aggregate()["calls"] == 150
    assert time.monotonic() - begun < 10
    assert not tracker._ledger.alerts.drain(0)
    assert tracker.health()["alerts_dropped"] == 50
    release.set()
    tracker.flush(alerts=5)
    assert tracker.health()["alerts_sent"] == 100


READINGS = {
    "flush": lambda tracker: tracker.flush(),
    "calls": lambda tracker: tracker.calls(),
    "aggregate": lambda tracker: tracker.aggregate(),
    "by_prefix": lambda tracker: tracker.by_prefix(),
}


@pytest.mark.parametrize("read", READINGS.values(), ids=READINGS)
def test_the_alerts_of_a_call_are_out_when_results_are_read(read, claude):
    alerts: list = []
    tracker, _, call = tracked(claude, on_miss_alert=lambda found: (time.sleep(0.05), alerts.append(found)))
    call(0, 2000)
    read(tracker)
    assert [alert.cause for alert in alerts] == ["cold"]


def test_a_callback_may_ask_its_own_tracker(claude):
    totals: list = []
    tracker, _, call = tracked(claude, on_miss_alert=lambda _: totals.append(tracker.aggregate()["calls"]))
    begun = time.monotonic()
    call(0, 2000)
    assert tracker.flush()
    assert totals == [1]
    assert time.monotonic() - begun < 1


def test_flush_tells_whether_all_alerts_are_out(claude):
    release = threading.Event()
    tracker, _, call = tracked(claude, on_miss_alert=lambda _: release.wait())
    call(0, 2000)
    assert not tracker.flush(alerts=0.05)
    release.set()
    assert tracker.flush()


def test_an_async_callback_is_awaited(claude):
    told = []

    async def tell(call):
        await asyncio.sleep(0)
        told.append(call.cause)

    tracker, _, call = tracked(claude, on_miss_alert=tell)
    call(0, 2000)
    tracker.flush(alerts=5)
    assert told == ["cold"]


def test_to_a_logger(claude, caplog):
    tracker, _, call = tracked(claude, on_miss_alert=to_logger("app.cache", logging.ERROR))
    with caplog.at_level(logging.ERROR, "app.cache"):
        call(0, 2000)
        tracker.flush(alerts=5)
    (record,) = caplog.records
    assert (record.name, record.levelno, record.cachekit.cause) == ("app.cache", logging.ERROR, "cold")
    assert "cause=cold" in record.getMessage()


@pytest.fixture
def hook():
    """A webhook on loopback, and what it was sent."""
    posted, status = [], [200]

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            posted.append((self.path, self.headers["content-type"], json.loads(body)))
            self.send_response(status[0])
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Silence."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/T000/B000", posted, status
    server.shutdown()
    server.server_close()


def test_to_a_webhook_in_slacks_shape(claude, hook):
    url, posted, status = hook
    tracker, _, call = tracked(claude, on_miss_alert=webhook(url))
    call(0, 2000)
    tracker.flush(alerts=5)
    ((path, kind, body),) = posted
    assert (path, kind, list(body)) == ("/T000/B000", "application/json", ["text"])
    assert "cause=cold" in body["text"]
    assert "harbour" not in body["text"]
    status[0] = 500
    call(0, 2000)
    tracker.flush(alerts=5)
    assert tracker.health()["alerts_failed"] == 1


def test_a_webhook_takes_web_addresses_only():
    with pytest.raises(UsageError):
        webhook("file:///etc/passwd")


def test_a_wrong_word_is_refused():
    with pytest.raises(UsageError):
        CacheTracker(alert_on="never")
