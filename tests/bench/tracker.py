"""The tracker's own time per call, against cachebench 0.1.0 from the index in an environment of its own.

    python -m tests.bench.tracker              interleaved runs of both, and the tracker on a real client
    python -m tests.bench.tracker --memory     a million calls: does the memory stay flat?
    python -m tests.bench.tracker --log        two processes of eight threads, and killed ones

Own time is what a wrapped function takes longer than the function itself. Both sides get the same prompts of 60 KB and
the same answers at once, so nothing but their own work is left. What our worker thread does besides is reported as CPU
time of the whole process by call.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

CALLS, ROUNDS = 300, 5
SIZE = 60_000
SIDES = ("cachebench", "cachekit")
CACHEBENCH = "cachebench==0.1.0"
MODEL = "claude-sonnet-4-6"
MARK = {"type": "ephemeral"}


# --- prompts ----------------------------------------------------------------------------------------------------------


def prose(rng: random.Random, size: int) -> str:
    words = "the harbour ledger valve measures records lantern survey gasket meadow circuit tariff of a and in".split()
    text = " ".join(rng.choice(words) for _ in range(size // 5))
    return text[:size]


def long_system(rng: random.Random, calls: int) -> list[dict]:
    """One long system prompt, another question each time."""
    system = [{"type": "text", "text": prose(rng, SIZE), "cache_control": MARK}]
    return [body(system, [{"role": "user", "content": f"Question {n}? {prose(rng, 200)}"}]) for n in range(calls)]


def many_tools(rng: random.Random, calls: int) -> list[dict]:
    """Forty tools and a system prompt."""
    schema = {"type": "object", "properties": {"what": {"type": "string"}, "limit": {"type": "integer"}}}
    tools = [{"name": f"tool_{n}", "description": prose(rng, SIZE // 80), "input_schema": schema} for n in range(40)]
    system = [{"type": "text", "text": prose(rng, SIZE // 3), "cache_control": MARK}]
    return [body(system, [{"role": "user", "content": f"Question {n}?"}]) | {"tools": tools} for n in range(calls)]


def conversation(rng: random.Random, calls: int) -> list[dict]:
    """Conversations of sixty turns, which grow by two with each call."""
    system = [{"type": "text", "text": prose(rng, SIZE // 4), "cache_control": MARK}]
    out: list[dict] = []
    while len(out) < calls:
        turns = [
            {"role": ("user", "assistant")[n % 2], "content": [{"type": "text", "text": prose(rng, SIZE // 70)}]}
            for n in range(60)
        ]
        for length in range(41, 60, 2):
            last = {"type": "text", "text": turns[length - 1]["content"][0]["text"], "cache_control": MARK}
            out.append(body(system, [*turns[: length - 1], {"role": "user", "content": [last]}]))
    return out[:calls]


def body(system: list, messages: list) -> dict:
    return {"model": MODEL, "max_tokens": 100, "system": system, "messages": messages}


SHAPES = {"a long system prompt": long_system, "forty tools": many_tools, "a long conversation": conversation}


# --- one side, in its own process -------------------------------------------------------------------------------------


def answer(**_: object) -> SimpleNamespace:
    usage = {"input_tokens": 60, "cache_read_input_tokens": 15000, "cache_creation_input_tokens": 0}
    return SimpleNamespace(id="msg_1", model=MODEL, usage=SimpleNamespace(**usage, output_tokens=20))


def wrapped(side: str) -> Callable[..., object]:
    if side == "cachebench":
        from cachebench import CacheTracker, Provider

        return CacheTracker(provider=Provider.ANTHROPIC).wrap(answer)
    from cachekit import CacheTracker, Provider

    return CacheTracker(provider=Provider.ANTHROPIC).wrap(answer)


def own_times(ask: Callable[..., object], requests: list[dict]) -> list[float]:
    """Microseconds that each call took longer than the function alone. A call to a model would take a second, in which
    a worker thread is long done: so a little time is left between calls, to both sides."""
    bare = statistics.median(timed(answer, request) for request in requests)
    found = []
    for request in requests:
        found.append(timed(ask, request) - bare)
        time.sleep(0.001)
    return found


def timed(ask: Callable[..., object], request: dict) -> float:
    begun = time.perf_counter()
    ask(**request)
    return (time.perf_counter() - begun) * 1e6


def run_side(side: str, path: str) -> None:
    """Prints, as JSON, for each shape: the median and the 95th percentile of the own time, and the CPU time by call."""
    shapes = json.loads(Path(path).read_text())
    ask = wrapped(side)
    found = {}
    for name, requests in shapes.items():
        own_times(ask, requests[:20])
        cpu = time.process_time()
        times = sorted(own_times(ask, requests))
        cpu = (time.process_time() - cpu) / len(requests) * 1e6
        found[name] = [statistics.median(times), times[int(len(times) * 0.95)], cpu]
    print(json.dumps(found))


# --- both sides -------------------------------------------------------------------------------------------------------


def compare(pythons: dict[str, Path | str]) -> bool:
    """Runs both sides in turn and prints what each took. Whether ours is within its bounds."""
    rng = random.Random(7)
    shapes = {name: shape(rng, CALLS) for name, shape in SHAPES.items()}
    sizes = {name: len(json.dumps(requests[-1])) for name, requests in shapes.items()}
    rounds: dict[str, list[dict]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requests.json"
        path.write_text(json.dumps(shapes))
        for _ in range(ROUNDS):
            for side in SIDES:
                program = [str(pythons[side]), __file__, "--side", side, "--requests", str(path)]
                done = subprocess.run(program, check=True, capture_output=True, text=True)
                rounds[side].append(json.loads(done.stdout))
    print(f"own time of a call in microseconds, median of {ROUNDS} runs of {CALLS} calls (95th percentile; CPU in all)")
    told_all = [told(name, sizes[name], rounds) for name in SHAPES]  # every line is printed, whatever the first says
    return all(told_all)


def told(name: str, size: int, rounds: dict[str, list[dict]]) -> bool:
    theirs, ours = (medians([run[name] for run in rounds[side]]) for side in SIDES)
    share = ours[0] / theirs[0]
    print(
        f"{name:<22} {size / 1000:3.0f} KB   cachebench {theirs[0]:6.1f} ({theirs[1]:6.1f}; {theirs[2]:6.1f})"
        f"   cachekit {ours[0]:6.1f} ({ours[1]:6.1f}; {ours[2]:6.1f})   {share:.2f} of it"
    )
    return share <= 1 / 3 and ours[0] <= 1000


def medians(runs: list[list[float]]) -> list[float]:
    return [statistics.median(values) for values in zip(*runs, strict=True)]


# --- memory -----------------------------------------------------------------------------------------------------------


def memory(calls: int) -> bool:
    """Calls with ever new prompts, prefixes and labels; the memory in use at each tenth. Whether it stayed flat."""
    from cachekit import CacheTracker

    rng = random.Random(7)
    tracker = CacheTracker("anthropic", on_miss_alert=lambda call: None)
    ask = tracker.wrap(answer)
    base = prose(rng, 4000)
    found = []
    for number in range(calls):
        system = [{"type": "text", "text": f"{base} Tenant {number % 5000}.", "cache_control": MARK}]
        with tracker.label(user=number % 1000):
            ask(**body(system, [{"role": "user", "content": f"Question {number}?"}]))
        if (number + 1) % max(1, calls // 10) == 0:
            tracker.flush()
            found.append(resident())
            print(f"{number + 1:>9,} calls: {found[-1]:6.1f} MB", flush=True)
    return found[-1] <= found[len(found) // 2] * 1.05 + 2


def resident() -> float:
    """Megabytes of memory that the process has in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--requests")
    parser.add_argument("--memory", type=int, nargs="?", const=1_000_000)
    parser.add_argument("--cachebench", help="the Python of an environment with cachebench 0.1.0; made if not given")
    parser.add_argument("--log", action="store_true")
    options = parser.parse_args()
    if options.side:
        run_side(options.side, options.requests)
        return 0
    if options.memory:
        return 0 if memory(options.memory) else 1
    if options.log:
        from tests.bench.tracker_log import main as log

        return log()
    from tests.stacks.run import environment

    theirs = options.cachebench or environment("cachebench", [CACHEBENCH], fresh=False)
    return 0 if compare({"cachebench": theirs, "cachekit": sys.executable}) else 1


if __name__ == "__main__":
    sys.exit(main())
