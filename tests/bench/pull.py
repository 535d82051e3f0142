"""A pull of 300,000 events: how long, in how much memory, and what ten kills at random moments lose or double.

A server of our own, in a process of its own, makes the events as they are asked for. Run: make bench-pull.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import orjson
import xxhash

from tests.pull.aws import Events, Logged, World, serving

EVENTS = 300_000
KILLS = 10
START = 1_795_000_000_000
STEP = 288
"""Milliseconds between two events: 300,000 of them are a day."""

GROUP = "/bedrock/calls"
_SYSTEM = "You answer questions about parcels. Be short, be kind, and never guess where a parcel is. " * 12
_BODY = orjson.dumps(
    {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": "<time>",
        "accountId": "111122223333",
        "region": "us-east-1",
        "requestId": "<id>",
        "operation": "Converse",
        "modelId": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "identity": {"arn": "arn:aws:sts::111122223333:assumed-role/shop/app"},
        "input": {
            "inputContentType": "application/json",
            "inputBodyJson": {
                "system": [{"text": _SYSTEM}, {"cachePoint": {"type": "default"}}],
                "messages": [{"role": "user", "content": [{"text": "Where is parcel <id>?"}]}],
            },
            "inputTokenCount": 30,
            "cacheReadInputTokenCount": 2048,
            "cacheWriteInputTokenCount": 0,
        },
        "output": {
            "outputContentType": "application/json",
            "outputBodyJson": {"output": {"message": {"role": "assistant", "content": [{"text": "On its way."}]}}},
            "outputTokenCount": 12,
        },
    }
).decode()


def request_id(place: int) -> str:
    """The request id of the event at a place, as random as a UUID and the same each time."""
    return str(UUID(int=random.Random(place).getrandbits(128)))


def event(place: int) -> Logged:
    """The event at a place."""
    at = START + place * STEP
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // 1000))
    return Logged(at, f"{at:020d}{place:036d}", _BODY.replace("<time>", stamp).replace("<id>", request_id(place)))


def world(events: int) -> World:
    """A log group whose pages hold a megabyte, each seventh none at all."""
    return World(groups={GROUP: Events([START + place * STEP for place in range(events)], event)}, empty_every=7)


@contextmanager
def server(events: int) -> Iterator[str]:
    """The server in its own process; its address."""
    command = [sys.executable, "-m", "tests.bench.pull", "serve", str(events)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def command(output: Path, events: int) -> list[str]:
    """The pull of all events."""
    times = [f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at // 1000))}" for at in (START, START + events * STEP)]
    return [
        *(sys.executable, "-m", "cachekit", "pull", "--log-group", GROUP, "--region", "us-east-1"),
        *("--since", times[0], "--until", times[1], "-o", str(output)),
    ]


def environment(url: str, folder: Path) -> dict[str, str]:
    """Made-up credentials, and nothing of the user's own configuration."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CACHEKIT_"))}
    keys = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example"}
    return {**own, **keys, "AWS_CONFIG_FILE": os.devnull, "XDG_CACHE_HOME": str(folder)}


def timed(arguments: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Seconds that a run took and the most memory it held (MiB)."""
    begun = time.monotonic()
    process = subprocess.Popen(arguments, env=env, stderr=subprocess.PIPE)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the pull failed: {process.stderr.read().decode() if process.stderr else ''}")
    return time.monotonic() - begun, used.ru_maxrss / 1024


def killed(arguments: list[str], env: dict[str, str], after: float) -> bool:
    """Whether a run was killed before it ended by itself."""
    process = subprocess.Popen(arguments, env=env, stderr=subprocess.DEVNULL)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def compared(output: Path, events: int) -> tuple[int, int]:
    """How many calls are missing in an output, and how many stand in it too often."""
    found: Counter[str] = Counter()
    with output.open("rb") as lines:
        for line in lines:
            found[str(orjson.loads(line)["request_id"])] += 1
    wanted = {request_id(place) for place in range(events)}
    return len(wanted - found.keys()), sum(found.values()) - len(wanted & found.keys())


def lines_sum(output: Path) -> int:
    """A sum over the lines of a file, the same in any order."""
    with output.open("rb") as lines:
        return sum(map(xxhash.xxh3_64_intdigest, lines))


def main(events: int = EVENTS, kills: int = KILLS, seed: int = 7) -> int:
    """Prints time, memory and the result; 1 where a call is lost or doubled."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name, server(events) as url:
        folder = Path(name)
        env, once, often = environment(url, folder), folder / "once.ndjson", folder / "often.ndjson"
        seconds, memory = timed(command(once, events), env)
        missing, double = compared(once, events)
        size, rate = once.stat().st_size / 2**20, events / seconds
        print(f"{events:,} events in {seconds:.1f} s ({rate:,.0f}/s), peak {memory:.0f} MiB, log {size:.0f} MiB")
        print(f"without a kill: {missing} lost, {double} doubled")
        delays = [rng.uniform(0.1, 2 * seconds / kills) for _ in range(kills)]
        done = sum(killed(command(often, events), env, delay) for delay in delays)
        last, memory = timed(command(often, events), env)
        lost, doubled = compared(often, events)
        same = lines_sum(once) == lines_sum(often)
        print(f"killed {done} times, then {last:.1f} s to the end, peak {memory:.0f} MiB")
        print(f"after the kills: {lost} lost, {doubled} doubled, the same lines: {'yes' if same else 'no'}")
    return int(bool(missing or double or lost or doubled or not same))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        with serving(world(int(sys.argv[2]))) as address:
            print(address, flush=True)
            signal.pause()
    raise SystemExit(main(*(int(argument) for argument in sys.argv[1:])))
