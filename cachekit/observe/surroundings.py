"""What is around a library while it is observed: no network, made-up keys, no talk."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from threading import current_thread
from time import time

from cachekit.capturing.aws import MADE_UP
from cachekit.capturing.opening import opened
from cachekit.capturing.scope import Capture
from cachekit.core.captured import Captured

_KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "AZURE_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_OFF = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else its import asks the network for prices
    "LANGSMITH_TRACING": "false",
    "OTEL_SDK_DISABLED": "true",
}
_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
_ELSEWHERE = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK", "ANTHROPIC_AUTH_TOKEN")
"""The user's own credentials, which are neither needed nor looked at."""


def watched(work: Callable[[], object]) -> tuple[list[Captured], Exception | None]:
    """The calls that a piece of work makes, none of which is sent, and the exception that ended it, if any."""
    calls: list[Captured] = []
    failure = None
    with ExitStack() as stack:
        stack.enter_context(_variables({**dict.fromkeys(_KEYS, MADE_UP), **_OFF}))
        stack.enter_context(_quiet())
        stack.enter_context(opened(Capture(False, calls.append, time, current_thread(), sealed=True)))
        try:
            work()
        except Exception as error:
            failure = error
    return calls, failure


@contextmanager
def _variables(made_up: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    region = next((os.environ[name] for name in _REGION if os.environ.get(name)), "us-east-1")
    os.environ.update({**made_up, **dict.fromkeys(_REGION, region)})
    for name in _ELSEWHERE:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Neither prints nor warnings nor logs: they may hold prompts."""
    nothing, level = io.StringIO(), logging.root.manager.disable
    with redirect_stdout(nothing), redirect_stderr(nothing), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(level)
