"""The log with content that the README sends again: two call sites of a shop, recorded on the emulator's clock.

`python -m tests.content_log` writes fixtures/logs/content.ndjson again. The support desk asks under one long prompt,
and twice it pauses for longer than five minutes; the triage has a prompt of its own.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from anthropic import Anthropic

from cachekit.emulator import Clock, Emulator, serve
from cachekit.tracker import CacheTracker
from tests.workload import MARK, prose

PATH = Path(__file__).resolve().parents[1] / "fixtures" / "logs" / "content.ndjson"
_SUPPORT, _TRIAGE = (0, 20, 45, 460, 480, 910), (5, 30, 55, 95)
"""Seconds from the first call."""


def write(path: Path) -> None:
    """Records the calls; how long answers took is left out, for it differs from run to run."""
    rng = random.Random(11)
    prompts = {"support": prose(rng, 1400), "triage": prose(rng, 1300)}
    calls = sorted([(at, "support") for at in _SUPPORT] + [(at, "triage") for at in _TRIAGE])
    emulator = Emulator(clock=Clock(1_795_000_000))
    path.unlink(missing_ok=True)
    tracker = CacheTracker(log=path, content="full", clock=emulator.clock.now, on_miss_alert=lambda call: None)
    with serve(emulator) as url:
        client = tracker.instrument(Anthropic(base_url=url, api_key="any"))
        for number, (at, family) in enumerate(calls):
            emulator.clock.advance(1_795_000_000 + at - emulator.clock.now())
            with tracker.label(family=family, team="shop"):
                client.messages.create(
                    model="claude-sonnet-4-6",
                    max_tokens=300,
                    system=[{"type": "text", "text": prompts[family], "cache_control": MARK}],
                    messages=[{"role": "user", "content": f"Case {number}: {prose(rng, 12)}?"}],
                )
        tracker.flush()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    kept = [{key: value for key, value in line.items() if key != "latency_ms"} for line in lines]
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in kept))


if __name__ == "__main__":
    write(PATH)
