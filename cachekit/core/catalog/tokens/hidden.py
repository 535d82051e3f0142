"""Tokens that a provider adds and never shows: the tool prompt above all, then what settings bring along.

For a short Claude request with tools they are most of the total. On Sonnet 4.6 about 317 of 497 stand after the system
block, so a breakpoint on tools or system does not cover them; the rest is counted with the first tool.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cachekit.core.catalog.tokens.caller_fields import CallerFields
from cachekit.core.catalog.tokens.dialect import CLAUDE, NOVA, NOVA_2, OPENAI, Dialect, scaled
from cachekit.core.catalog.tokens.gauge import count
from cachekit.core.catalog.tokens.parts import json_text
from cachekit.core.catalog.tokens.span import Span, span_of, within
from cachekit.core.catalog.tokens.tables import table
from cachekit.core.jsonio.json_access import items, mapping, number
from cachekit.core.model.prompt import Prompt, Section

_JUNE_2024 = "20240620"
"""The first snapshot of Sonnet 3.5 had a shorter tool prompt."""


class Hidden(NamedTuple):
    """Hidden tokens by place: with the first tool, and before the first message."""

    with_tools: Span
    before_messages: Span


def hidden_of(prompt: Prompt, dialect: Dialect, fields: CallerFields) -> Hidden:
    """All hidden tokens of a request. What a prompt's frame costs (its base) is among them."""
    base = scaled(dialect, Span(dialect.rates.base - 1, dialect.rates.base, dialect.rates.base + 1))
    settings = _settings(dialect, fields)
    if not fields.tools:
        return Hidden(Span(), base + settings)
    if dialect.family == OPENAI:
        return Hidden(_namespace(prompt, dialect, fields), base + settings)
    tools = tool_prompt(dialect, fields.forced)
    after = number(table("hidden_tools", "after_system").get("share")) or 0.0
    share = after if dialect.family == CLAUDE else 0.0
    return Hidden(tools * (1 - share), tools * share + base + settings)


def tool_prompt(dialect: Dialect, forced: bool) -> Span:
    """The tool prompt of a model; `forced` where a tool must be called. Of a model outside the table it is the nearest
    sibling's, with a band around all siblings."""
    column = "any" if forced else "auto"
    if dialect.family in (NOVA, NOVA_2):
        return _row_span(table("hidden_tools", dialect.family), column)
    if dialect.family != CLAUDE:
        return Span()
    model = dialect.model
    if _JUNE_2024 in model.name and model.version == (3, 5):
        return within(261.0 if forced else 294.0, 0.02)
    rows = [mapping(row) for row in items(table("hidden_tools").get("claude"))]
    exact = [row for row in rows if (row.get("line"), _version(row)) == (model.line, model.version)]
    return _row_span(exact[0], column) if exact else _sibling(rows, dialect, column)


def _row_span(row: Mapping[str, object], column: str) -> Span:
    band = number(row.get("band")) or number(table("hidden_tools").get("band")) or 0.0
    return within(number(row.get(column)) or 0.0, band)


def _sibling(rows: list[Mapping[str, object]], dialect: Dialect, column: str) -> Span:
    """The nearest row, of the same line if it has one, of the same tokenizer; a fifth around all of its generation."""
    version = dialect.model.version or (5, 0)
    newer = dialect.factor.mid > 1.0
    first = [int(number(part) or 0) for part in items(table("families", CLAUDE, "generation").get("from"))]
    own = [row for row in rows if (_version(row) >= (first[0], first[1])) is newer]
    others = [row for row in own if row.get("line") == dialect.model.line] or own
    nearest = min(others, key=lambda row: abs(_rank(_version(row)) - _rank(version)))
    near = [row for row in own if row is nearest or abs(_version(row)[0] - version[0]) <= 1]
    values = [number(row.get(column)) or 0.0 for row in near]
    return Span(min(values) * 0.8, number(nearest.get(column)) or 0.0, max(values) * 1.2)


def _version(row: Mapping[str, object]) -> tuple[int, int]:
    parts = [int(number(part) or 0) for part in items(row.get("version"))]
    return parts[0], parts[1]


def _rank(version: tuple[int, int]) -> int:
    return version[0] * 10 + version[1]


def _namespace(prompt: Prompt, dialect: Dialect, fields: CallerFields) -> Span:
    """What surrounds OpenAI's tools."""
    rates = table("hidden_tools", OPENAI)
    api = "chat" if dialect.chat else "responses"
    names = [api]
    if dialect.chat and any(block.section is Section.SYSTEM for block in prompt.blocks):
        names.append("chat_system")
    if dialect.reasoning and dialect.model.family != "o":
        names.append(f"{api}_gpt5")
    elif fields.forced:
        names.append(f"{api}_required")
    return within(sum(number(rates.get(name)) or 0.0 for name in names), number(rates.get("band")) or 0.0)


def _settings(dialect: Dialect, fields: CallerFields) -> Span:
    """What settings bring along. Each is known for the family that it was recorded on, and taken as 0 elsewhere."""
    total = _structured(dialect, fields.schema)
    if dialect.family == CLAUDE:
        if fields.thinking:
            total += span_of(table("extras", "thinking"))
        if fields.citations:
            total += span_of(table("extras", "citations"))
        if fields.mcp_servers:
            total += span_of(table("extras", "mcp_servers")) * fields.mcp_servers
    elif dialect.family == OPENAI and fields.pro_mode:
        total += span_of(table("extras", "pro_mode"))
    return total


def _structured(dialect: Dialect, schema: object) -> Span:
    if schema is None:
        return Span()
    name = CLAUDE if dialect.family == CLAUDE else "chat" if dialect.chat else "responses"
    row = {key: number(value) or 0.0 for key, value in table("extras", "structured", name).items() if key != "source"}
    text = schema if isinstance(schema, str) else json_text(schema)
    tokens = row["base"] + row["schema"] * count(text, dialect.gauge).tokens
    return scaled(dialect, within(tokens, max(row["band"], dialect.band)))
