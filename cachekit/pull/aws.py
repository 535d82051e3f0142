"""All clients of AWS are made here: one session for a place, one service for each thing read.

Endpoints, proxies, certificates and retries come from the standard AWS configuration (AWS_ENDPOINT_URL,
AWS_MAX_ATTEMPTS, ...). botocore tries a request again when it is throttled or the network fails; where its tries do not
suffice we wait longer, since a pull may take hours and another reader of the log may use up the quota meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.credentials import (  # type: ignore[import-untyped]
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError  # type: ignore[import-untyped]
from botocore.session import Session  # type: ignore[import-untyped]

from cachekit.pull.errors import is_throttled, translate_error
from cachekit.pull.options import Clock, Place

ATTEMPTS = 8
"""Of botocore, where the user configured none: about a minute of waiting."""

PAUSES = (5.0, 10.0, 20.0, 40.0, 60.0, 60.0)
"""Our waits in seconds, after botocore gave up on a throttled request."""

_CONNECT_SECONDS, _READ_SECONDS, _CONNECTIONS = 10, 60, 16


@dataclass(frozen=True, slots=True)
class Service:
    """A client of one service. `about` is what is read, for messages: `log group /a in us-east-1`."""

    client: object = field(repr=False)
    region: str
    about: str
    wait: Callable[[float], None]

    def request(self, operation: str, **parameters: object) -> Mapping[str, object]:
        """The answer to one request. Raises OutsideError, or UsageError where the request makes no sense."""
        call: Callable[..., Mapping[str, object]] = getattr(self.client, operation)
        for pause in (*PAUSES, None):
            try:
                return call(**parameters)
            except (BotoCoreError, ClientError) as error:
                if pause is None or not is_throttled(error):
                    raise translate_error(error, self.about) from None
                self.wait(pause)
        raise AssertionError("the last try returns or raises")


@dataclass(frozen=True, slots=True)
class Aws:
    """AWS as one identity sees it."""

    session: object = field(repr=False)
    config: object = field(repr=False)
    region: str | None
    clock: Clock

    def service(self, name: str, about: str = "", region: str | None = None) -> Service:
        """A client of a service, in the place's region or another. Raises as `Service.ask`."""
        where = region or self.region or ("us-east-1" if name == "s3" else None)
        make: Callable[..., object] = getattr(self.session, "client")  # noqa: B009  boto3 has no types
        try:
            client = make(name, region_name=where, config=self.config)
        except (BotoCoreError, ValueError) as error:
            raise translate_error(error, about) from None
        return Service(client, where or "", f"{about} in {where}" if about and where else about, self.clock.wait)


def connect(place: Place, clock: Clock) -> Aws:
    """A session for a place. Nothing is sent to AWS yet: a role is taken with the first request, and taken again when
    it runs out. Raises UsageError for a profile or a configuration that is none."""
    try:
        core = _session(place)
        if place.role_arn:
            role = _Role(_session(place), place.role_arn)
            core.register_component("credential_provider", CredentialResolver([role]))
        region = core.get_config_variable("region")
        tries = {} if core.get_config_variable("max_attempts") else {"total_max_attempts": ATTEMPTS}
        session = boto3.Session(botocore_session=core)
    except (BotoCoreError, ClientError) as error:
        raise translate_error(error) from None
    config = Config(
        retries=tries,
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        max_pool_connections=_CONNECTIONS,
        user_agent_extra="cachekit",
    )
    return Aws(session, config, region, clock)


def _session(place: Place) -> Session:
    """botocore reads AWS_DEFAULT_REGION only; the AWS CLI and all other SDKs read AWS_REGION before it."""
    session = Session(profile=place.profile)
    if region := place.region or os.environ.get("AWS_REGION"):
        session.set_config_variable("region", region)
    return session


class _Role(CredentialProvider):  # type: ignore[misc]  # botocore has no types
    """Credentials of a role, taken with the credentials of another session."""

    METHOD = CANONICAL_NAME = "cachekit-role"

    def __init__(self, caller: Session, role_arn: str) -> None:
        super().__init__(caller)
        self._caller, self._role_arn = caller, role_arn

    def load(self) -> object:
        """Credentials that are fetched when they are needed, and again before they run out."""
        source = self._caller.get_credentials()
        if source is None:
            raise NoCredentialsError
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=self._caller.create_client,
            source_credentials=source,
            role_arn=self._role_arn,
            extra_args={"RoleSessionName": "cachekit-pull"},
        )
        return DeferredRefreshableCredentials(method=self.METHOD, refresh_using=fetcher.fetch_credentials)
