"""Trackers and clients that come and go: instrumented in turns, let go, thrown away, copied; forks and the end of a
program, which lose no call and wait for nobody."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import weakref
from pathlib import Path

import anthropic
import openai
import pytest

from cachekit import CallMetrics, read_calls
from cachekit.tracker import CacheTracker
from tests.emulator.bodies import chat, claude, converse
from tests.tracker.test_boto3 import runtime
from tests.tracker.tracked import tracker_of

CLIENTS = {
    "anthropic": (lambda url: anthropic.Anthropic(base_url=url, api_key="any"), "messages.create", claude),
    "openai": (lambda url: openai.OpenAI(base_url=f"{url}/v1", api_key="any"), "chat.completions.create", chat),
    "boto3": (runtime, "converse", converse),
}


class Kind:
    """A kind of client: `new` makes one, `ask` calls a model with it."""

    def __init__(self, url: str, name: str) -> None:
        self._url, (self._make, self._path, self._body) = url, CLIENTS[name]

    def new(self):
        return self._make(self._url)

    def method(self, client):
        for name in self._path.split("."):
            client = getattr(client, name)
        return client

    def ask(self, client) -> None:
        self.method(client)(**self._body())


@pytest.fixture(params=CLIENTS)
def kind(request, url):
    return Kind(url, request.param)


def counted(*trackers: CacheTracker) -> list[int]:
    return [len(tracker.calls()) for tracker in trackers]


def test_trackers_that_take_turns_on_a_client_record_each_call_once(kind, tracker, emulator):
    other, client = tracker_of(emulator), kind.new()
    for one in (tracker, other, tracker, other):
        assert one.instrument(client) is client
    kind.ask(client)
    assert counted(tracker, other) == [1, 1]
    tracker.wrap(kind.method(client))(**kind._body())
    other.wrap(tracker.wrap(other.wrap(kind.method(client))))(**kind._body())
    assert counted(tracker, other) == [3, 3]


def test_a_client_that_is_let_go_tells_no_more(kind, tracker, emulator):
    other, client = tracker_of(emulator), kind.new()
    tracker.instrument(client)
    other.instrument(client)
    kind.ask(client)
    assert tracker.uninstrument(client) is client
    kind.ask(client)
    assert counted(tracker, other) == [1, 2]
    tracker.instrument(client)
    kind.ask(client)
    assert counted(tracker, other) == [2, 3]


def test_letting_go_of_a_client_that_never_told_changes_nothing(kind, tracker):
    client = kind.new()
    before = dict(vars(client))
    tracker.uninstrument(client)
    assert vars(client) == before
    kind.ask(client)
    assert tracker.calls() == []


@pytest.mark.parametrize("name", ["anthropic", "openai"])
def test_copies_of_a_client_that_was_let_go_are_left_alone(name, url, tracker):
    kind = Kind(url, name)
    client = tracker.instrument(kind.new())
    before = client.with_options(timeout=9)
    tracker.uninstrument(client)
    kind.ask(client.copy())
    kind.ask(client.with_options(timeout=9))
    assert tracker.calls() == []
    kind.ask(before)
    assert counted(tracker) == [1]


def test_a_method_may_outlive_its_client(kind, tracker, emulator):
    other = tracker_of(emulator)
    wrapped, kept = tracker.wrap(kind.method(kind.new())), kind.method(tracker.instrument(kind.new()))
    both = other.wrap(kind.method(tracker.instrument(kind.new())))
    gc.collect()
    for ask in (wrapped, kept, both):
        ask(**kind._body())
    assert counted(tracker, other) == [3, 1]


@pytest.mark.parametrize("name", ["anthropic", "openai"])
def test_a_shallow_copy_of_a_client_works_and_tells(name, url, tracker):
    kind = Kind(url, name)
    client = tracker.instrument(kind.new())
    twin = copy.copy(client)
    del client
    gc.collect()
    kind.ask(twin)
    assert counted(tracker) == [1]


def test_a_tracker_keeps_no_client_and_a_client_works_without_its_tracker(kind, emulator):
    tracker = tracker_of(emulator)
    client, dropped = tracker.instrument(kind.new()), tracker.instrument(kind.new())
    kind.ask(dropped)
    gone = weakref.ref(dropped)
    del dropped
    gc.collect()
    assert gone() is None
    assert counted(tracker) == [1]
    del tracker
    gc.collect()
    kind.ask(client)


def test_metrics_can_be_pickled_and_copied(url, tracker):
    kind = Kind(url, "anthropic")
    kind.ask(tracker.instrument(kind.new()))
    (call,) = tracker.calls()
    assert isinstance(call, CallMetrics)
    assert pickle.loads(pickle.dumps(call)) == copy.deepcopy(call) == call


# --- programs ---------------------------------------------------------------------------------------------------------

HEAD = """
    import os, sys, threading, time
    from cachekit import CacheTracker

    def tracked(**more):
        return CacheTracker("anthropic", **{"log": sys.argv[1], "on_miss_alert": lambda call: None} | more)

    USAGE = {"input_tokens": 9, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 2000, "output_tokens": 1}

    def answer(**body):
        return {"id": body["messages"][0]["content"], "usage": USAGE}

    def streamed(**body):
        yield {"type": "message_start", "message": answer(**body)}
        yield {"type": "message_stop"}

    def ask(function, name):
        system = [{"type": "text", "text": "Rules. " * 900, "cache_control": {"type": "ephemeral"}}]
        turns = [{"role": "user", "content": name}]
        return function(model="claude-sonnet-4-6", max_tokens=9, system=system, messages=turns)
"""


def ran(path: Path, program: str, head: str = "") -> subprocess.CompletedProcess:
    """A program with a log, run to its end."""
    source = "\n".join(map(textwrap.dedent, (head, HEAD, program)))
    script = path.with_name("program.py")
    script.write_text(source)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(script), str(path)]
    told = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, env=env, **told) as process:
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # and what it forked
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def logged(path: Path) -> dict[str, list[str]]:
    """The flags of each call of a log by its id; there is one line a call."""
    calls = list(read_calls(path))
    assert len({call.id for call in calls}) == len(calls)
    return {call.id: sorted(call.flags) for call in calls}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "calls.ndjson"


ENDS = {
    "the end": "",
    "sys.exit": "sys.exit(0)",
    "an error": "raise ValueError",
    "in a thread": "threading.Thread(target=lambda: [ask(create, f'late-{n}') for n in range(9)]).start()",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_nothing_that_was_called_is_lost_at_the_end_of_a_program(end, path):
    program = """
        create = tracked().wrap(answer)
        for n in range(300):
            ask(create, f"call-{n}")
    """
    ran(path, textwrap.dedent(program) + end)
    wanted = {f"call-{n}" for n in range(300)} | ({f"late-{n}" for n in range(9)} if "late" in end else set())
    assert logged(path).keys() == wanted


def test_a_call_by_a_handler_that_runs_after_ours_is_not_lost(path):
    head = """
        import atexit
        atexit.register(lambda: [ask(create, f"call-{n}") for n in range(50)])
    """
    ran(path, "create = tracked().wrap(answer)", head)
    assert len(logged(path)) == 50


def test_a_stream_that_is_left_lying_at_the_end_is_recorded_as_incomplete(path):
    program = """
        create = tracked().wrap(streamed)
        left, untouched = ask(create, "left"), ask(create, "untouched")
        next(left)
        whole = list(ask(create, "whole"))
    """
    ran(path, program)
    assert logged(path) == {"left": ["incomplete", "stream"], "": ["incomplete", "stream"], "whole": ["stream"]}


def test_callbacks_that_hang_do_not_hold_up_the_end_for_long(path):
    head = """
        import atexit, time
        atexit.register(lambda: print(time.monotonic() - begun))
    """
    program = """
        trackers = [tracked(on_miss_alert=lambda call: time.sleep(60)) for _ in range(4)]
        for tracker in trackers:
            ask(tracker.wrap(answer), f"call-{id(tracker)}")
            tracker.flush()
        begun = time.monotonic()
    """
    done = ran(path, program, head)
    assert 1.5 < float(done.stdout) < 3.5
    assert len(logged(path)) == 4


def test_alerts_that_take_a_moment_are_still_told_at_the_end(path):
    program = """
        def slow(call):
            time.sleep(0.3)
            sys.stderr.write("told")

        ask(tracked(on_miss_alert=slow).wrap(answer), "call")
    """
    assert ran(path, program).stderr == "told"


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_of_multiprocessing_lose_nothing(method, path):
    program = f"""
        import multiprocessing

        def work(number):
            create = tracked().wrap(answer)
            for n in range(50):
                ask(create, f"{{number}}-{{n}}")

        def work_on(number):
            for n in range(50):
                ask(create, f"{{number}}-{{n}}")

        if __name__ == "__main__":
            create = tracked().wrap(answer)
            ask(create, "parent")
            context = multiprocessing.get_context("{method}")
            for target in (work, work_on) if "{method}" == "fork" else (work,):
                workers = [context.Process(target=target, args=(f"{{target.__name__}}{{n}}",)) for n in range(2)]
                for worker in workers:
                    worker.start()
                for worker in workers:
                    worker.join()
    """
    done = ran(path, program)
    assert done.stderr == ""
    assert len(logged(path)) == 1 + (200 if method == "fork" else 100)


fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@fork
def test_what_a_parent_reads_it_records_and_its_child_does_not(path):
    program = """
        create = tracked().wrap(streamed)
        stream = ask(create, "parents")
        next(stream)
        child = os.fork()
        if child == 0:
            del stream
            list(ask(create, "childs"))
            sys.exit(0)
        os.waitpid(child, 0)
        list(stream)
    """
    ran(path, program)
    assert logged(path) == {"parents": ["stream"], "childs": ["stream"]}


@fork
def test_a_child_waits_for_no_leader_of_its_parent(path):
    program = """
        tracker = tracked()
        inside, done = threading.Event(), threading.Event()

        def lead():
            with tracker.lead("p"):
                inside.set()
                done.wait()

        threading.Thread(target=lead).start()
        inside.wait()
        child = os.fork()
        begun = time.monotonic()
        if child == 0:
            with tracker.lead("p") as place:
                print(place.led, time.monotonic() - begun < 5, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        done.set()
    """
    assert ran(path, program).stdout == "True True\n"


@fork
def test_forks_in_the_middle_of_many_calls_neither_hang_nor_lose_any(path):
    program = """
        tracker = tracked()
        create = tracker.wrap(answer)
        work = lambda number: [ask(create, f"{os.getpid()}-{number}-{n}") for n in range(200)]
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        children = []
        for n in range(10):
            child = os.fork()
            if child == 0:
                ask(create, f"child-{n}")
                tracker.flush()
                os._exit(0)
            children.append(child)
        assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    """
    done = ran(path, program)
    assert done.stderr == ""
    calls = logged(path)
    assert {f"child-{n}" for n in range(10)} <= calls.keys()
    assert len(calls) == 810
