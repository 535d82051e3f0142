"""JSON as text that people may also look at: nothing in it steers a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

_STEERING = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What JSON allows in a string as it is, and a terminal acts on: C1 controls, and signs that turn text around."""


def dump_json(value: object, *, indent: int | None = None, default: Callable[[object], object] | None = None) -> str:
    """A value as JSON, without a line end. Text stays readable, but for what could steer a terminal."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=default)
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
