"""AWS on loopback: a server of our own, and moto's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cachekit.pull.aws import connect
from cachekit.pull.command import Context, Pulled, run_pull
from cachekit.pull.options import (
    Clock,
    Place,
    PullOptions,
    PullSource,
    Reading,
    find_sources,
    parse_mode,
    parse_time,
)
from tests.pull.aws import World, serving
from tests.pull.records import NOW


def standing(now: float = NOW / 1000, waits: list[float] | None = None) -> Clock:
    """A clock that stands, but for what it is waited for; `waits` takes the waits, in seconds."""
    held: list[float] = [] if waits is None else waits
    return Clock(lambda: now + sum(held), held.append)


@pytest.fixture(autouse=True)
def _own_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Made-up credentials, and nothing of the user's own."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLEEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "verysecretexample",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world that is served, and where AWS is asked for."""
    held = World()
    with serving(held) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield held


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """moto's server."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def moto(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    """Clients of moto, its state empty."""
    import urllib.request

    import boto3

    urllib.request.urlopen(urllib.request.Request(f"{moto_url}/moto-api/reset", method="POST")).read()
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    return lambda service: boto3.client(service, region_name="us-east-1")


@pytest.fixture
def service(world: World) -> Callable[..., object]:
    """A service of AWS in the world."""
    aws = connect(Place(), standing())
    return lambda name="logs", about="there": aws.service(name, about)


@pytest.fixture
def pull(tmp_path: Path) -> Callable[..., Pulled]:
    """Pulls into `calls.ndjson`, by the options of the command."""

    def run(output: str | None = "calls.ndjson", clock: Clock | None = None, **options: object) -> Pulled:
        path, clock = tmp_path / output if output else None, clock or standing()
        return run_pull(parsed(clock.now(), **options), path, Context(tmp_path, {}, clock))

    return run


OF_READING = ("filter", "sample", "bodies", "content")


def parsed(now: float, since: str = "24h", until: str | None = None, mode: str = "filter", **options) -> PullOptions:
    """The options of the command, as it parses them."""
    source = PullSource(options.pop("place", Place()), options.pop("log_group", None), options.pop("s3", None))
    reading = {name: options.pop(name) for name in OF_READING if name in options}
    return PullOptions(
        sources=find_sources(source, options.pop("sources", None)),
        since=parse_time(since, now),
        until=None if until is None else parse_time(until, now),
        reading=Reading(parse_mode(mode), **reading),
        **options,
    )
