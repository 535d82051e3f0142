"""What providers refuse because of caching: rows of refusals.json, by host, API, model family and cache policy.

The audit, `--fix`, the warmer and the emulator all ask `find_refusals`. A new refusal is a row; a new kind of cause is
a function in checks.py too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cachekit.core.catalog.models import identify
from cachekit.core.catalog.policy import Policy
from cachekit.core.catalog.refusals.checks import CHECKS, Case
from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.backends import api_of
from cachekit.core.model.findings import Edit
from cachekit.core.model.prompt import Prompt

__all__ = ["Refusal", "Row", "find_refusals", "refusal_rows"]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of refusals.json. Empty filters hold for everything; see the file for their meaning."""

    id: str
    rule: str
    when: str
    message: str
    hint: str
    ground: str
    source: str
    checked: str
    filters: Mapping[str, tuple[str, ...]]
    implicit: bool | None = None
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One place in a request to which the provider answers 400. `edits` take the cause away. `certain` is False where
    the row is assumed and not documented or measured."""

    row: Row
    route: str
    message: str
    hint: str
    edits: tuple[Edit, ...]
    certain: bool


@lru_cache(maxsize=1)
def refusal_rows() -> tuple[Row, ...]:
    """All rows, in the order of the file."""
    data = mapping(json.loads(Path(__file__).with_name("refusals.json").read_bytes()))
    named = mapping(data.get("sources"))
    return tuple(_row(mapping(row), named) for row in items(data.get("rows")))


def _row(row: Mapping[str, object], named: Mapping[str, object]) -> Row:
    def word(key: str) -> str:
        return text(row.get(key)) or ""

    filters = {name: tuple(str(word) for word in items(row.get(name))) for name in _FILTERS if row.get(name)}
    implicit = row.get("implicit")
    return Row(
        id=word("id"),
        rule=word("rule"),
        when=word("when"),
        message=word("message"),
        hint=word("hint"),
        ground=word("ground"),
        source="; ".join(str(named.get(str(key), key)) for key in items(row.get("source"))),
        checked=word("checked"),
        filters=filters,
        implicit=implicit if isinstance(implicit, bool) else None,
        values=mapping(row.get("values")),
    )


_FILTERS = ("hosts", "apis", "makers", "families", "styles")


def find_refusals(prompt: Prompt, policy: Policy, rule: str = "") -> Iterator[Refusal]:
    """What the provider refuses of a prompt, or that part which one rule shows; each place once for each row."""
    identity, api = identify(policy.model or prompt.scope.model), api_of(prompt.backend)
    facts = {
        "hosts": policy.host,
        "apis": api,
        "makers": identity.maker,
        "families": identity.family,
        "styles": policy.style if policy.known else "" if api in ("chat", "responses") else "unknown",
    }
    for row in refusal_rows():
        if (rule and row.rule != rule) or row.implicit not in (None, policy.implicit):
            continue
        if not all(facts[name] in words for name, words in row.filters.items()):
            continue
        for place in CHECKS[row.when](Case(prompt, policy, row.values)):
            facts_of_place = {"model": policy.model, "host": policy.host, "route": place.route, **place.facts}
            yield Refusal(
                row=row,
                route=place.route,
                message=place.message or row.message.format(**facts_of_place),
                hint=place.hint or row.hint.format(**facts_of_place),
                edits=place.edits,
                certain=row.ground != "assumed",
            )
