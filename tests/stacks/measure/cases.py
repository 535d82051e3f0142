"""Cases: for each route of a library and each place that can hold a marker, one request with that one marker.

Nothing is drawn by chance: the same release gives the same table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from cachekit.core.model.backends import Backend
from tests.stacks.measure.table import TTLS, Cell

Request = dict[str, object]


@dataclass(frozen=True, slots=True)
class Case:
    """One request. `form` and `word`: the marker's name and the word of the text that it should close; `option`: the
    keyword, where the case is about one that is no marker."""

    cell: Cell
    backend: Backend
    request: Mapping[str, object]
    form: str = ""
    word: str = ""
    option: str = ""


CONTROL: Request = {"type": "ephemeral"}


def control_of(ttl: str) -> Request:
    """A `cache_control` with a ttl, or without."""
    return CONTROL if ttl == "none" else {**CONTROL, "ttl": ttl}


def point_of(ttl: str) -> Request:
    """A block that is a `cachePoint` with a ttl, or without."""
    return {"cachePoint": {"type": "default"} if ttl == "none" else {"type": "default", "ttl": ttl}}


__all__ = ["TTLS", "Case", "Words", "cases_of", "control_of", "point_of"]

MODULES = {
    "litellm": "litellm_cases",
    "strands-agents": "strands_cases",
    "pydantic-ai-slim": "pydantic_ai_cases",
    "langchain-anthropic": "langchain_cases",
    "langchain-aws": "langchain_cases",
    "anthropic": "native_cases",
    "openai": "native_cases",
    "boto3": "native_cases",
}
"""The module whose `cases(library)` draws a library's routes."""


def cases_of(library: str) -> Iterator[Case]:
    """Every case of a library."""
    cases: Iterator[Case] = import_module(f"tests.stacks.measure.{MODULES[library]}").cases(library)
    return cases


class Words:
    """Texts of a case, each with a word that no other has."""

    def __init__(self, length: int = 12) -> None:
        self.count = 0
        self.length = length

    def text(self, long: bool = False) -> str:
        """A text, long where it has to reach a model's minimum; its word stands at its end."""
        self.count += 1
        parts = [f"The ledger names kiln {self.count} beside ferry {n}." for n in range(self.length if long else 1)]
        return " ".join([*parts, self.word()])

    def word(self) -> str:
        """The word of the text that was made last."""
        return f"#{self.count:04d}"
