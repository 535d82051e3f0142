"""An HTTP request on its way out, and an answer in the provider's place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exchange:
    """An HTTP request on its way out; names of headers in any case."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered in the provider's place."""

    status: int
    headers: Mapping[str, str]
    content: bytes
