"""Loopback stand-ins for the Anthropic, OpenAI and Bedrock APIs, with caches that keep the providers' rules.

    emulator = Emulator(clock=Clock(1_800_000_000), faults={"silent_miss": 0.1})
    with serve(emulator) as url:
        client = anthropic.Anthropic(base_url=url, api_key="any")
        ...
        emulator.clock.advance(301)
        assert emulator.calls[-1].usage.read > 0

The provider's own SDKs talk to it unchanged. Answers are short and the same for equal prompts; token counts are the
estimates of `core.tokens`; what is read and written comes from the simulators of `core.cache`. Real caches are best
effort; this one misses only where a test injects it.
"""

from __future__ import annotations

from cachekit.emulator.serve import serve
from cachekit.emulator.state import Clock, Emulator
from cachekit.emulator.values import Served

__all__ = ["Clock", "Emulator", "Served", "serve"]
