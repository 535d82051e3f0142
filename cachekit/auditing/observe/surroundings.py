"""What is around a library while it is observed: no network, made-up keys, no talk."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from threading import current_thread
from time import time

from cachekit.capturing.aws import MADE_UP
from cachekit.capturing.opening import opened
from cachekit.capturing.scope import Capture
from cachekit.core.model.captured import Captured

_KEYS = (
    *("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "AZURE_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_AI_API_KEY"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "BEDROCK_MANTLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
    *("OPENROUTER_API_KEY", "DASHSCOPE_API_KEY", "DATABRICKS_API_KEY", "SNOWFLAKE_JWT", "VERCEL_AI_GATEWAY_API_KEY"),
    *("MINIMAX_API_KEY", "ZAI_API_KEY", "DEEPSEEK_API_KEY", "XAI_API_KEY", "MISTRAL_API_KEY", "GROQ_API_KEY"),
    *("FIREWORKS_API_KEY", "TOGETHERAI_API_KEY", "MOONSHOT_API_KEY", "LITELLM_API_KEY", "LITELLM_PROXY_API_KEY"),
)
_HOSTS = {
    "AZURE_OPENAI_ENDPOINT": "https://example.openai.azure.com",
    "OPENAI_API_VERSION": "2025-04-01-preview",
    "SNOWFLAKE_ACCOUNT_ID": "example",
}
"""What some clients need besides a key; no host is asked."""

_OFF = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else its import asks the network for prices
    "LANGSMITH_TRACING": "false",
    "OTEL_SDK_DISABLED": "true",
}
_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
_ELSEWHERE = (
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "ANTHROPIC_AUTH_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
)
"""The user's own credentials, which are neither needed nor looked at."""


@dataclass(slots=True)
class Watched:
    """The calls that a piece of work made, the hosts of requests in a form that is not read here, and the exception
    that ended the work, if any."""

    calls: list[Captured] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    failure: Exception | None = None


def watch(work: Callable[[], object]) -> Watched:
    """Does a piece of work of which nothing is sent."""
    seen = Watched()
    thread = current_thread()
    with ExitStack() as library:
        library.enter_context(_variables({**dict.fromkeys(_KEYS, MADE_UP), **_HOSTS, **_OFF}))
        library.enter_context(_quiet())
        library.enter_context(
            opened(Capture(False, seen.calls.append, time, thread, sealed=True, stop=seen.elsewhere.append))
        )
        try:
            work()
        except Exception as error:
            seen.failure = error
    return seen


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
