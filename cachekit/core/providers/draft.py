"""A prompt in the making: what all lowerings share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cachekit.core.jsonio.json_access import items, mapping
from cachekit.core.model.backends import Backend
from cachekit.core.model.digests import digest_of, fingerprint_block
from cachekit.core.model.prompt import Block, Mark, Note, Param, Prompt, Scope, Section

MARKERS = ("cache_control", "prompt_cache_breakpoint")
"""Keys that carry a breakpoint on the block that holds them. Converse's cachePoint is an element of its own."""


@dataclass(slots=True)
class Draft:
    """Blocks, params and notes as a lowering finds them. The one mutable value, gone once it is finished."""

    chunked: bool = False
    blocks: list[Block] = field(default_factory=list)
    params: list[Param] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def add(self, section: Section, route: str, raw: object, role: str = "", kind: str = "") -> None:
        """Append a block; its kind is its `type` unless given."""
        bare = without_markers(raw)
        print_ = fingerprint_block(bare, chunked=self.chunked)
        name = kind or str(mapping(raw).get("type") or "unknown")
        self.blocks.append(Block(section, route, name, role, *print_[:2], chunks=print_.chunks, raw=raw))

    def mark(self, mark: Mark) -> None:
        """Put a breakpoint on the last block; a second one on the same block, or one before any block, is a note."""
        if not self.blocks:
            self.note("mark_not_read", mark.route, "nothing stands before this breakpoint")
        elif self.blocks[-1].mark is not None:
            self.note("mark_repeated", mark.route, "the block before it already carries a breakpoint")
        else:
            self.blocks[-1] = replace(self.blocks[-1], mark=mark)

    def param(self, level: Section, name: str, value: object) -> None:
        """Something in the cache key that is not text; None stands for not given and is left out."""
        if value is not None:
            self.params.append(Param(level, name, digest_of(value)))

    def note(self, code: str, route: str, detail: str, hint: str = "") -> None:
        """Say what did not fit."""
        self.notes.append(Note(code, route, detail, hint))

    def finish(self, backend: Backend, scope: Scope, body: Mapping[str, object]) -> Prompt:
        """The frozen prompt."""
        return Prompt(backend, scope, tuple(self.blocks), tuple(self.params), tuple(self.notes), body=body)


def without_markers(raw: object) -> object:
    """A block with its markers taken out: its own, and those of the blocks directly inside its content or source."""
    if isinstance(raw, str):
        return {"type": "text", "text": raw}
    if not isinstance(raw, dict):
        return raw
    bare = {key: value for key, value in raw.items() if key not in MARKERS}
    for key in ("content", "source", "function", "toolResult"):
        if key in bare:
            bare[key] = _inner_without_markers(bare[key])
    return bare


def _inner_without_markers(value: object) -> object:
    if isinstance(value, dict):
        bare: dict[object, object] = {key: inner for key, inner in value.items() if key not in MARKERS}
        if "content" in bare:
            bare["content"] = _inner_without_markers(bare["content"])
        return bare
    if isinstance(value, list):
        return [_inner_without_markers(item) for item in value if not is_cache_point(item)]
    return value


def is_cache_point(value: object) -> bool:
    """Whether a list element is a Converse cachePoint and nothing else."""
    return isinstance(value, dict) and "cachePoint" in value and len(value) == 1


def written_ttl(marker: object) -> str | None:
    """The ttl of a marker as written; what is no string is shown as text, a missing or null one is None."""
    ttl = mapping(marker).get("ttl")
    return ttl if isinstance(ttl, str) or ttl is None else str(ttl)


def texts(raw: object) -> str:
    """All text that a block shows to the model, inner blocks included, joined with line ends."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, (list, tuple)):
        return "\n".join(part for part in map(texts, raw) if part)
    block = mapping(raw)
    own = [block[key] for key in ("text", "thinking", "title", "context", "output") if isinstance(block.get(key), str)]
    nested = [
        texts(block[key])
        for key in ("content", "toolResult", "output")
        if isinstance(block.get(key), (dict, list, str))
    ]
    if isinstance(block.get("output"), str):
        nested = nested[:-1]
    return "\n".join(part for part in (*map(str, own), *nested) if part)


def content_items(content: object) -> list[tuple[str, object]]:
    """The parts of a message's content, each with its step below the content's route: a string is one part."""
    if isinstance(content, str):
        return [("", content)]
    return [(f"[{index}]", part) for index, part in enumerate(items(content))]
