"""`cachekit emulate`: stand-ins for the providers' APIs on this machine."""

from __future__ import annotations

import os
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from cachekit.cli.common.boundary import say
from cachekit.core.config.find import load_config

_REMEMBERED = 1_000
"""Calls and answers that are kept, for diagnostics and stored conversations."""


def emulate(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8787,
    host: Annotated[str, typer.Option(help="Address to listen on; others than this machine reach it only there.")] = (
        "127.0.0.1"
    ),
    first_event_ms: Annotated[
        float | None, typer.Option(min=0, metavar="MS", help="Until an answer begins and its entries can be read.")
    ] = None,
    latency_ms: Annotated[float | None, typer.Option(min=0, metavar="MS", help="Until an answer is complete.")] = None,
    silent_miss_rate: Annotated[
        float, typer.Option(min=0, max=1, metavar="RATE", help="How often nothing is read although an entry lives.")
    ] = 0.0,
    error_rate: Annotated[
        float, typer.Option(min=0, max=1, metavar="RATE", help="How often a 429, a 500 or an overload is answered.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the faults and ids.")] = 0,
) -> None:
    """Stand in for the Anthropic, OpenAI and Bedrock APIs: usage as their caches would give it, answers of a line.

    Prints the variables that point the SDKs here; any key will do. Aliases and ARNs are looked up under [models] of the
    config. A request asks for faults with the header x-emulate: 429;retry-after=1, overloaded, silent-miss, drop,
    truncate-stream, first-event=0.3, latency=2. Ctrl-C ends it, with exit code 0.
    """
    from cachekit.emulator import Emulator, serve

    config = load_config(Path.cwd(), os.environ)
    rates = {"silent-miss": silent_miss_rate, "error": error_rate}
    emulator = Emulator(
        seed=seed,
        faults={name: rate for name, rate in rates.items() if rate},
        first_event_ms=first_event_ms,
        latency_ms=latency_ms,
        models=config.models,
        policy=config.policy,
        history=_REMEMBERED,
    )
    if not _is_loopback(host):
        say(f"warning: {host} is no loopback address: whoever reaches this machine can use the emulator")
    with suppress(KeyboardInterrupt), serve(emulator, port, host) as url:
        typer.echo(_variables(url))
        say("Ctrl-C ends the emulator")
        Event().wait()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _variables(url: str) -> str:
    """What the SDKs read their addresses from."""
    places = {
        "ANTHROPIC_BASE_URL": url,
        "OPENAI_BASE_URL": f"{url}/v1",
        "AZURE_OPENAI_ENDPOINT": url,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        "ANTHROPIC_BEDROCK_BASE_URL": url,
        "ANTHROPIC_BEDROCK_MANTLE_BASE_URL": f"{url}/anthropic",
    }
    return "\n".join(f"{name}={place}" for name, place in places.items())
