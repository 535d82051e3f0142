"""Fingerprints of logged requests without parsing what was seen before.

A request is taken as raw slices of JSON: its tools, its system prompt, each of its messages. Agents send the same ones
again and again, so a slice is parsed and digested once, under a fast hash of its bytes, and a rolling digest is made
once for each digest before and slice. The ids are those of `core.families`. What has no place here (another provider's
form, an image, a breakpoint inside a block) is for the slower way.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

import msgspec
import orjson
import xxhash

from cachekit.core.libraries.request_form import backend_of, merged_scope
from cachekit.core.logs.native import scope_of
from cachekit.core.model.backends import Backend
from cachekit.core.model.digests import key_from_environment
from cachekit.core.model.prompt import Prompt, Section, chain, seed
from cachekit.core.providers import lower
from cachekit.core.providers.families import family_of, prefix_id_at
from cachekit.report.reading.plain_blocks import bare_block, takes_no_mark

NOTHING: msgspec.Raw = msgspec.Raw(b"")
_MOST = 100_000

_MESSAGES_API = frozenset({Backend.ANTHROPIC, Backend.ANTHROPIC_BEDROCK, Backend.ANTHROPIC_BEDROCK_MANTLE})
_OPENING = frozenset({"system", "developer"})
_MARKERS = tuple(b',"cache_control":{"type":"ephemeral"%s}' % ttl for ttl in (b"", b',"ttl":"5m"', b',"ttl":"1h"'))
"""Breakpoints as most writers of compact JSON put them. In a string the quotes would be escaped."""

_ORDER = {section: place for place, section in enumerate(Section)}

astuple = msgspec.structs.astuple
_hash = xxhash.xxh3_128_intdigest


class Request(msgspec.Struct, gc=False):
    """The parts of a request that its fingerprint depends on, unparsed."""

    messages: list[msgspec.Raw] = []
    tools: msgspec.Raw = NOTHING
    system: msgspec.Raw = NOTHING
    cache_control: msgspec.Raw = NOTHING
    model: msgspec.Raw = NOTHING
    tool_choice: msgspec.Raw = NOTHING
    thinking: msgspec.Raw = NOTHING
    output_config: msgspec.Raw = NOTHING
    output_format: msgspec.Raw = NOTHING
    speed: msgspec.Raw = NOTHING
    mcp_servers: msgspec.Raw = NOTHING
    response_format: msgspec.Raw = NOTHING
    parallel_tool_calls: msgspec.Raw = NOTHING
    reasoning_effort: msgspec.Raw = NOTHING
    verbosity: msgspec.Raw = NOTHING
    service_tier: msgspec.Raw = NOTHING
    prompt_cache_key: msgspec.Raw = NOTHING
    prompt_cache_options: msgspec.Raw = NOTHING
    modelId: msgspec.Raw = NOTHING  # noqa: N815  the name on the wire
    toolConfig: msgspec.Raw = NOTHING  # noqa: N815
    body: msgspec.Raw = NOTHING


_FIRST_OF_REST = Request.__struct_fields__.index("model")
_REST = Request.__struct_fields__[_FIRST_OF_REST:]
_FOREIGN = frozenset({"toolConfig", "body", "prompt_cache_options", "modelId"})


class Teller(NamedTuple):
    """What a line tells of its request from outside."""

    provider: str
    api: str
    model: str
    scope: bytes


class _Rolled(NamedTuple):
    """A slice as blocks: section, role and digest of each, and the last of them with a breakpoint and the last that an
    automatic breakpoint may stand on (-1: none). `opening`: the messages behind may still be instructions."""

    blocks: tuple[tuple[Section, str, str], ...]
    mark: int = -1
    eligible: int = -1
    opening: bool = True


class _Prefix:
    """A prefix that ends with a slice: its rolling digest, how many seeds are in it, the digests at its last
    breakpoint, at its last block that may carry one, and at its last block that is not of the user (empty: none), and
    the prefixes a slice longer, by the hash of that slice."""

    __slots__ = ("digest", "eligible", "longer", "mark", "opening", "seeded", "settled")

    def __init__(self, digest: str, mark: str, eligible: str, settled: str, seeded: int, opening: bool) -> None:
        self.digest, self.mark, self.eligible, self.settled = digest, mark, eligible, settled
        self.seeded, self.opening = seeded, opening
        self.longer: dict[int, _Prefix | None] = {}

    def rolled(self, piece: _Rolled, seeds: tuple[tuple[Section, str], ...]) -> _Prefix:
        """This prefix and a slice more."""
        found, mark, eligible, settled, seeded = self.digest, self.mark, self.eligible, self.settled, self.seeded
        for index, (section, role, block) in enumerate(piece.blocks):
            while seeded < len(seeds) and _ORDER[seeds[seeded][0]] <= _ORDER[section]:
                found = chain(found, "params", seeds[seeded][1])
                seeded += 1
            found = chain(found, section, role, block)
            if index == piece.mark:
                mark = found
            if index == piece.eligible:
                eligible = found
            if role != "user" or section is not Section.MESSAGES:
                settled = found
        return _Prefix(found, mark, eligible, settled, seeded, piece.opening)


class _Rest(NamedTuple):
    """What calls share that differ in tools, system and messages only; `start` is the empty prefix."""

    backend: Backend
    chat: bool
    prompt: Prompt
    seeds: tuple[tuple[Section, str], ...]
    start: _Prefix


class BlockSlices:
    """What was seen of requests so far."""

    def __init__(self) -> None:
        self._rests: dict[tuple[object, ...], _Rest | None] = {}
        self._pieces: tuple[dict[int, _Rolled | None], dict[int, _Rolled | None]] = ({}, {})
        self._families: dict[tuple[bool, int, int, int], str] = {}
        self._key, self._size = key_from_environment(), 0

    def names(self, teller: Teller, request: Request, *, family: bool, prefix: bool) -> tuple[str, str] | None:
        """The family of a request and the id of its exact cacheable prefix, as far as they are asked for; None where
        the slower way has to tell."""
        rest = self._rest(teller, request)
        if rest is None:
            return None
        found = self._family(rest, request) if family else ""
        rolled = self._rolled(rest, request) if prefix else ""
        if (family and not found) or (prefix and not rolled):
            return None
        return found, prefix_id_at(rest.prompt, rolled) if prefix else ""

    def _family(self, rest: _Rest, request: Request) -> str:
        alone = not rest.chat and len(request.system) > len('""')
        first = NOTHING if alone or not request.messages else request.messages[0]
        key = (rest.chat, _hash(request.system), 0 if alone else _hash(request.tools), _hash(first))
        known = self._families.get(key)
        if known is None:
            known = self._families[key] = _family(rest.backend, request, [] if alone else [first])
        return known

    def _rolled(self, rest: _Rest, request: Request) -> str:
        """The rolling digest of the cacheable prefix; empty where the slower way has to tell."""
        chat, hashed = rest.chat, _hash
        prefix: _Prefix | None = rest.start
        for raw, section in ((request.tools, Section.TOOLS), (NOTHING if chat else request.system, Section.SYSTEM)):
            if raw and prefix is not None:
                prefix = self._longer(rest, prefix, raw, section)
        for raw in request.messages:
            if prefix is None:
                return ""
            prefix = prefix.longer.get(hashed(raw)) or self._longer(rest, prefix, raw, Section.MESSAGES)
        if prefix is None:
            return ""
        automatic = request.cache_control and not chat and bytes(request.cache_control) != b"null"
        return prefix.eligible if automatic else prefix.mark or prefix.settled

    def _rest(self, teller: Teller, request: Request) -> _Rest | None:
        raw_parts = tuple(map(bytes, astuple(request)[_FIRST_OF_REST:]))
        key = (teller, bool(request.system), raw_parts)
        if key not in self._rests:
            self._size += 1
            fields = {name: raw for name, raw in zip(_REST, raw_parts, strict=True) if raw}
            self._rests[key] = _rest_of(teller, request, fields)
        return self._rests[key]

    def _forget(self) -> None:
        """Forgets everything."""
        self._size = 0
        self._rests.clear()
        self._families.clear()
        self._pieces = ({}, {})

    def _longer(self, rest: _Rest, before: _Prefix, raw: msgspec.Raw, section: Section) -> _Prefix | None:
        hashed = _hash(raw)
        if hashed in before.longer:
            return before.longer[hashed]  # None: seen, and for the slower way
        self._size += 1
        if self._size > _MOST:
            self._forget()
        piece = self._roll(rest, hashed if before.opening else -hashed, raw, section)
        if piece is None:
            before.longer[hashed] = None
            return None
        made = before.longer[hashed] = before.rolled(piece, rest.seeds)
        if piece.mark >= 0 and section is Section.MESSAGES:
            self._expect_unmarked(before, made, bytes(raw))
        return made

    def _expect_unmarked(self, before: _Prefix, made: _Prefix, slice_: bytes) -> None:
        """The next call sends this message again and its breakpoint further on: the same prefix, known already."""
        for marker in _MARKERS:
            slice_ = slice_.replace(marker, b"")
        if b'"cache_control"' not in slice_:
            before.longer.setdefault(_hash(slice_), _without_mark(made, before.mark))

    def _roll(self, rest: _Rest, key: int, raw: msgspec.Raw, section: Section) -> _Rolled | None:
        if section is not Section.MESSAGES:
            return _whole(rest.backend, raw, section)
        pieces = self._pieces[rest.chat]
        if key not in pieces:
            pieces[key] = _message(raw, rest.chat, key >= 0, self._key)
        return pieces[key]


def _without_mark(prefix: _Prefix, mark: str) -> _Prefix:
    """The same prefix where its last slice carries no breakpoint: `mark` is the one before."""
    return _Prefix(prefix.digest, mark, prefix.eligible, prefix.settled, prefix.seeded, prefix.opening)


def _rest_of(teller: Teller, request: Request, fields: dict[str, bytes]) -> _Rest | None:
    if not _FOREIGN.isdisjoint(fields):
        return None
    body = {name: orjson.loads(raw) for name, raw in fields.items()}
    shape: dict[str, object] = {**body, "messages": [], **({"system": ""} if request.system else {})}
    backend = backend_of(teller.provider, teller.api, shape)
    if backend is not Backend.OPENAI_CHAT and backend not in _MESSAGES_API:
        return None
    prompt = lower(body, backend)
    scope = merged_scope(scope_of(orjson.loads(teller.scope) if teller.scope else None), prompt.scope, teller.model)
    seeds = tuple((level, found) for level in Section if (found := seed(prompt, level)))
    return _Rest(
        backend, backend is Backend.OPENAI_CHAT, Prompt(backend, scope), seeds, _Prefix("", "", "", "", 0, True)
    )


def _family(backend: Backend, request: Request, messages: list[msgspec.Raw]) -> str:
    """The family by the parts that decide it; empty where they do not."""
    body: dict[str, object] = {"messages": [orjson.loads(bytes(message)) for message in messages if message]}
    for name, raw in (("tools", request.tools), ("system", request.system)):
        if raw:
            body[name] = orjson.loads(bytes(raw))
    prompt = lower(body, backend)
    return family_of(prompt) if any(b.section is not Section.TOOLS for b in prompt.blocks) else ""


def _whole(backend: Backend, raw: msgspec.Raw, section: Section) -> _Rolled:
    """The tools or the system prompt, as the lowering has them."""
    prompt = lower({section.value: orjson.loads(bytes(raw))}, backend)
    marked = prompt.marked()
    blocks = tuple((b.section, b.role, b.digest) for b in prompt.blocks)
    return _Rolled(blocks, marked[-1][0] if marked else -1, opening=True)


def _message(raw: msgspec.Raw, chat: bool, opening: bool, key: bytes) -> _Rolled | None:
    """A message in its plain forms; None for any other."""
    message = orjson.loads(memoryview(raw))
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(role, str) or not role or "cache_control" in message:
        return None
    content, calls = message.get("content"), message.get("tool_calls") if chat else None
    parts = content if isinstance(content, list) else [content] if isinstance(content, str) else []
    opening = opening and (not chat or role in _OPENING)
    section = Section.SYSTEM if opening and chat else Section.MESSAGES
    blocks, mark, eligible = [], -1, -1
    for index, part in enumerate([*parts, *calls] if isinstance(calls, list) else parts):
        bare = bare_block(part)
        if bare is None:
            return None
        if isinstance(part, dict):
            if not takes_no_mark(part):
                eligible, mark = index, mark if part.get("cache_control") is None else index
        elif part:
            eligible = index
        blocks.append((section, role, blake2b(orjson.dumps(bare), digest_size=16, key=key).hexdigest()))
    return _Rolled(tuple(blocks), -1 if chat else mark, eligible, opening)
