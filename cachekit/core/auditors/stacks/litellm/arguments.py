"""The arguments of a tool call, which OpenAI writes as JSON text."""

from __future__ import annotations

import json

from cachekit.core.auditors.stacks.litellm.values import RefusalError


def parsed(arguments: object, route: str) -> object:
    """The arguments as JSON; empty where there are none, RefusalError where they are no JSON."""
    if not isinstance(arguments, str):
        if arguments:
            raise RefusalError(f"{route}.function.arguments is no text")
        return {}
    if not arguments.strip():
        return {}
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        raise RefusalError(f"{route}.function.arguments is no JSON") from None


def written(value: object) -> str:
    """The arguments as JSON text; empty where they cannot be written."""
    try:
        return json.dumps(value)
    except (ValueError, TypeError, RecursionError):
        return ""


def parsed_object(arguments: object) -> dict[str, object]:
    """The arguments as a JSON object, empty where they are anything else."""
    try:
        found = parsed(arguments, "")
    except RefusalError:
        return {}
    return found if isinstance(found, dict) else {}
