"""Mooncake prefix traces: `{timestamp (ms), input_length, output_length, hash_ids[]}`.

There is no text and no usage: requests are recognised by blocks of 512 tokens, equal ids being equal prefixes up to
there. Each becomes a prompt of blocks whose tokens are exact and whose digest is made of the id; its chunks stand for
128 tokens each, so that simulators of automatic caches can match inside it. What was read is not known: `known` is
False. Times count from the start of the trace. Records have no ids, and none is dropped; one with more tokens than its
blocks and one unfinished block hold is no request of this format.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from cachekit.core.jsonio.json_access import count, items, number
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, record_reader
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import Call
from cachekit.core.model.prompt import Block, Prompt, Scope, Section, Tokens
from cachekit.core.model.usage import Usage

NAME = "mooncake"

BLOCK_TOKENS, CHUNK_TOKENS = 512, 128
_LABELS = ("session_id", "chat_id", "parent_chat_id", "turn", "type")


def calls(record: Record) -> Iterator[Call | Skip]:
    """The request of one record."""
    length = count(record.get("input_length"))
    ids = [id for id in items(record.get("hash_ids")) if isinstance(id, (int, str)) and id is not True]
    if length is None or len(ids) != len(items(record.get("hash_ids"))):
        yield Skip("no length, or hash ids that are none")
        return
    if ids and length > (len(ids) + 1) * BLOCK_TOKENS:
        yield Skip("more tokens than its blocks hold")
        return
    moment = number(record.get("timestamp"))
    labels = clean_labels({name: record[name] for name in _LABELS if name in record})
    if "session_id" in labels:
        labels["session"] = labels.pop("session_id")
    yield Call(
        usage=Usage(uncached=length, output=count(record.get("output_length")) or 0, known=False),
        ts=moment / 1000 if moment is not None else None,
        labels=labels,
        prompt=_prompt(ids, length),
    )


def _prompt(ids: list[int | str], length: int) -> Prompt:
    """All blocks but the last are full; the last holds what is left of the length."""
    blocks = []
    for index, id in enumerate(ids):
        left = length - index * BLOCK_TOKENS
        tokens = max(left if index == len(ids) - 1 else min(left, BLOCK_TOKENS), 0)
        blocks.append(_block(str(id), index, tokens))
    return Prompt(Backend.OPENAI_CHAT, Scope(), tuple(blocks))


@lru_cache(maxsize=65536)
def _block(id: str, index: int, tokens: int) -> Block:
    digest = id.rjust(32, "0")
    chunks = tuple(f"{digest}.{part}" for part in range(-(-tokens // CHUNK_TOKENS)))
    return Block(
        Section.MESSAGES, f"hash_ids[{index}]", "hash", "", digest, digest, chunks, Tokens(tokens, tokens, tokens)
    )


def sniff(record: Record) -> bool:
    """Blocks by their ids, and a length."""
    return isinstance(record.get("hash_ids"), list) and "input_length" in record


FORMAT = Format(
    name=NAME,
    title="Mooncake prefix traces",
    dedup="none: records have no ids",
    sniff=sniff,
    read=record_reader(NAME, calls),
    content=True,
)
