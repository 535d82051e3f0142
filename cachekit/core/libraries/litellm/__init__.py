"""LiteLLM: the body that `litellm.completion()` sends for its keyword arguments, and what it loses on the way.

Modelled after runs of two releases against a loopback server (see `models.json` for the source and the date). LiteLLM
reads its price map from the network when it starts, unless told otherwise: a model newer than the release may be known
to it and not to this table, which then says that it is unsure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from cachekit.core.libraries.litellm.calls import wire_of
from cachekit.core.libraries.litellm.proxy import ProxyConfig, load_proxy_config, resolve_alias
from cachekit.core.libraries.litellm.release import POINTS, Release, before, measured_at_bedrock, older, release
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.backends import Backend

__all__ = ["ProxyConfig", "load_proxy_config", "resolve_alias", "translate"]


_TWICE = (Backend.BEDROCK_CONVERSE, Backend.BEDROCK_INVOKE_ANTHROPIC, Backend.ANTHROPIC)


def translate(request: Mapping[str, object], version: str) -> Wire:
    """What LiteLLM of a version sends for the keyword arguments of `completion()`. Never raises.

    Between two measured releases the newer one speaks, and the answer is unsure where they differ. The forms of
    Bedrock and Anthropic were measured as a whole in 1.80.0 and from 1.106.2 on.
    """
    wire, meant = wire_of(request, release(version)), release(version)
    if older(version):
        return wire.doubted(f"LiteLLM {version} is older than {POINTS[0]}, the oldest release measured")
    earlier = [before(version)]
    if wire.backend in _TWICE and Release(POINTS[0]).numbers < meant.numbers and not measured_at_bedrock(version):
        earlier.append(Release(POINTS[0]))
    for other in earlier:
        if other is not None and _marks(wire_of(request, other)) != _marks(wire):
            names = f"LiteLLM {other.name} and {meant.name} were measured and differ here"
            return wire.doubted(f"{names}; {version} lies between them")
    return wire


def _marks(wire: Wire) -> tuple[object, ...]:
    sent = Counter((mark.section, mark.ttl, mark.tail) for mark in sent_marks(wire.body, wire.backend))
    return wire.backend, wire.raises is None, sent
