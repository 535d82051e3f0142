"""A prompt's skeleton in the call log: sections, routes, digests, token estimates and breakpoints, and no text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from cachekit.core.jsonio.json_access import count, items, mapping, text
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Block, Mark, Param, Prompt, Scope, Section, Tokens, equal_start


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
    own_params = {key: text(body.get(key)) for key in ("prompt_cache_retention",)}
    modes = {key: text(mapping(body.get("prompt_cache_options")).get(key)) for key in ("mode", "ttl")}
    known = {key: value for key, value in modes.items() if value}
    return {key: value for key, value in (*own_params.items(), ("prompt_cache_options", known)) if value}


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
    blocks = _blocks([item for item in items(line.get("blocks")) if isinstance(item, dict)])
    params = tuple(_param(items(item)) for item in items(line.get("params")) if len(items(item)) == 3)
    return Prompt(backend, scope, blocks, params, hidden=_tokens(line.get("hidden")), body=mapping(line.get("options")))


_RECENT: dict[object, tuple[list[dict[str, object]], tuple[Block, ...]]] = {}
_RECENT_AT_MOST = 64
"""The last prompt with an opening block: the next call of its conversation repeats it."""


def _blocks(lines: list[dict[str, object]]) -> tuple[Block, ...]:
    key = text(lines[0].get("digest")) if lines else None
    before, known = _RECENT.get(key, ([], ()))
    same = equal_start(before, lines)
    blocks = (*known[:same], *map(_block, lines[same:]))
    if key is not None:
        if len(_RECENT) >= _RECENT_AT_MOST:
            _RECENT.clear()
        _RECENT[key] = (lines, blocks)
    return blocks


def _block(fields: Mapping[str, object]) -> Block:
    """The block of a line. Each call of a conversation repeats all blocks of the one before: they are read once."""
    chunks, tokens, mark = fields.get("chunks"), fields.get("tokens"), fields.get("mark")
    band = tokens if isinstance(tokens, list) else [tokens]
    marked = (mark.get("ttl"), mark.get("route"), mark.get("automatic")) if isinstance(mark, dict) else ()
    sizes = (len(band) if band is tokens else -1, tuple(chunks) if isinstance(chunks, list) else ())
    try:
        return _block_once(*sizes, *(fields.get(name) for name in _TEXTS), *band, *marked)
    except TypeError:  # a list or an object where the log has a text: it has no hash
        return _new_block(fields)


_TEXTS = ("section", "route", "kind", "role", "digest", "template")


@lru_cache(maxsize=16_384, typed=True)
def _block_once(band: int, chunks: tuple[object, ...], *parts: object) -> Block:
    """The same from its parts. `band`: how many numbers its tokens have, -1 where they are a single one."""
    texts, rest = parts[: len(_TEXTS)], parts[len(_TEXTS) :]
    marked = rest[abs(band) :]
    return _new_block(
        {
            **dict(zip(_TEXTS, texts, strict=True)),
            "chunks": list(chunks),
            "tokens": list(rest[:band]) if band >= 0 else rest[0],
            "mark": dict(zip(("ttl", "route", "automatic"), marked, strict=True)) if marked else None,
        }
    )


def _new_block(fields: Mapping[str, object]) -> Block:
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
