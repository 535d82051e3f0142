"""Clients of the providers' SDKs, built from an address and the SDK's own environment. SDKs are imported here, when
used.

Retries of the SDKs are off: who sends keeps a schedule and a budget, and a second retry behind it would pass both.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import urlsplit

from cachekit.core.model.backends import Backend
from cachekit.core.model.errors import OutsideError, UsageError

AWS = frozenset(
    {
        Backend.BEDROCK_CONVERSE,
        Backend.BEDROCK_INVOKE_ANTHROPIC,
        Backend.ANTHROPIC_BEDROCK,
        Backend.ANTHROPIC_BEDROCK_MANTLE,
    }
)
"""Backends whose clients have a region."""

_OPENAI = (Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES)
_NO_KEY = "no-key"
"""Handed to a server on this machine where the environment has no key: an emulator asks for none."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Address:
    """What tells clients apart."""

    backend: Backend
    region: str | None = None
    profile: str | None = None
    base_url: str | None = None
    timeout: float = 60.0

    def local(self, env: Mapping[str, str], variable: str) -> bool:
        """Whether it is a server on this machine, by its URL or the SDK's own variable for one."""
        url = self.base_url or env.get(variable)
        return bool(url) and urlsplit(url or "").hostname in _LOOPBACK


@dataclass(slots=True)
class Clients:
    """Clients by address, each built once and shared; `renew` builds one again, so that fresh credentials are found."""

    env: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)  # holds keys: never shown
    _built: dict[Address, object] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def get(self, address: Address) -> object:
        """The client; raises OutsideError where the SDK cannot make one."""
        with self._lock:
            if address not in self._built:
                self._built[address] = _made(address, self.env)
            return self._built[address]

    def renew(self, address: Address) -> None:
        """Forgets a client."""
        with self._lock:
            self._built.pop(address, None)


def checked(address: Address) -> Address:
    """The address. Raises UsageError for a region or a profile that means nothing there."""
    backend = address.backend
    for name in ("region", "profile"):
        if getattr(address, name) is not None and backend not in AWS and (name, backend) != ("profile", _PROFILED):
            raise UsageError(f"{name} means nothing for {backend.value}", hint="leave it out")
    return address


_PROFILED = Backend.ANTHROPIC
"""Anthropic's SDK has profiles of its own."""


def _made(address: Address, env: Mapping[str, str]) -> object:
    try:
        return _MAKERS[address.backend](address, env)
    except Exception as error:
        raise OutsideError(
            f"no client for {address.backend.value} could be made: {type(error).__name__}",
            hint="set credentials and region as the SDK reads them",
        ) from None


def _anthropic(address: Address, env: Mapping[str, str]) -> object:
    from anthropic import Anthropic

    keyless = address.local(env, "ANTHROPIC_BASE_URL") and not (
        env.get("ANTHROPIC_API_KEY") or env.get("ANTHROPIC_AUTH_TOKEN")
    )
    return Anthropic(
        api_key=_NO_KEY if keyless else None,
        profile=address.profile,
        base_url=address.base_url,
        max_retries=0,
        timeout=address.timeout,
    )


def _openai(address: Address, env: Mapping[str, str]) -> object:
    from openai import OpenAI

    url = address.base_url
    if url is not None and urlsplit(url).path in ("", "/"):
        url = url.rstrip("/") + "/v1"
    keyless = address.local(env, "OPENAI_BASE_URL") and not env.get("OPENAI_API_KEY")
    return OpenAI(api_key=_NO_KEY if keyless else None, base_url=url, max_retries=0, timeout=address.timeout)


def _bedrock(address: Address, env: Mapping[str, str]) -> object:
    from anthropic import AnthropicBedrock

    local = address.local(env, "ANTHROPIC_BEDROCK_BASE_URL")
    return AnthropicBedrock(
        aws_region=address.region or (_local_region(env) if local else None),
        aws_profile=address.profile,
        api_key=_NO_KEY if local and not _has_aws(address, env) else None,
        base_url=address.base_url,
        max_retries=0,
        timeout=address.timeout,
    )


def _mantle(address: Address, env: Mapping[str, str]) -> object:
    from anthropic import AnthropicBedrockMantle

    url = address.base_url
    if url is not None and urlsplit(url).path in ("", "/"):
        url = url.rstrip("/") + "/anthropic"
    local = address.local(env, "ANTHROPIC_BEDROCK_MANTLE_BASE_URL")
    return AnthropicBedrockMantle(
        aws_region=address.region or (_local_region(env) if local else None),
        aws_profile=address.profile,
        api_key=_NO_KEY if local and not _has_aws(address, env) else None,
        base_url=url,
        max_retries=0,
        timeout=address.timeout,
    )


def _boto3(address: Address, env: Mapping[str, str]) -> object:
    import boto3  # type: ignore[import-untyped]  # boto3 ships no types
    from botocore import UNSIGNED  # type: ignore[import-untyped]
    from botocore.config import Config  # type: ignore[import-untyped]

    local = address.local(env, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME")
    keyless = local and not _has_aws(address, env)
    config = Config(
        retries={"total_max_attempts": 1},
        read_timeout=address.timeout,
        connect_timeout=min(10.0, address.timeout),
        signature_version=UNSIGNED if keyless else None,
    )
    session = boto3.Session(profile_name=address.profile, region_name=address.region)
    region = session.region_name or (_local_region(env) if local else None)
    client: object = session.client("bedrock-runtime", region_name=region, endpoint_url=address.base_url, config=config)
    return client


def _local_region(env: Mapping[str, str]) -> str:
    return env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1"


def _has_aws(address: Address, env: Mapping[str, str]) -> bool:
    names = ("AWS_ACCESS_KEY_ID", "AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    return address.profile is not None or any(env.get(name) for name in names)


_MAKERS: Mapping[Backend, Callable[[Address, Mapping[str, str]], object]] = {
    Backend.ANTHROPIC: _anthropic,
    Backend.OPENAI_CHAT: _openai,
    Backend.OPENAI_RESPONSES: _openai,
    Backend.ANTHROPIC_BEDROCK: _bedrock,
    Backend.ANTHROPIC_BEDROCK_MANTLE: _mantle,
    Backend.BEDROCK_CONVERSE: _boto3,
    Backend.BEDROCK_INVOKE_ANTHROPIC: _boto3,
}
