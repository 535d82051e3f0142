"""What tools were called with and what they returned, as text."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cachekit.core.auditors.stacks.pieces import RefusalError
from cachekit.core.auditors.stacks.pydantic_ai.form import Part
from cachekit.core.shape import items, mapping, text

_FIX = "\n\nFix the errors and try again."


def call_id(part: Part) -> str:
    """The identity of a call; the library makes one up where there is none."""
    return text(part.fields.get("tool_call_id")) or ""


def tool_name(part: Part) -> str:
    """The tool that was called."""
    return text(part.fields.get("tool_name")) or ""


def arguments(part: Part, newest: bool) -> Mapping[str, object]:
    """The arguments as an object; what is none is wrapped by the newest release and refused by the older one."""
    args = part.fields.get("args")
    if isinstance(args, dict):
        return args
    if not args:
        return {}
    try:
        parsed = json.loads(args) if isinstance(args, str) else args
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        return parsed
    if not newest:
        raise RefusalError(f"{part.route}.args", "the arguments of a tool call are no JSON object (ValueError)")
    return {"INVALID_JSON": args}


def arguments_text(part: Part) -> str:
    """The arguments as JSON text: a string as it is."""
    args = part.fields.get("args")
    return args if isinstance(args, str) else dumped(args or {})


def failed(part: Part, newest: bool) -> bool:
    """Whether the result is sent as an error."""
    return part.kind == "retry-prompt" or (newest and part.fields.get("outcome") in ("failed", "denied", "error"))


def result_texts(part: Part, newest: bool) -> tuple[str, ...]:
    """The text blocks of a result: the newest release writes one for each element of a list, the older one in all."""
    content = part.fields.get("content")
    if part.kind == "retry-prompt":
        return (retry_text(part, newest),)
    if newest and isinstance(content, (list, tuple)):
        return tuple(said(inner) for inner in content)
    return (said(content),)


def retry_text(part: Part, newest: bool) -> str:
    """The feedback of a retry; the newest release frames what answers no tool."""
    content = part.fields.get("content")
    said_ = content if isinstance(content, str) else _errors(items(content))
    named = text(part.fields.get("tool_name")) is not None
    if not newest:
        return f"{said_}{_FIX}" if named else f"Validation feedback:\n{said_}{_FIX}"
    if named:
        return said_
    head = "Your previous response failed the application's validation (this is automated feedback, not a message from"
    return f"{head} the user):\n<pyai:retry_feedback>\n{said_}\n</pyai:retry_feedback>"


def _errors(errors: object) -> str:
    listed = [mapping(error) for error in items(errors)]
    return f"{len(listed)} validation errors:\n```json\n{json.dumps(listed, indent=2, default=str)}\n```"


def said(value: object) -> str:
    """A result as text: a string as it is, anything else as compact JSON."""
    return value if isinstance(value, str) else dumped(value)


def dumped(value: object) -> str:
    """Compact JSON."""
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    except (ValueError, RecursionError):  # endless nesting
        return ""
