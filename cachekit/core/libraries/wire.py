"""What a library puts on the wire for a request that a user hands to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cachekit.core.model.backends import Backend
from cachekit.core.model.ground import Ground
from cachekit.core.model.prompt import Note


@dataclass(frozen=True, slots=True)
class Wire:
    """A translated request.

    `body` is what the library sends, in the native form of `backend` (for bedrock-converse the keyword arguments of
    `converse`, for bedrock-invoke-anthropic the body alone with the model under `model`). `origin` maps routes of the
    body to routes of the user's request; a route that is missing came from its nearest mapped parent. `notes` say what
    was dropped, moved or changed on the way. `raises` is the library's own refusal, None when it sends. `unsure` names
    what the model cannot decide (an unknown release, a model outside the tables): the whole wire is then assumed, as
    `ground` says. `provider` and `host` are where the body goes, empty where `backend` tells both; `routed`: it
    takes Anthropic's marker in Chat Completions.
    """

    backend: Backend
    body: Mapping[str, object]
    model: str = ""
    origin: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    raises: str | None = None
    unsure: tuple[str, ...] = ()
    ground: Ground = Ground.MEASURED
    provider: str = ""
    host: str = ""
    routed: bool = False

    def __post_init__(self) -> None:
        if self.unsure:
            object.__setattr__(self, "ground", Ground.ASSUMED)

    def doubted(self, *reasons: str) -> Wire:
        """The same wire, no more than assumed, for these reasons besides those that it has."""
        return replace(self, unsure=(*self.unsure, *reasons), ground=Ground.ASSUMED)

    def refused(self, reason: str) -> Wire:
        """The same wire, refused by the library; the first refusal counts."""
        return self if self.raises else replace(self, raises=reason)

    def library_notes(self) -> tuple[Note, ...]:
        """What the library does, as notes for the rules: its refusal, what is not known of it, and what became of
        breakpoints, each on the wire's ground where that is weaker than its own."""
        refusal = () if self.raises is None else (Note("library_refuses", "", self.raises, ground=self.ground),)
        doubts = tuple(Note("library_unsure", "", reason, ground=self.ground) for reason in self.unsure)
        assumed = self.ground is Ground.ASSUMED
        notes = tuple(replace(note, ground=Ground.ASSUMED) if assumed else note for note in self.notes)
        return (*refusal, *doubts, *notes)
