"""Estimating the tokens of a prompt, block by block: the one way to all estimates.

The coefficients (estimates.json) are those of the recorded calls that they were fitted on: refitted with one repository
left out at a time they did no better on the one left out, so they stand as they were found. Without a vocabulary its
counts are estimated from words, fitted to the vocabularies themselves and to no recorded total. What a provider's own
tools find while it answers is billed as input too, and cannot be known from a request: it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from cachekit.core.catalog.tokens.caller_fields import CallerFields, fields_of_caller
from cachekit.core.catalog.tokens.dialect import CLAUDE, OPENAI, Dialect, apply, dialect_of, scaled, thing
from cachekit.core.catalog.tokens.gauge import AUTO, count
from cachekit.core.catalog.tokens.hidden import hidden_of
from cachekit.core.catalog.tokens.namespace import declaration
from cachekit.core.catalog.tokens.parts import Cost, Part, parts_of, plain_tool, tool_parts
from cachekit.core.catalog.tokens.pictures import file_span, image_span, plain_text, reasoning_span, sealed_span
from cachekit.core.catalog.tokens.span import Span, span_of
from cachekit.core.catalog.tokens.tables import table
from cachekit.core.jsonio.json_access import mapping
from cachekit.core.model.prompt import Block, Prompt, Section, Tokens

_MESSAGE = re.compile(r"(?:^|\.)(?:(?:messages|input)\[\d+\]|input$|instructions$)")
_ODD = 0.5
"""What has no known shape may be shown to the model in any form, or not at all."""


def measure(prompt: Prompt, vocabulary: str = AUTO) -> Prompt:
    """The prompt with the tokens of each block and its hidden tokens filled in.

    `Prompt.hidden` holds what stands after the system block: the prompt's frame, the part of the tool prompt that
    follows it (64 % on Claude), thinking, citations, structured output. The other part of the tool prompt is counted
    with the first tool. Blocks whose request is not at hand (`raw` is None) keep the tokens that they have.
    """
    if all(block.raw is None for block in prompt.blocks) and prompt.blocks:
        return prompt
    dialect, fields = dialect_of(prompt, vocabulary), fields_of_caller(prompt)
    hidden = hidden_of(prompt, dialect, fields)
    spans = list(_spans(prompt, dialect, fields))
    first_tool = next((i for i, block in enumerate(prompt.blocks) if block.section is Section.TOOLS), None)
    if first_tool is not None:
        spans[first_tool] += hidden.with_tools
    counted = zip(prompt.blocks, _whole(spans), strict=True)
    blocks = tuple(block if block.raw is None else replace(block, tokens=tokens) for block, tokens in counted)
    return replace(prompt, blocks=blocks, hidden=next(_whole([hidden.before_messages])))


def _whole(spans: Iterable[Span]) -> Iterator[Tokens]:
    """Spans as whole tokens whose running sums are the rounded running sums of the spans."""
    total, before = Span(), Tokens()
    for span in spans:
        total += span
        low, mid, high = round(total.low), round(total.mid), round(total.high)
        step = mid - before.mid
        yield Tokens(max(0, min(low - before.low, step)), step, max(high - before.high, step))
        before = Tokens(low, mid, high)


def _spans(prompt: Prompt, dialect: Dialect, fields: CallerFields) -> Iterator[Span]:
    message = ""
    for index, block in enumerate(prompt.blocks):
        span = block_span(block, dialect, kept=_keeps_thinking(dialect, fields, index))
        if (found := _message_of(block, dialect)) and found != message:
            message = found
            span += thing(dialect, dialect.rates.message)
        yield span


def _message_of(block: Block, dialect: Dialect) -> str:
    """The route of the message that a block belongs to; instructions are one more message to OpenAI only."""
    found = _MESSAGE.search(block.route)
    if not found or (block.section is Section.SYSTEM and dialect.family != OPENAI):
        return ""
    return block.route[: found.end()]


def _keeps_thinking(dialect: Dialect, fields: CallerFields, index: int) -> bool:
    """Opus before 4.5, Sonnet before 4.6 and every Haiku drop the thinking of turns before the last user text."""
    if index >= fields.keeps_thinking_from:
        return True
    if dialect.family == OPENAI:
        return False
    model = dialect.model
    keeps = {"opus": model.at_least(4, 5), "sonnet": model.at_least(4, 6), "haiku": False}
    return keeps.get(model.line, True)


def block_span(block: Block, dialect: Dialect, *, kept: bool = True) -> Span:
    """The tokens of one block; its message's frame is not among them. `kept` is whether its thinking is still read."""
    if block.section is Section.TOOLS:
        return _tool_span(block, dialect)
    total = Span()
    if block.role in ("tool", "function") and block.kind == "tool_result":
        total += thing(dialect, dialect.rates.result)
    for part in parts_of(block.raw):
        total += _part_span(part, dialect, kept)
    return total


def _part_span(part: Part, dialect: Dialect, kept: bool) -> Span:
    if part.cost is Cost.TEXT:
        return apply(dialect, count(part.text, dialect.gauge), dialect.rates.text)
    if part.cost is Cost.CALL:
        return thing(dialect, dialect.rates.call)
    if part.cost is Cost.RESULT:
        return thing(dialect, dialect.rates.result)
    if part.cost is Cost.IMAGE:
        return image_span(part, dialect)
    if part.cost in (Cost.THINKING, Cost.SEALED):
        return _thinking_span(part, dialect) if kept else Span()
    return _file_or_odd(part, dialect)


def _thinking_span(part: Part, dialect: Dialect) -> Span:
    """Thinking as shown may be a summary of what is billed, or dropped: its own text, half of it, or three times."""
    if part.cost is Cost.SEALED:
        return sealed_span(part) if dialect.family != OPENAI else reasoning_span(part)
    shown = apply(dialect, count(part.text, dialect.gauge), dialect.rates.text)
    signature = mapping(part.raw).get("signature")
    sealed = len(signature) / 4 if isinstance(signature, str) else 0.0
    unseen = span_of(table("reasoning", "unseen")) if not part.text else Span()
    return Span(shown.low * 0.5, shown.mid, max(shown.high * 3, sealed)) + unseen


def _file_or_odd(part: Part, dialect: Dialect) -> Span:
    if part.cost is Cost.DOCUMENT:
        return scaled(dialect, span_of(table("extras", "document"))) if dialect.family == CLAUDE else Span()
    if part.cost is Cost.MEDIA:
        return span_of(table("files", "media"))
    text = plain_text(part.text) if part.cost is Cost.TEXT_FILE else None
    if part.cost in (Cost.FILE, Cost.TEXT_FILE) and text is None:
        return file_span(part)
    span = apply(dialect, count(text or part.text, dialect.gauge), dialect.rates.text)
    return span if text is not None else Span(span.low * (1 - _ODD), span.mid, span.high * (1 + _ODD))


def _tool_span(block: Block, dialect: Dialect) -> Span:
    total = Span()
    for part in tool_parts(block.raw):
        total += _server_tool(part) if part.cost is Cost.SERVER_TOOL else _own_tool(part, dialect)
    deferred = mapping(block.raw).get("defer_loading") is True
    return Span(0.0, 0.0, total.high) if deferred else total


def _own_tool(part: Part, dialect: Dialect) -> Span:
    if dialect.family == OPENAI:
        shown = declaration(plain_tool(mapping(part.raw)))
        return apply(dialect, count(shown, dialect.gauge), dialect.rates.tool)
    body = apply(dialect, count(part.text, dialect.gauge), dialect.rates.tool)
    return body + thing(dialect, dialect.rates.type * part.text.count('"type":'))


def _server_tool(part: Part) -> Span:
    """A tool that the provider defines: its definition, known by the beginning of its type."""
    rows = table("extras", "server_tools")
    name = next((name for name in rows if name and part.text.startswith(name)), "")
    return span_of(mapping(rows.get(name)))
