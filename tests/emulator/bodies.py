"""Requests for the emulator: a long prompt of our own, and what stands around it in each API."""

from __future__ import annotations

HANDBOOK = " ".join(f"Rule {n}: close valve {n % 17} before opening valve {n % 13}." for n in range(180))
"""About 2,500 tokens: above the minimum of Sonnet 4.6, Nova and GPT."""

MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
POINT = {"cachePoint": {"type": "default"}}
BREAKPOINT = {"mode": "explicit"}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city", "days"],
    "additionalProperties": False,
}


def text(content: str = HANDBOOK, mark: object = None) -> dict:
    """A text block, marked if asked for."""
    return {"type": "text", "text": content} | ({"cache_control": mark} if mark else {})


def claude(question: str = "Which valve is first?", **more: object) -> dict:
    """A Messages request with a marked system prompt."""
    api_call = [{"role": "user", "content": question}]
    return {"model": "claude-sonnet-4-6", "max_tokens": 100, "system": [text(mark=MARK)], "messages": api_call} | more


def weather(mark: object = None) -> dict:
    """A tool in Anthropic's form."""
    tool = {"name": "weather", "description": "Tells the weather.", "input_schema": SCHEMA}
    return tool | ({"cache_control": mark} if mark else {})


def chat(model: str = "gpt-4o", question: str = "Which valve is first?", **more: object) -> dict:
    """A Chat request with a long system message."""
    messages = [{"role": "system", "content": HANDBOOK}, {"role": "user", "content": question}]
    return {"model": model, "messages": messages} | more


def responses(model: str = "gpt-5.6-sol", question: str = "Which valve is first?", **more: object) -> dict:
    """A Responses request whose first message is marked."""
    shared = {"type": "input_text", "text": HANDBOOK, "prompt_cache_breakpoint": BREAKPOINT}
    turns = [{"role": "developer", "content": [shared]}, {"role": "user", "content": question}]
    return {"model": model, "input": turns} | more


def converse(question: str = "Which valve is first?", **more: object) -> dict:
    """A Converse request with a cachePoint after its system text."""
    return {
        "modelId": "us.anthropic.claude-sonnet-4-6",
        "system": [{"text": HANDBOOK}, POINT],
        "messages": [{"role": "user", "content": [{"text": question}]}],
    } | more
