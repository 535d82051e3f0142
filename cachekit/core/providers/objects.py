"""Response objects of any SDK, read without importing one.

An SDK object is known by what it has: `model_dump` (pydantic), fields (dataclasses), or plain attributes. Nothing here
raises: an object that fails to dump is read as empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

_DEEP = 12
"""Usage and metadata are a few levels deep; deeper is not ours (or refers to itself)."""

_SLOT_NAMES = (
    *("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"),
    *("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "service_tier", "speed", "inference_geo", "iterations"),
    *("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "input_tokens_details"),
    *("cached_tokens", "cache_write_tokens", "cache_read_tokens", "cost"),
)
"""What is asked for of an object that shows no fields of its own."""


def part(response: object, name: str) -> object:
    """One part of a response: a key of a dict, an attribute of anything else, None where it is missing."""
    if response is None or type(response) is dict:  # by far the most asked, and an ABC's isinstance is slow
        return response.get(name) if response else None
    if isinstance(response, Mapping):
        return response.get(name)
    if isinstance(response, (str, bytes, int, float)):
        return None
    try:
        return getattr(response, name, None)
    except Exception:
        return None


def plain(value: object) -> dict[str, object]:
    """An object as a dict of plain values; empty for what has no fields."""
    if value is None:
        return {}
    found = _plain(value, 0)
    return found if isinstance(found, dict) else {}


def _plain(value: object, depth: int) -> object:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth > _DEEP:
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(part, depth + 1) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    return _plain(_fields(value), depth + 1)


def _fields(value: object) -> Mapping[str, object] | None:
    """The fields of an object, however it keeps them."""
    if isinstance(value, type) or (callable(value) and not hasattr(value, "model_dump")):
        return None
    try:
        return _dumped(value)
    except Exception:
        return None


def _dumped(value: object) -> Mapping[str, object] | None:
    dump = getattr(type(value), "model_dump", None)
    if dump is not None:
        dumped = dump(value)
        return dumped if isinstance(dumped, dict) else None
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in fields(value)}
    if getattr(value, "__dict__", None):
        return {name: member for name, member in vars(value).items() if not name.startswith("_")}
    return {name: getattr(value, name) for name in _SLOT_NAMES if hasattr(value, name)} or None


def decoded(value: object) -> object:
    """JSON text or bytes decoded; anything else as it is, None where it is no JSON."""
    if not isinstance(value, (str, bytes, bytearray)):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
