"""Plain bodies in the form of each API."""

from __future__ import annotations

import json

from tests.mutants.asks import Ask


def render(ask: Ask) -> tuple[str, str, dict]:
    """(provider, api, request) as a call log names them."""
    make = {"messages": _messages, "invoke": _invoke, "converse": _converse, "chat": _chat, "responses": _responses}
    provider = {"messages": "anthropic", "chat": "openai", "responses": "openai"}.get(ask.api, "bedrock")
    return provider, ask.api, make[ask.api](ask)


def _control(mark: str | None) -> dict:
    if mark is None:
        return {}
    return {"cache_control": {"type": "ephemeral", "ttl": mark} if mark != "5m" else {"type": "ephemeral"}}


def _messages(ask: Ask) -> dict:
    body, settings = ask.body, ask.body["settings"]
    out: dict = {"model": ask.model, "max_tokens": 800}
    if body["tools"]:
        out["tools"] = [
            {
                **{"input_schema" if k == "schema" else k: v for k, v in tool.items() if k != "mark"},
                **_control(tool.get("mark")),
            }
            for tool in body["tools"]
        ]
    out["system"] = [{"type": "text", "text": part["text"], **_control(part["mark"])} for part in body["system"]]
    out["messages"] = [
        {"role": m["role"], "content": [_claude_part(part) for part in m["parts"]]} for m in body["messages"]
    ]
    if "auto" in settings:
        out |= _control(settings["auto"])
    if "effort" in settings:
        out["output_config"] = {"effort": settings["effort"]}
    if "choice" in settings:
        out["tool_choice"] = {"type": settings["choice"]}
    if "thinking" in settings:
        out["thinking"] = {"type": "enabled", "budget_tokens": settings["thinking"]}
    if "speed" in settings:
        out["speed"] = settings["speed"]
    return out


def _claude_part(part: dict) -> dict:
    kind, mark = part["kind"], _control(part.get("mark"))
    if kind == "image":
        source = {"type": "base64", "media_type": "image/png", "data": part["data"]}
        return {"type": "image", "source": source, **mark}
    if kind == "thinking":
        return {"type": "thinking", "thinking": part["text"], "signature": "sig"}
    if kind == "call":
        return {"type": "tool_use", "id": part["id"], "name": part["name"], "input": part["input"]}
    if kind == "result":
        content = [{"type": "text", "text": part["text"]}]
        return {"type": "tool_result", "tool_use_id": part["id"], "content": content, **mark}
    return {"type": "text", "text": part["text"], **mark}


def _invoke(ask: Ask) -> dict:
    body = {key: value for key, value in _messages(ask).items() if key != "model"}
    return {"modelId": ask.model, "body": {"anthropic_version": "bedrock-2023-05-31", **body}}


def _pointed(block: dict, mark: str | None) -> list[dict]:
    if mark is None:
        return [block]
    return [block, {"cachePoint": {"type": "default", **({"ttl": mark} if mark != "5m" else {})}}]


def _converse(ask: Ask) -> dict:
    body, settings = ask.body, ask.body["settings"]
    out: dict = {"modelId": ask.model, "inferenceConfig": {"maxTokens": 800}}
    out["system"] = [made for part in body["system"] for made in _pointed({"text": part["text"]}, part["mark"])]
    out["messages"] = [
        {
            "role": m["role"],
            "content": [made for part in m["parts"] for made in _pointed(_converse_part(part), part.get("mark"))],
        }
        for m in body["messages"]
    ]
    if body["tools"]:
        specs = [
            _pointed(
                {
                    "toolSpec": {
                        ("inputSchema" if k == "schema" else k): ({"json": v} if k == "schema" else v)
                        for k, v in tool.items()
                        if k != "mark"
                    }
                },
                tool.get("mark"),
            )
            for tool in body["tools"]
        ]
        out["toolConfig"] = {"tools": [block for spec in specs for block in spec]}
        if "choice" in settings:
            out["toolConfig"]["toolChoice"] = {settings["choice"]: {}}
    extra = {}
    if "effort" in settings:
        extra["output_config"] = {"effort": settings["effort"]}
    if "thinking" in settings:
        extra["thinking"] = {"type": "enabled", "budget_tokens": settings["thinking"]}
    return out | ({"additionalModelRequestFields": extra} if extra else {})


def _converse_part(part: dict) -> dict:
    kind = part["kind"]
    if kind == "image":
        return {"image": {"format": "png", "source": {"bytes": part["data"]}}}
    if kind == "thinking":
        return {"reasoningContent": {"reasoningText": {"text": part["text"], "signature": "sig"}}}
    if kind == "call":
        return {"toolUse": {"toolUseId": part["id"], "name": part["name"], "input": part["input"]}}
    if kind == "result":
        return {"toolResult": {"toolUseId": part["id"], "content": [{"text": part["text"]}]}}
    return {"text": part["text"]}


def _break(mark: str | None) -> dict:
    return {"prompt_cache_breakpoint": {"mode": "explicit"}} if mark else {}


def _openai_settings(ask: Ask) -> dict:
    settings = ask.body["settings"]
    out: dict = {}
    if "key" in settings:
        out["prompt_cache_key"] = settings["key"]
    options = {k: settings[k] for k in ("mode", "ttl") if k in settings}
    return out | ({"prompt_cache_options": options} if options else {})


def _function(tool: dict) -> dict:
    return {("parameters" if k == "schema" else k): v for k, v in tool.items() if k != "mark"}


def _chat(ask: Ask) -> dict:
    body, settings = ask.body, ask.body["settings"]
    out: dict = {"model": ask.model, **_openai_settings(ask)}
    if body["tools"]:
        out["tools"] = [{"type": "function", "function": _function(tool)} for tool in body["tools"]]
    system = [{"type": "text", "text": part["text"], **_break(part["mark"])} for part in body["system"]]
    out["messages"] = [{"role": "system", "content": system}]
    for message in body["messages"]:
        out["messages"] += _chat_messages(message)
    if "effort" in settings:
        out["reasoning_effort"] = settings["effort"]
    if "choice" in settings:
        out["tool_choice"] = "required"
    return out


def _chat_messages(message: dict) -> list[dict]:
    results = [part for part in message["parts"] if part["kind"] == "result"]
    rest = [part for part in message["parts"] if part["kind"] not in ("result", "thinking")]
    out: list[dict] = [{"role": "tool", "tool_call_id": part["id"], "content": part["text"]} for part in results]
    calls = [
        {
            "id": part["id"],
            "type": "function",
            "function": {"name": part["name"], "arguments": json.dumps(part["input"])},
        }
        for part in rest
        if part["kind"] == "call"
    ]
    content = [_chat_part(part) for part in rest if part["kind"] != "call"]
    if content or calls:
        out.append({"role": message["role"], "content": content, **({"tool_calls": calls} if calls else {})})
    return out


def _chat_part(part: dict) -> dict:
    if part["kind"] == "image":
        return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{part['data']}"}}
    return {"type": "text", "text": part["text"], **_break(part.get("mark"))}


def _responses(ask: Ask) -> dict:
    body, settings = ask.body, ask.body["settings"]
    out: dict = {"model": ask.model, **_openai_settings(ask)}
    if body["tools"]:
        out["tools"] = [{"type": "function", **_function(tool)} for tool in body["tools"]]
    system = [{"type": "input_text", "text": part["text"], **_break(part["mark"])} for part in body["system"]]
    out["input"] = [{"role": "developer", "content": system}]
    for message in body["messages"]:
        form = "output_text" if message["role"] == "assistant" else "input_text"
        parts = [{"type": form, "text": p["text"], **_break(p.get("mark"))} for p in message["parts"]]
        out["input"].append({"role": message["role"], "content": parts})
    if "effort" in settings:
        out["reasoning"] = {"effort": settings["effort"]}
    if "choice" in settings:
        out["tool_choice"] = "required"
    return out
