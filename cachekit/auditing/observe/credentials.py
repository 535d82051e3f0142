"""Credentials that a library fetches before it sends anything: made up here, so that neither google-auth nor an account
is needed to see what it sends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from cachekit.auditing.observe.libraries import named
from cachekit.capturing.aws import MADE_UP

_PROJECT = "example"


def _google(self: object, credentials: object, project_id: str | None, *_: object, **__: object) -> tuple[str, str]:
    return MADE_UP, project_id or _PROJECT


async def _google_async(self: object, credentials: object, project_id: str | None) -> tuple[str, str]:
    return MADE_UP, project_id or _PROJECT


def _key(self: object) -> str:
    return MADE_UP


_FETCHED: Mapping[str, tuple[str, str, Mapping[str, Callable[..., object]]]] = {
    "vertex_ai": (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "litellm.llms.vertex_ai.vertex_llm_base:VertexBase",
        {"get_access_token": _google, "get_access_token_async": _google_async},
    ),
    "github_copilot": (
        "GITHUB_COPILOT_TOKEN_DIR",
        "litellm.llms.github_copilot.authenticator:Authenticator",
        {"get_api_key": _key, "get_access_token": _key},
    ),
}
"""By LiteLLM's provider: the variable that names real credentials, who fetches them, and what is answered instead."""


@contextmanager
def litellm_credentials(model: object) -> Iterator[None]:
    """LiteLLM gets made-up tokens for providers where it would fetch one; for others, and where the environment names
    credentials, nothing is changed."""
    variable, owner, answers = _FETCHED.get(str(model).partition("/")[0], ("", "", {}))
    with ExitStack() as changed:
        if owner and not os.environ.get(variable):
            holder = named(owner)
            for name, answer in answers.items():
                before = getattr(holder, name, None)
                if before is not None:
                    setattr(holder, name, answer)
                    changed.callback(setattr, holder, name, before)
        yield
