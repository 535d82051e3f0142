"""Lowering of Amazon Bedrock: Converse, and InvokeModel with an Anthropic or a Nova body.

Converse is cached as tools, then system, then messages; a cachePoint is a list element of its own and covers what
stands before it. Source: docs.aws.amazon.com/bedrock prompt caching guide, copies of September and October 2026;
shapes from botocore 1.44.5.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Mark, Prompt, Scope, Section
from cachekit.core.providers import anthropic
from cachekit.core.providers.draft import Draft, content_items, written_ttl

_OUTSIDE_THE_KEY = frozenset(
    "modelId messages system toolConfig inferenceConfig additionalModelRequestFields requestMetadata guardrailConfig "
    "promptVariables additionalModelResponseFieldPaths performanceConfig serviceTier schemaVersion "
    "model outputConfig".split()
)
_FOREIGN = "`cache_control` is Anthropic's form; Converse does not read it"


def lower_converse(body: Mapping[str, object], backend: Backend = Backend.BEDROCK_CONVERSE) -> Prompt:
    """The prompt of a Converse request (the keyword arguments of `converse`). Never raises, never drops."""
    draft = Draft()
    config = mapping(body.get("toolConfig"))
    for index, tool in enumerate(items(config.get("tools"))):
        _element(draft, Section.TOOLS, f"toolConfig.tools[{index}]", tool, "")
    for step, part in content_items(body.get("system")):
        _element(draft, Section.SYSTEM, f"system{step}", part, "system")
    for index, message in enumerate(items(body.get("messages"))):
        _message(draft, f"messages[{index}]", message)
    _params(draft, body)
    for key in body:
        if key not in _OUTSIDE_THE_KEY:
            draft.note("unknown_key", str(key), "a key that Converse did not have when this was written")
    model = text(body.get("modelId")) or text(body.get("model")) or ""
    return draft.finish(backend, Scope("bedrock", "bedrock", model, region_of(model)), body)


def lower_invoke(request: Mapping[str, object], backend: Backend = Backend.BEDROCK_INVOKE_ANTHROPIC) -> Prompt:
    """The prompt of an InvokeModel request: `{"modelId", "body"}`, or the body alone. Nova bodies are Converse's."""
    body, prefix = _unwrap(request)
    model = text(request.get("modelId")) or text(body.get("model")) or text(body.get("modelId")) or ""
    nova = "schemaVersion" in body or "toolConfig" in body or "amazon.nova" in model
    prompt = lower_converse(body, backend) if nova else anthropic.lower(body, backend)
    scope = Scope("bedrock", "bedrock", model, region_of(model))
    return _below(prompt, prefix, scope, request)


def _unwrap(request: Mapping[str, object]) -> tuple[Mapping[str, object], str]:
    """The body and the route to it; a body given as JSON text has no routes of its own."""
    inner = request.get("body")
    if isinstance(inner, dict):
        return inner, "body"
    if isinstance(inner, (str, bytes)):
        try:
            return mapping(json.loads(inner)), "body"
        except ValueError:
            return {}, "body"
    return request, ""


def _below(prompt: Prompt, prefix: str, scope: Scope, request: Mapping[str, object]) -> Prompt:
    if not prefix:
        return replace(prompt, scope=scope)
    blocks = tuple(
        replace(b, route=f"{prefix}.{b.route}", mark=b.mark and replace(b.mark, route=f"{prefix}.{b.mark.route}"))
        for b in prompt.blocks
    )
    notes = tuple(replace(n, route=f"{prefix}.{n.route}") for n in prompt.notes)
    return replace(prompt, blocks=blocks, notes=notes, scope=scope, body=request)


def region_of(model: str) -> str:
    """The region in a model ARN; empty for a plain id."""
    parts = model.split(":")
    return parts[3] if model.startswith("arn:") and len(parts) > 5 else ""


def _message(draft: Draft, route: str, message: object) -> None:
    fields = mapping(message)
    role = text(fields.get("role")) or ""
    if not fields:
        draft.add(Section.MESSAGES, route, message, kind="unknown")
        draft.note("unknown_block", route, "not a message")
        return
    for step, part in content_items(fields.get("content")):
        _element(draft, Section.MESSAGES, f"{route}.content{step}", part, role)
    for key in ("cachePoint", "cache_control"):
        if fields.get(key) is not None:
            draft.note(
                "mark_not_read",
                f"{route}.{key}",
                "Converse reads breakpoints as elements of `content`, not on messages",
            )


def _element(draft: Draft, section: Section, route: str, part: object, role: str) -> None:
    block = mapping(part)
    if "cachePoint" in block:
        _cache_point(draft, route, block)
        if len(block) == 1:
            return
        draft.note(
            "mark_not_read", f"{route}.cachePoint", "a cachePoint is an element of its own, after the block it covers"
        )
    draft.add(section, route, part, role, _kind(part))
    if block.get("cache_control") is not None:
        draft.note("foreign_mark", f"{route}.cache_control", _FOREIGN, "cachePoint")
    for index, inner in enumerate(items(mapping(block.get("toolResult")).get("content"))):
        if "cachePoint" in mapping(inner):
            place = f"{route}.toolResult.content[{index}]"
            draft.note(
                "mark_not_read",
                place,
                "a cachePoint is not allowed inside toolResult.content; put it after the toolResult",
            )


def _cache_point(draft: Draft, route: str, block: Mapping[str, object]) -> None:
    if len(block) > 1:
        return
    point = block["cachePoint"]
    if route.startswith("messages") and route.endswith(".content[0]"):
        draft.note("point_first", route, "nothing stands before this breakpoint in its message")
        if not draft.blocks:
            return
    draft.mark(Mark(written_ttl(point), route))
    if mapping(point).get("type") != "default":
        draft.note("mark_type", route, "the only type of a cachePoint is `default`")


def _kind(part: object) -> str:
    """Converse blocks name their kind by their key."""
    if isinstance(part, str):
        return "text"
    known = (
        "text",
        "toolSpec",
        "systemTool",
        "toolUse",
        "toolResult",
        "image",
        "document",
        "video",
        "reasoningContent",
        "guardContent",
    )
    found = next((key for key in known if key in mapping(part)), None)
    return {"toolSpec": "tool", "systemTool": "tool", "toolUse": "tool_use", "toolResult": "tool_result"}.get(
        found or "", {"reasoningContent": "thinking"}.get(found or "", found or "unknown")
    )


def _params(draft: Draft, body: Mapping[str, object]) -> None:
    choice = mapping(mapping(body.get("toolConfig")).get("toolChoice"))
    draft.param(Section.MESSAGES, "tool_choice", None if not choice or "auto" in choice else dict(choice))
    extra = mapping(body.get("additionalModelRequestFields"))
    thinking = mapping(extra.get("thinking") or extra.get("reasoning_config") or extra.get("reasoningConfig"))
    draft.param(
        Section.MESSAGES, "thinking", None if not thinking or thinking.get("type") == "disabled" else dict(thinking)
    )
    effort = mapping(extra.get("output_config")).get("effort")
    draft.param(Section.MESSAGES, "effort", None if effort == "high" else effort)
    if "cache_control" in extra:
        draft.note(
            "mark_not_read", "additionalModelRequestFields.cache_control", "no documented API reads a breakpoint here"
        )
    draft.param(Section.MESSAGES, "images", True if any(b.kind == "image" for b in draft.blocks) else None)
