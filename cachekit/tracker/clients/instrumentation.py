"""Which trackers record a client's calls. Each lays one attachment over the client's own methods, once; a detached one
lets calls through, as others may lie over it by then."""

from __future__ import annotations

from typing import cast

_NAME = "_cachekit"


class Attachment:
    """One tracker's attachment to a client, known by its ledger."""

    __slots__ = ("on", "owner")

    def __init__(self, owner: object) -> None:
        self.owner, self.on = owner, True


def attach(client: object, owner: object) -> Attachment | None:
    """A new attachment for a tracker; None where it has one already, which is on from now on."""
    found = _find(client, owner)
    if found is not None:
        found.on = True
        return None
    attachment = Attachment(owner)
    vars(client)[_NAME] = (*_attachments(client), attachment)  # a new tuple: copies of the client share the old one
    return attachment


def detach(client: object, owner: object) -> None:
    """Let a tracker record no more calls of this client."""
    found = _find(client, owner)
    if found is not None:
        found.on = False


def is_attached(client: object, owner: object) -> bool:
    """Whether a tracker records a client's calls."""
    found = _find(client, owner)
    return found is not None and found.on


def is_recorded(client: object) -> bool:
    """Whether any tracker records a client's calls."""
    return any(found.on for found in _attachments(client))


def _find(client: object, owner: object) -> Attachment | None:
    return next((found for found in _attachments(client) if found.owner is owner), None)


def _attachments(client: object) -> tuple[Attachment, ...]:
    return cast("tuple[Attachment, ...]", getattr(client, "__dict__", {}).get(_NAME, ()))
