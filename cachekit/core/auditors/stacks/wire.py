"""What a library puts on the wire for a request that a user hands to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cachekit.core.backends import Backend
from cachekit.core.prompt import Note


@dataclass(frozen=True, slots=True)
class Wire:
    """A translated request.

    `body` is what the library sends, in the native form of `backend` (for bedrock-converse the keyword arguments of
    `converse`, for bedrock-invoke-anthropic the body alone with the model under `model`). `origin` maps routes of the
    body to routes of the user's request; a route that is missing came from its nearest mapped parent. `notes` say what
    was dropped, moved or changed on the way. `raises` is the library's own refusal, None when it sends. `unsure` names
    what the model cannot decide (an unknown release, a model outside the tables).
    """

    backend: Backend
    body: Mapping[str, object]
    model: str = ""
    origin: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    raises: str | None = None
    unsure: tuple[str, ...] = ()
