"""Digests, templates and chunks of blocks.

The digest is taken of the block as compact JSON with its keys in the order sent: a provider that hashes bytes sees key
order, so we must. With a key (`CACHEKIT_DIGEST_KEY`) digests are keyed, so that a log does not let its reader confirm
a guess about a prompt.
"""

from __future__ import annotations

import base64
import json
import os
from hashlib import blake2b
from typing import NamedTuple

import orjson
import xxhash

from cachekit.core.model.template import template_text

CHUNK_CHARACTERS = 512
"""A chunk stands for about 128 tokens; at 4 characters a token that is 512 characters."""

_MEMO_SIZE = 32_768


class Fingerprint(NamedTuple):
    """What is kept of a block's content: see `core.prompt.Block`."""

    digest: str
    template: str
    chunks: tuple[str, ...]


def key_from_environment() -> bytes:
    """The digest key of `CACHEKIT_DIGEST_KEY`, at most 64 bytes of it; empty without one."""
    return os.environ.get("CACHEKIT_DIGEST_KEY", "").encode()[:64]


def compact(value: object) -> bytes:
    """A value as compact JSON, keys in the order given. Total: bytes become base64, objects their type's name."""
    try:
        return orjson.dumps(value, default=_plain)
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        return json.dumps(value, separators=(",", ":"), default=_plain, skipkeys=True).encode()
    except (TypeError, ValueError, RecursionError):
        return b'"<unreadable>"'


def _plain(value: object) -> object:
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(exclude_none=True)
    if isinstance(value, tuple):
        return list(value)
    return f"<{type(value).__name__}>"


def digest(data: bytes, key: bytes = b"") -> str:
    """BLAKE2b, 128 bits, as 32 hex digits."""
    return blake2b(data, digest_size=16, key=key).hexdigest()


def digest_of(value: object) -> str:
    """The digest of any JSON value under the key of the environment."""
    return digest(compact(value), key_from_environment())


_memo: dict[tuple[int, bytes, bool], Fingerprint] = {}


def fingerprint_block(value: object, *, chunked: bool = False) -> Fingerprint:
    """Digest, template and (asked for) chunks of a block without its markers. Repeated blocks cost one fast hash."""
    data = compact(value)
    key = key_from_environment()
    memo_key = (xxhash.xxh3_128_intdigest(data), key, chunked)
    known = _memo.get(memo_key)
    if known is None:
        if len(_memo) >= _MEMO_SIZE:
            _memo.clear()
        known = _memo[memo_key] = _fingerprint(data, key, chunked)
    return known


def _fingerprint(data: bytes, key: bytes, chunked: bool) -> Fingerprint:
    source = data.decode("utf-8", "replace")
    template = digest(template_text(source).encode(), key)
    return Fingerprint(digest(data, key), template, _chunks(source, key) if chunked else ())


def _chunks(source: str, key: bytes) -> tuple[str, ...]:
    """Digests of the whole chunks of a text, 64 bits each, the rest left out."""
    ends = range(CHUNK_CHARACTERS, len(source) + 1, CHUNK_CHARACTERS)
    return tuple(blake2b(source[e - CHUNK_CHARACTERS : e].encode(), digest_size=8, key=key).hexdigest() for e in ends)
