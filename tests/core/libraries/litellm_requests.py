"""Small requests of LiteLLM's form, shared by its tests."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.core.libraries.litellm import translate
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.libraries.wire import Wire

NEW, OLD = "1.106.2", "1.80.0"
CLAUDE = "anthropic/claude-sonnet-4-5"
CONVERSE = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
INVOKE = "bedrock/invoke/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "bedrock/us.amazon.nova-pro-v1:0"
PROFILE = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/oak7"

MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
FIVE = {"cache_control": {"type": "ephemeral", "ttl": "5m"}}
WEIGH = {"type": "function", "function": {"name": "weigh", "parameters": {"type": "object", "properties": {}}}}
PIXEL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,UE5HIHRhaWw="}}
DEED = {"type": "file", "file": {"file_data": "data:application/pdf;base64,UERGIHRhaWw="}}
GO = {"role": "user", "content": "Weigh it."}


def block(text: str, **more: object) -> dict[str, object]:
    return {"type": "text", "text": text, **more}


def system(content: object = "Be exact.", **more: object) -> dict[str, object]:
    return {"role": "system", "content": content, **more}


def user(content: object = "Weigh it.", **more: object) -> dict[str, object]:
    return {"role": "user", "content": content, **more}


def assistant(content: object = "Noted.", **more: object) -> dict[str, object]:
    return {"role": "assistant", "content": content, **more}


def call(call_id: str = "c1", **more: object) -> dict[str, object]:
    return {"id": call_id, "type": "function", "function": {"name": "weigh", "arguments": '{"q": 1}'}, **more}


def result(content: object = "4 kg", call_id: str = "c1", **more: object) -> dict[str, object]:
    return {"role": "tool", "tool_call_id": call_id, "content": content, **more}


def send(*messages: object, model: str = CLAUDE, version: str = NEW, **more: object) -> Wire:
    """What goes out for the messages; tools are passed wherever a tool call needs them."""
    talks = any(isinstance(m, dict) and "tool_calls" in m for m in messages)
    extra = {"tools": [WEIGH]} | more if talks else more
    return translate({"model": model, "messages": list(messages)} | extra, version)


def marks(wire: Wire) -> list[tuple[str, str | None, str]]:
    """Section, ttl and tail of each mark on the wire, in the order of the sections."""
    return sorted(((m.section, m.ttl, m.tail) for m in sent_marks(wire.body, wire.backend)), key=str)


def notes(wire: Wire) -> list[tuple[str, str]]:
    return [(note.code, note.route) for note in wire.notes]


def anthropic(**more: object) -> Mapping[str, object]:
    """A body as a proxy gets it at `/v1/messages`."""
    asked = {"type": "tool_use", "id": "t1", "name": "weigh", "input": {}}
    answer = {"type": "tool_result", "tool_use_id": "t1", "content": "4 kg", **MARK}
    return {
        "model": "house-model",
        "max_tokens": 9,
        "system": [block("Be exact.", **HOUR)],
        "tools": [{"name": "weigh", "input_schema": {"type": "object"}, **MARK}],
        "messages": [user(), {"role": "assistant", "content": [asked]}, user([answer, block("Go on.", **MARK)])],
    } | more
