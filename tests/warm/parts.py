"""Small requests that caches take: one long text, and the smallest of everything else."""

from __future__ import annotations

LONG = "context word " * 600
"""About 1,350 tokens: more than most minimums."""

HERE = {"cache_control": {"type": "ephemeral"}}
POINT = {"cachePoint": {"type": "default"}}
EXPLICIT = {"prompt_cache_breakpoint": {"mode": "explicit"}}
CLAUDE, BEDROCK, GPT = "claude-sonnet-4-6", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "gpt-6.1-sol"


def marked(text=LONG, **more):
    """A text block with a breakpoint."""
    return {"type": "text", "text": text, **HERE, **more}


def message(role, *content):
    """A message."""
    return {"role": role, "content": list(content)}


def claude(**more):
    """A request to the Claude API whose system text is cached."""
    return {
        "model": CLAUDE,
        "max_tokens": 900,
        "system": [marked()],
        "messages": [{"role": "user", "content": "hi"}],
        **more,
    }


def use(name, **more):
    """A tool call."""
    return {"type": "tool_use", "id": name, "name": "look", "input": {}, **more}


def result(name, **more):
    """A tool's result."""
    return {"type": "tool_result", "tool_use_id": name, "content": "found", **more}


NATIVE = {
    "anthropic": claude(),
    "anthropic-bedrock": claude(model=BEDROCK),
    "anthropic-bedrock-mantle": claude(model="anthropic.claude-opus-4-8"),
    "openai-chat": {
        "model": GPT,
        "messages": [
            message("system", {"type": "text", "text": LONG, **EXPLICIT}),
            {"role": "user", "content": "question"},
        ],
    },
    "openai-responses": {
        "model": GPT,
        "input": [
            message("developer", {"type": "input_text", "text": LONG, **EXPLICIT}),
            {"role": "user", "content": "q"},
        ],
    },
    "bedrock-converse": {
        "modelId": BEDROCK,
        "system": [{"text": LONG}, POINT],
        "messages": [message("user", {"text": "question"})],
    },
    "bedrock-invoke-anthropic": {
        "modelId": BEDROCK,
        "body": {"anthropic_version": "bedrock-2023-05-31", **{k: v for k, v in claude().items() if k != "model"}},
    },
}
"""A request that can be kept alive, for each native backend."""
