"""Logs with content, recorded by a tracker around the real SDKs; and live replays on the emulator's clock."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal

from cachekit.client.clients import AWS, Address, Clients
from cachekit.client.sending import Outgoing, drain, sending_of
from cachekit.core.logs.native import read_calls
from cachekit.core.model.backends import Backend
from cachekit.replay.live import LiveOptions, LiveReplay, Timing, plan_live
from cachekit.tracker import CacheTracker
from tests.warm.parts import NATIVE, claude
from tests.warm.simulated import simulated

SDK = frozenset({Backend.ANTHROPIC_BEDROCK, Backend.ANTHROPIC_BEDROCK_MANTLE})
"""Clients at AWS that take the model and the stream in the body."""


def outgoing(backend, request=None, stream=False) -> Outgoing:
    """A request as an application sends it."""
    body = deepcopy(request or NATIVE[backend])
    backend = Backend(backend)
    model = body.pop("modelId", None) or body.pop("model")
    body = body.get("body", body)
    if backend in AWS and backend not in SDK:
        return Outgoing(backend, body, {}, model, stream)
    return Outgoing(backend, {"model": model, **body, **({"stream": True} if stream else {})}, {}, model)


def record(path, emulator, url, calls, content="full", **labels):
    """A log of calls, each with the seconds that pass before it; what no cache has seen before is cold."""
    tracker = CacheTracker(
        log=path, content=content, clock=emulator.clock.now, on_miss_alert=lambda call: None, labels=labels
    )
    clients = Clients(env={})
    for wait, request in calls:
        emulator.clock.advance(wait)
        region = "us-east-1" if request.backend in AWS else None
        client = tracker.instrument(clients.get(Address(request.backend, region, base_url=url)))
        drain(sending_of(request, client, 20)())
    tracker.flush()
    emulator.evict()
    emulator.clock.advance(100_000)
    return path


def asked(*questions, backend="anthropic", gap=10.0, **more):
    """Calls of one family, so many seconds apart."""
    return [(gap, outgoing(backend, claude(messages=[{"role": "user", "content": q}], **more))) for q in questions]


def options(emulator, url, budget="10", **more) -> LiveOptions:
    """A replay at the emulator, on its clock."""
    told = {
        "timing": Timing.ORIGINAL,
        "base_url": url,
        "clients": Clients(env={}),
        "time": simulated(emulator.clock),
        "sleep": emulator.clock.advance,
    }
    return LiveOptions(budget=Decimal(budget), **{**told, **more})


def planned(path, wish):
    """The plan for a log of ours."""
    return plan_live(lambda: read_calls(path), wish)


def replayed(path, wish):
    """The plan carried out."""
    live = LiveReplay(planned(path, wish), wish)
    live.connect()
    return live.work()
