"""A prompt's skeleton in the call log: sections, routes, digests, token estimates and breakpoints, and no text."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.core.backends import Backend
from cachekit.core.prompt import Block, Mark, Param, Prompt, Scope, Section, Tokens
from cachekit.core.shape import count, items, mapping, text


def lines_of_prompt(prompt: Prompt) -> dict[str, object]:
    """The fields `backend`, `options`, `params`, `blocks` and `hidden` of a line; empty ones are left out."""
    named = {
        "backend": prompt.backend.value,
        "options": _options(prompt.body),
        "params": [[p.level.value, p.name, p.digest] for p in prompt.params],
        "hidden": _counts(prompt.hidden) if prompt.hidden != Tokens() else None,
    }
    kept: dict[str, object] = {key: value for key, value in named.items() if value}
    return {**kept, "blocks": [_block_line(b) for b in prompt.blocks]}


def _options(body: Mapping[str, object]) -> dict[str, object]:
    """What the request asks of the cache as a whole: no text, and what later calls are simulated by."""
    told = {key: text(body.get(key)) for key in ("prompt_cache_retention",)}
    modes = {key: text(mapping(body.get("prompt_cache_options")).get(key)) for key in ("mode", "ttl")}
    known = {key: value for key, value in modes.items() if value}
    return {key: value for key, value in (*told.items(), ("prompt_cache_options", known)) if value}


def _block_line(block: Block) -> dict[str, object]:
    line: dict[str, object] = {"section": block.section.value, "route": block.route, "kind": block.kind}
    optional = {
        "role": block.role,
        "digest": block.digest,
        "template": block.template,
        "chunks": list(block.chunks),
        "tokens": _counts(block.tokens) if block.tokens != Tokens() else None,
    }
    line.update({key: value for key, value in optional.items() if value})
    if block.mark is not None:
        mark: dict[str, object] = {"ttl": block.mark.ttl, "route": block.mark.route}
        line["mark"] = {**mark, "automatic": True} if block.mark.automatic else mark
    return line


def _counts(tokens: Tokens) -> list[int]:
    return [tokens.low, tokens.mid, tokens.high]


def prompt_of_lines(line: Mapping[str, object], backend: Backend, scope: Scope) -> Prompt:
    """The prompt that a line's skeleton describes. Total: what is no block is left out."""
    blocks = tuple(_block(mapping(item)) for item in items(line.get("blocks")) if isinstance(item, dict))
    params = tuple(_param(items(item)) for item in items(line.get("params")) if len(items(item)) == 3)
    return Prompt(backend, scope, blocks, params, hidden=_tokens(line.get("hidden")), body=mapping(line.get("options")))


def _block(fields: Mapping[str, object]) -> Block:
    return Block(
        section=_section(fields.get("section")),
        route=text(fields.get("route")) or "",
        kind=text(fields.get("kind")) or "",
        role=text(fields.get("role")) or "",
        digest=text(fields.get("digest")) or "",
        template=text(fields.get("template")) or "",
        chunks=tuple(chunk for chunk in items(fields.get("chunks")) if isinstance(chunk, str)),
        tokens=_tokens(fields.get("tokens")),
        mark=_mark(fields.get("mark")),
    )


def _section(value: object) -> Section:
    return next((section for section in Section if section.value == value), Section.MESSAGES)


def _param(parts: object) -> Param:
    level, name, digest = items(parts)
    return Param(_section(level), text(name) or "", text(digest) or "")


def _tokens(value: object) -> Tokens:
    """Low, mid and high; a single number is exact."""
    single = count(value)
    if single is not None:
        return Tokens(single, single, single)
    found = [count(part) for part in items(value)]
    return Tokens(*(part or 0 for part in found)) if len(found) == 3 else Tokens()


def _mark(value: object) -> Mark | None:
    if not isinstance(value, dict):
        return None
    return Mark(text(value.get("ttl")), text(value.get("route")) or "", value.get("automatic") is True)
