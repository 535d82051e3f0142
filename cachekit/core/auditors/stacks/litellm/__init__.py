"""LiteLLM: the body that `litellm.completion()` sends for its keyword arguments, and what it loses on the way.

Modelled after runs of two releases against a loopback server (see `models.json` for the source and the date). LiteLLM
reads its price map from the network when it starts, unless told otherwise: a model newer than the release may be known
to it and not to this table, which then says that it is unsure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.auditors.sent import sent_marks
from cachekit.core.auditors.stacks.litellm.calls import wire_of
from cachekit.core.auditors.stacks.litellm.proxy import ProxyConfig, load_proxy_config, resolve_alias
from cachekit.core.auditors.stacks.litellm.release import FORMER, MODERN, NEW, OLD, between, older, release
from cachekit.core.auditors.stacks.wire import Wire

__all__ = ["ProxyConfig", "load_proxy_config", "resolve_alias", "translate"]


def translate(request: Mapping[str, object], version: str) -> Wire:
    """What LiteLLM of a version sends for the keyword arguments of `completion()`. Never raises.

    Between the two measured releases the newer one speaks, and the answer is unsure where they differ.
    """
    wire = wire_of(request, release(version))
    if between(version):
        former = wire_of(request, FORMER)
        if _marks(former) != _marks(wire):
            return replace(wire, unsure=(*wire.unsure, _differ(version)))
    elif older(version):
        return replace(wire, unsure=(*wire.unsure, f"LiteLLM {version} is older than {OLD}, the oldest one measured"))
    return wire


def _marks(wire: Wire) -> tuple[object, ...]:
    sent = Counter((mark.section, mark.ttl, mark.tail) for mark in sent_marks(wire.body, wire.backend))
    return wire.backend, wire.raises is None, sent


def _differ(version: str) -> str:
    return (
        f"LiteLLM {FORMER.name} and {MODERN.name} were measured and differ here; {version} lies between {OLD} and {NEW}"
    )
