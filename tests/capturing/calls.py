"""Calls of models through the providers' own SDKs, and a server that takes them where they are really sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

MARK = {"cache_control": {"type": "ephemeral"}}
TURNS = [{"role": "user", "content": [{"type": "text", "text": "hello", **MARK}]}]
MESSAGES = {"model": "claude-sonnet-4-6", "max_tokens": 8, "messages": TURNS}
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CONVERSE = {"modelId": CLAUDE, "messages": [{"role": "user", "content": [{"text": "hello"}]}]}
BODY = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 8, "messages": TURNS}
INVOKE = {"modelId": CLAUDE, "body": json.dumps(BODY)}
CHAT = {"model": "gpt-5.6", "messages": [{"role": "user", "content": "hello"}]}
RESPONSES = {"model": "gpt-5.6", "input": "hello"}


def messages() -> str:
    import anthropic

    return anthropic.Anthropic().messages.create(**MESSAGES).content[0].text


def messages_stream() -> str:
    import anthropic

    with anthropic.Anthropic().messages.stream(**MESSAGES) as stream:
        return stream.get_final_message().content[0].text


def messages_async() -> str:
    import anthropic

    async def call() -> str:
        return (await anthropic.AsyncAnthropic().messages.create(**MESSAGES)).content[0].text

    return asyncio.run(call())


def messages_stream_async() -> str:
    import anthropic

    async def call() -> str:
        async with anthropic.AsyncAnthropic().messages.stream(**MESSAGES) as stream:
            return (await stream.get_final_message()).content[0].text

    return asyncio.run(call())


def anthropic_bedrock() -> str:
    import anthropic

    return anthropic.AnthropicBedrock().messages.create(**MESSAGES | {"model": CLAUDE}).content[0].text


def anthropic_bedrock_stream() -> str:
    import anthropic

    with anthropic.AnthropicBedrock().messages.stream(**MESSAGES | {"model": CLAUDE}) as stream:
        return stream.get_final_message().content[0].text


def mantle() -> str:
    import anthropic

    return anthropic.AnthropicBedrockMantle().messages.create(**MESSAGES).content[0].text


def chat() -> str:
    import openai

    return openai.OpenAI().chat.completions.create(**CHAT).choices[0].message.content


def chat_stream() -> str:
    import openai

    chunks = openai.OpenAI().chat.completions.create(**CHAT, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def responses() -> str:
    import openai

    return openai.OpenAI().responses.create(**RESPONSES).output_text


def responses_stream_async() -> str:
    import openai

    async def call() -> str:
        events = await openai.AsyncOpenAI().responses.create(**RESPONSES, stream=True)
        return "".join([event.delta async for event in events if event.type == "response.output_text.delta"])

    return asyncio.run(call())


def _bedrock():
    import boto3

    return boto3.client("bedrock-runtime")


def converse() -> str:
    return _bedrock().converse(**CONVERSE)["output"]["message"]["content"][0]["text"]


def converse_stream() -> str:
    events = _bedrock().converse_stream(**CONVERSE)["stream"]
    return "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event)


def invoke() -> str:
    return json.loads(_bedrock().invoke_model(**INVOKE)["body"].read())["content"][0]["text"]


def invoke_stream() -> str:
    events = [json.loads(e["chunk"]["bytes"]) for e in _bedrock().invoke_model_with_response_stream(**INVOKE)["body"]]
    return "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")


def plain_requests() -> str:
    import requests

    answer = requests.post("https://api.anthropic.com/v1/messages", json=MESSAGES, headers={"x-api-key": "sk-real"})
    return answer.json()["content"][0]["text"]


CALLS: dict[str, tuple[Callable[[], str], str, dict[str, object]]] = {
    "anthropic": (messages, "anthropic", MESSAGES),
    "anthropic, streamed": (messages_stream, "anthropic", MESSAGES | {"stream": True}),
    "anthropic, async": (messages_async, "anthropic", MESSAGES),
    "anthropic, async and streamed": (messages_stream_async, "anthropic", MESSAGES | {"stream": True}),
    "AnthropicBedrock": (
        anthropic_bedrock,
        "bedrock-invoke-anthropic",
        {"messages": TURNS, "max_tokens": 8, "anthropic_version": "2026-10-21"},
    ),
    "AnthropicBedrock, streamed": (
        anthropic_bedrock_stream,
        "bedrock-invoke-anthropic",
        {"messages": TURNS, "max_tokens": 8, "anthropic_version": "2026-10-21"},
    ),
    "AnthropicBedrockMantle": (mantle, "anthropic-bedrock-mantle", MESSAGES),
    "openai chat": (chat, "openai-chat", CHAT),
    "openai chat, streamed": (chat_stream, "openai-chat", CHAT | {"stream": True}),
    "openai responses": (responses, "openai-responses", RESPONSES),
    "openai responses, async and streamed": (
        responses_stream_async,
        "openai-responses",
        RESPONSES | {"stream": True},
    ),
    "boto3 converse": (converse, "bedrock-converse", {"messages": CONVERSE["messages"]}),
    "boto3 converse, streamed": (converse_stream, "bedrock-converse", {"messages": CONVERSE["messages"]}),
    "boto3 invoke": (invoke, "bedrock-invoke-anthropic", BODY),
    "boto3 invoke, streamed": (invoke_stream, "bedrock-invoke-anthropic", BODY),
    "requests": (plain_requests, "anthropic", MESSAGES),
}
"""Each call, the backend it is for, and the body that leaves. Every model here says `ok`."""


class _Server(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.got.append((self.path, self.rfile.read(int(self.headers.get("content-length") or 0))))
        said = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-6",
            "content": [{"type": "text", "text": "from the server"}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 3, "output_tokens": 4},
        }
        if "/converse" in self.path:
            message = {"role": "assistant", "content": [{"text": "from the server"}]}
            usage = {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}
            said = {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {}}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815  # the name is http.server's

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def served() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A provider on loopback: its address, and what it got."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    server.got = []
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.got
    finally:
        server.shutdown()
        server.server_close()
