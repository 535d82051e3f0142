"""Which trackers a client tells of its calls. Each is a layer over the client's own methods, laid once; a layer that is
not wanted any more lets calls through, as other layers may lie over it by then."""

from __future__ import annotations

from typing import cast

_NAME = "_cachekit"


class Layer:
    """One tracker's layer, known by its ledger."""

    __slots__ = ("on", "owner")

    def __init__(self, owner: object) -> None:
        self.owner, self.on = owner, True


def lay(client: object, owner: object) -> Layer | None:
    """A new layer for a tracker; None where it has one already, which is on from now on."""
    found = _layer(client, owner)
    if found is not None:
        found.on = True
        return None
    layer = Layer(owner)
    vars(client)[_NAME] = (*_layers(client), layer)  # a new tuple: copies of the client share the old one
    return layer


def lift(client: object, owner: object) -> None:
    """The tracker wants to know no more of this client."""
    found = _layer(client, owner)
    if found is not None:
        found.on = False


def tells(client: object, owner: object) -> bool:
    """Whether a client tells a tracker of its calls."""
    found = _layer(client, owner)
    return found is not None and found.on


def _layer(client: object, owner: object) -> Layer | None:
    return next((layer for layer in _layers(client) if layer.owner is owner), None)


def _layers(client: object) -> tuple[Layer, ...]:
    return cast("tuple[Layer, ...]", getattr(client, "__dict__", {}).get(_NAME, ()))
