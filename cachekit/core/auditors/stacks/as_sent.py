"""A request that was seen as it left: no library changes it any more, and none can refuse it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.auditors.stacks.origins import elsewhere
from cachekit.core.auditors.stacks.wire import Wire
from cachekit.core.backends import Backend
from cachekit.core.shape import text


def as_sent(body: Mapping[str, object], backend: Backend) -> Wire:
    """The wire of a body in the native form of its backend: the body itself."""
    wire = Wire(backend, body, text(body.get("modelId")) or text(body.get("model")) or "")
    return replace(wire, notes=elsewhere(wire, "this program"))
