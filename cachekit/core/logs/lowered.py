"""Calls of foreign logs that carry their request: with its prompt."""

from __future__ import annotations

from dataclasses import replace

from cachekit.core.calls import Call
from cachekit.core.families import family_of, prefix_id
from cachekit.core.logs.native import backend_of, merged
from cachekit.core.providers import lower


def lowered(call: Call) -> Call:
    """The call with the prompt of its request, and with the family and prefix that the prompt tells where the log
    names none. A call without a request, or with a prompt, stays as it is."""
    if call.prompt is not None or call.request is None:
        return call
    prompt = lower(call.request, backend_of(call.provider, call.api, call.request))
    prompt = replace(prompt, scope=merged(call.scope, prompt.scope, call.model))
    if not prompt.blocks:
        return call
    family, prefix = call.family or family_of(prompt), call.prefix_id or prefix_id(prompt)
    return replace(call, prompt=prompt, family=family, prefix_id=prefix)
