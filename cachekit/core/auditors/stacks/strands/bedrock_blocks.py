"""A Strands content block as Bedrock Converse takes it: the known fields of its kind, everything else left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cachekit.core.auditors.stacks.pieces import RefusalError
from cachekit.core.auditors.stacks.strands.form import Ask, need
from cachekit.core.shape import items, mapping

_REJECT_REASONING = (
    "amazon.nova-lite amazon.nova-pro google.gemma meta.llama mistral.devstral mistral.ministral mistral.mistral-large "
    "nvidia.nemotron-nano-9b nvidia.nemotron-super openai.gpt-5 openai.gpt-6 qwen.qwen3-235b qwen.qwen3-coder "
    "writer.palmyra"
).split()
"""Models that refuse reasoning in the history, from which the newest release takes it out (1.62.0, 2026-11-20)."""

Block = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class At:
    """Whose block it is, and where it stands."""

    ask: Ask
    route: str


def converse_block(block: Block, at: At) -> dict[str, object] | None:
    """The block; None where the library skips it. The first key that fits decides, in the library's order."""
    for kind, write in _WRITERS.items():
        if kind in block:
            return write(block, at)
    raise RefusalError(at.route, "a block of no known kind (TypeError)")


def _source(ask: Ask, value: object) -> dict[str, object] | None:
    source = mapping(value)
    location = mapping(source.get("location"))
    if "location" not in source or not ask.newest:
        return {"bytes": source["bytes"]} if "bytes" in source else {}
    if location.get("type") != "s3":
        return None
    owner = {"bucketOwner": location["bucketOwner"]} if "bucketOwner" in location else {}
    return {"s3Location": {"uri": location.get("uri"), **owner}}


def _media(kind: str) -> Callable[[Block, At], dict[str, object] | None]:
    def write(block: Block, at: At) -> dict[str, object] | None:
        media = mapping(block[kind])
        source = _source(at.ask, need(media, "source", at.route))
        if source is None:
            return None
        return {kind: {"format": need(media, "format", at.route), "source": source}}

    return write


def _document(block: Block, at: At) -> dict[str, object] | None:
    document = mapping(block["document"])
    out = {key: document[key] for key in ("name", "format") if key in document}
    if "source" in document:
        source = _source(at.ask, document["source"])
        if source is None:
            return None
        out["source"] = source
    if document.get("citations") is not None:
        out["citations"] = {"enabled": mapping(document["citations"]).get("enabled")}
    return {"document": {**out, "context": document["context"]} if "context" in document else out}


def _guard(block: Block, at: At) -> dict[str, object] | None:
    given = mapping(mapping(block["guardContent"]).get("text"))
    out = {"text": need(given, "text", at.route)}
    if "qualifiers" in given or not at.ask.newest:
        out["qualifiers"] = need(given, "qualifiers", at.route)
    return {"guardContent": {"text": out}}


def _reasoning(block: Block, at: At) -> dict[str, object] | None:
    reasoning = mapping(block["reasoningContent"])
    if _rejected(at.ask, reasoning):
        return None
    out: dict[str, object] = {}
    if "reasoningText" in reasoning:
        given = mapping(reasoning["reasoningText"])
        signed = {"signature": given["signature"]} if given.get("signature") else {}
        out["reasoningText"] = {**({"text": given["text"]} if "text" in given else {}), **signed}
    if "redactedContent" in reasoning:
        out["redactedContent"] = reasoning["redactedContent"]
    return {"reasoningContent": out}


def _rejected(ask: Ask, reasoning: Block) -> bool:
    """Whether the library leaves the reasoning out, because the model would refuse it."""
    model = ask.model.lower()
    if "deepseek" in model:
        return True
    if not ask.newest or "reasoningText" not in reasoning:
        return False
    signed = bool(mapping(reasoning["reasoningText"]).get("signature"))
    if "anthropic" in model or "claude" in model:
        return not signed
    if model.startswith("arn:") or "." not in model:
        return False
    return signed or any(name in model for name in _REJECT_REASONING)


def _text(block: Block, _at: At) -> dict[str, object] | None:
    return {"text": block["text"]}


def _tool_result(block: Block, at: At) -> dict[str, object] | None:
    result = mapping(block["toolResult"])
    given = items(result.get("content"))
    if not given and at.ask.newest:
        given = [{"text": ""}]
    places = [At(at.ask, f"{at.route}.toolResult.content[{index}]") for index in range(len(given))]
    content = [_result_block(mapping(inner), place) for inner, place in zip(given, places, strict=True)]
    identity = need(result, "toolUseId", at.route)
    out = {"content": [inner for inner in content if inner], "toolUseId": identity}
    if "status" in result and "anthropic.claude" in at.ask.model:
        out["status"] = result["status"]
    return {"toolResult": out}


def _result_block(inner: Block, at: At) -> dict[str, object] | None:
    if "cachePoint" in inner and "json" not in inner:
        return {"cachePoint": dict(mapping(inner["cachePoint"]))}
    if "json" not in inner:
        return converse_block(inner, at)
    if at.ask.newest and "amazon.nova" in at.ask.model:
        return {"text": json.dumps(inner["json"], default=str)}
    return {"json": inner["json"]}


def _tool_use(block: Block, at: At) -> dict[str, object] | None:
    use = mapping(block["toolUse"])
    given = use.get("input") if at.ask.newest else need(use, "input", at.route)
    given = given if isinstance(given, dict) or not at.ask.newest else {}
    name, identity = need(use, "name", at.route), need(use, "toolUseId", at.route)
    return {"toolUse": {"input": given, "name": name, "toolUseId": identity}}


def _citations(block: Block, _at: At) -> dict[str, object] | None:
    given = mapping(block["citationsContent"])
    texts = [{"text": mapping(inner)["text"]} for inner in items(given.get("content")) if "text" in mapping(inner)]
    out: dict[str, object] = {"citations": list(items(given["citations"]))} if "citations" in given else {}
    return {"citationsContent": {**out, "content": texts} if texts else out}


_WRITERS: Mapping[str, Callable[[Block, At], dict[str, object] | None]] = {
    "audio": _media("audio"),
    "document": _document,
    "guardContent": _guard,
    "image": _media("image"),
    "reasoningContent": _reasoning,
    "text": _text,
    "toolResult": _tool_result,
    "toolUse": _tool_use,
    "video": _media("video"),
    "citationsContent": _citations,
}
