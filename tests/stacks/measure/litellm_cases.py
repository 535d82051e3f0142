"""LiteLLM's routes that take a marker or a cache option, and the places of `completion()`, `/v1/messages` and
`/v1/responses` that can hold one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cachekit.core.model.backends import Backend
from tests.stacks.measure.cases import CONTROL, TTLS, Case, Request, Words, control_of
from tests.stacks.measure.table import Cell
from tests.stacks.parts import PDF, PNG, SCHEMA

SONNET, OPUS = "anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-opus-5-5"
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
GATEWAY = {"api_base": "https://gateway.test/v1"}
AZURE = {"api_base": "https://example.openai.azure.com", "api_version": "2025-04-01-preview"}
FOUNDRY = {"api_base": "https://example.services.ai.azure.com"}
VERTEX = {"vertex_project": "notes", "vertex_location": "us-east5"}
DATABRICKS = {"api_base": "https://example.cloud.databricks.com/serving-endpoints"}
SNOWFLAKE = {"api_base": "https://example.snowflakecomputing.com/api/v2/cortex/inference:complete"}

ROUTES: Mapping[str, Mapping[str, object]] = {
    "anthropic/sonnet-4-5": {"model": "anthropic/claude-sonnet-4-5"},
    "anthropic/opus-5-5": {"model": "anthropic/claude-opus-5-5"},
    "anthropic/gateway": {"model": "anthropic/claude-sonnet-4-5", "api_base": "https://gateway.test"},
    "bedrock/sonnet-4-5": {"model": f"bedrock/us.{SONNET}"},
    "bedrock/opus-4-8": {"model": "bedrock/us.anthropic.claude-opus-4-8"},
    "bedrock/opus-5-5": {"model": f"bedrock/us.{OPUS}"},
    "bedrock/converse/sonnet-4-5": {"model": f"bedrock/converse/us.{SONNET}"},
    "bedrock/converse/sonnet-3-7": {"model": "bedrock/converse/us.anthropic.claude-3-7-sonnet-20250219-v1:0"},
    "bedrock/converse/sonnet-5-5": {"model": "bedrock/converse/us.anthropic.claude-sonnet-5-5"},
    "bedrock/converse/nova-pro": {"model": "bedrock/us.amazon.nova-pro-v1:0"},
    "bedrock/converse/nova-lite": {"model": "bedrock/converse/us.amazon.nova-lite-v1:0"},
    "bedrock/converse/nova-2-lite": {"model": "bedrock/us.amazon.nova-2-lite-v1:0"},
    "bedrock/converse/gpt-oss": {"model": "bedrock/converse/openai.gpt-oss-120b-1:0"},
    "bedrock/converse/llama": {"model": "bedrock/us.meta.llama3-3-70b-instruct-v1:0"},
    "bedrock/profile-arn": {"model": f"bedrock/{ARN}"},
    "bedrock/invoke/sonnet-4-5": {"model": f"bedrock/invoke/us.{SONNET}"},
    "bedrock/invoke/opus-5-5": {"model": f"bedrock/invoke/global.{OPUS}"},
    "bedrock/invoke/nova-lite": {"model": "bedrock/invoke/us.amazon.nova-lite-v1:0"},
    "bedrock/invoke/gpt-oss": {"model": "bedrock/invoke/openai.gpt-oss-120b-1:0"},
    "bedrock/gpt-6-sol": {"model": "bedrock/openai.gpt-6-sol"},
    "bedrock/mantle/claude": {"model": "bedrock/mantle/anthropic.claude-haiku-5-5"},
    "bedrock_mantle/claude": {"model": "bedrock_mantle/anthropic.claude-haiku-5-5"},
    "bedrock_mantle/gpt-6.1-sol": {"model": "bedrock_mantle/openai.gpt-6.1-sol"},
    "bedrock_mantle/gpt-oss": {"model": "bedrock_mantle/openai.gpt-oss-120b"},
    "vertex_ai/sonnet-4-5": {"model": "vertex_ai/claude-sonnet-4-5@20250929", **VERTEX},
    "vertex_ai/opus-5-5": {"model": "vertex_ai/claude-opus-5-5", **VERTEX},
    "vertex_ai/gemini-2.5-pro": {"model": "vertex_ai/gemini-2.5-pro", **VERTEX},
    "vertex_ai/gemini-3.1-pro": {"model": "vertex_ai/gemini-3.1-pro-preview", **VERTEX},
    "vertex_ai/llama": {"model": "vertex_ai/meta/llama-4-maverick-17b-128e-instruct-maas", **VERTEX},
    "vertex_ai/deepseek": {"model": "vertex_ai/deepseek-ai/deepseek-v3.1-maas", **VERTEX},
    "gemini/2.5-flash": {"model": "gemini/gemini-2.5-flash"},
    "gemini/3.1-pro": {"model": "gemini/gemini-3.1-pro-preview"},
    "azure/gpt-4.1": {"model": "azure/gpt-4.1", **AZURE},
    "azure/gpt-5.6-sol": {"model": "azure/gpt-5.6-sol", **AZURE},
    "azure_ai/sonnet-4-5": {"model": "azure_ai/claude-sonnet-4-5", "api_base": FOUNDRY["api_base"] + "/anthropic"},
    "azure_ai/opus-5-5": {"model": "azure_ai/claude-opus-5-5", "api_base": FOUNDRY["api_base"] + "/anthropic"},
    "azure_ai/gpt-4.1": {"model": "azure_ai/gpt-4.1", **FOUNDRY},
    "azure_ai/deepseek": {"model": "azure_ai/DeepSeek-V3.1", **FOUNDRY},
    "openai/gpt-4o": {"model": "openai/gpt-4o"},
    "openai/gpt-4.1": {"model": "openai/gpt-4.1"},
    "openai/gpt-5.1": {"model": "openai/gpt-5.1"},
    "openai/gpt-5.6": {"model": "openai/gpt-5.6"},
    "openai/gpt-5.6-sol": {"model": "openai/gpt-5.6-sol"},
    "openai/gpt-6-sol": {"model": "openai/gpt-6-sol"},
    "openai/gateway-gpt-4.1": {"model": "openai/gpt-4.1", **GATEWAY},
    "openai/gateway-gpt-5.6-sol": {"model": "openai/gpt-5.6-sol", **GATEWAY},
    "openai/gateway-claude": {"model": "openai/claude-sonnet-4-5", **GATEWAY},
    "openrouter/claude": {"model": "openrouter/anthropic/claude-sonnet-4.5"},
    "openrouter/gemini": {"model": "openrouter/google/gemini-2.5-pro"},
    "openrouter/gpt-5.1": {"model": "openrouter/openai/gpt-5.1"},
    "openrouter/grok": {"model": "openrouter/x-ai/grok-4"},
    "openrouter/qwen": {"model": "openrouter/qwen/qwen3-max"},
    "openrouter/minimax": {"model": "openrouter/minimax/minimax-m2.5"},
    "openrouter/deepseek": {"model": "openrouter/deepseek/deepseek-chat-v3.1"},
    "dashscope/qwen-plus": {"model": "dashscope/qwen-plus"},
    "dashscope/qwen3-max": {"model": "dashscope/qwen3-max"},
    "databricks/claude": {"model": "databricks/databricks-claude-sonnet-4-5", **DATABRICKS},
    "databricks/llama": {"model": "databricks/databricks-meta-llama-3-3-70b-instruct", **DATABRICKS},
    "snowflake/claude": {"model": "snowflake/claude-sonnet-4-5", **SNOWFLAKE},
    "snowflake/llama": {"model": "snowflake/llama3.1-70b", **SNOWFLAKE},
    "vercel_ai_gateway/claude": {"model": "vercel_ai_gateway/anthropic/claude-sonnet-4.5"},
    "vercel_ai_gateway/gpt-4.1": {"model": "vercel_ai_gateway/openai/gpt-4.1"},
    "minimax": {"model": "minimax/MiniMax-M2.5"},
    "zai": {"model": "zai/glm-5"},
    "github_copilot/claude": {"model": "github_copilot/claude-sonnet-4.6"},
    "github_copilot/gpt-4.1": {"model": "github_copilot/gpt-4.1"},
    "litellm_proxy": {"model": "litellm_proxy/claude-sonnet", "api_base": "https://proxy.test"},
    "deepseek": {"model": "deepseek/deepseek-chat"},
    "xai": {"model": "xai/grok-4-1-fast"},
    "mistral": {"model": "mistral/mistral-large-latest"},
    "groq": {"model": "groq/openai/gpt-oss-120b"},
    "fireworks_ai": {"model": "fireworks_ai/accounts/fireworks/models/kimi-k2-instruct"},
    "together_ai": {"model": "together_ai/moonshotai/Kimi-K2-Instruct"},
    "moonshot": {"model": "moonshot/kimi-k2.5"},
    "hosted_vllm": {"model": "hosted_vllm/Qwen/Qwen3-32B", "api_base": "https://vllm.test/v1"},
}
"""Each route by name: the keywords that choose it."""

MESSAGES_ROUTES = (
    *("anthropic/sonnet-4-5", "bedrock/sonnet-4-5", "bedrock/converse/sonnet-4-5", "bedrock/invoke/sonnet-4-5"),
    *("bedrock/converse/nova-pro", "vertex_ai/sonnet-4-5", "azure_ai/sonnet-4-5", "openai/gpt-4.1", "openai/gpt-5.6"),
    *("openrouter/claude", "gemini/2.5-flash", "dashscope/qwen3-max", "bedrock_mantle/claude", "databricks/claude"),
    *("openai/gateway-claude", "azure/gpt-4.1", "deepseek", "minimax", "vertex_ai/gemini-2.5-pro"),
)
"""Routes that are measured through `/v1/messages` (`litellm.anthropic_messages`) too."""

RESPONSES_ROUTES = (
    *("openai/gpt-4.1", "openai/gpt-5.6", "azure/gpt-5.6-sol", "anthropic/sonnet-4-5", "bedrock/sonnet-4-5"),
    *("openrouter/claude", "gemini/2.5-flash", "bedrock_mantle/gpt-6.1-sol", "vertex_ai/sonnet-4-5", "xai"),
)
"""Routes that are measured through `/v1/responses` (`litellm.responses`) too."""

ENDPOINT = "litellm_endpoint"
BREAKPOINT = {"mode": "explicit"}


def cases(library: str) -> Iterator[Case]:
    """All cases, the routes in their order."""
    for route, keywords in ROUTES.items():
        long = "gemini" in route
        for place in PLACES:
            for ttl in TTLS if place in HOURS else TTLS[:1]:
                yield _case(route, place, ttl, {**keywords, **_credentials(route)}, PLACES[place], long)
        for option, value in OPTIONS.items():
            yield _option(route, option, value, {**keywords, **_credentials(route)}, long)
    for endpoint, routes, places in (
        ("/v1/messages", MESSAGES_ROUTES, MESSAGES_PLACES),
        ("/v1/responses", RESPONSES_ROUTES, RESPONSES_PLACES),
    ):
        for route in routes:
            keywords = {**ROUTES[route], **_credentials(route), ENDPOINT: endpoint}
            for place, make in places.items():
                for ttl in TTLS:
                    yield _case(f"{endpoint} {route}", place, ttl, keywords, make, "gemini" in route)


def _credentials(route: str) -> dict[str, object]:
    """Keywords of a deployment that LiteLLM does not take from the environment."""
    return {} if route.startswith(("bedrock", "vertex_ai", "github")) else {"api_key": "made-up"}


def _case(route: str, place: str, ttl: str, keywords: Mapping[str, object], make: object, long: bool) -> Case:
    words = Words(900 if long else 1)
    control = control_of(ttl)
    request: Request = {**keywords, "max_tokens": 64}
    body, word = make(words, control)
    if keywords.get(ENDPOINT) == "/v1/responses":
        request.pop("max_tokens")
    form = "prompt_cache_breakpoint" if "breakpoint" in place else "cachePoint" if "cachePoint" in place else ""
    return Case(Cell(route, place, ttl), Backend.LITELLM, {**request, **body}, form or "cache_control", word)


def _option(route: str, option: str, value: object, keywords: Mapping[str, object], long: bool) -> Case:
    words = Words(900 if long else 1)
    body = {"messages": [{"role": "system", "content": words.text(True)}, _user(words)]}
    request = {**keywords, "max_tokens": 64, **body, option: value}
    name = option if isinstance(value, (bool, str)) and option.endswith("key") else f"{option}={value}"
    return Case(Cell(route, name), Backend.LITELLM, request, option=option)


OPTIONS: Mapping[str, object] = {
    "prompt_cache_key": "kiln-7",
    "prompt_cache_retention": "24h",
    "prompt_cache_options": {"mode": "explicit"},
}

# --- places of completion() -----------------------------------------------------------------------------------------

Made = tuple[Request, str]


def _user(words: Words) -> Request:
    return {"role": "user", "content": words.text()}


def _text(words: Words, **more: object) -> Request:
    return {"type": "text", "text": words.text(True), **more}


def _system_message(words: Words, control: object) -> Made:
    message = {"role": "system", "content": words.text(True), "cache_control": control}
    return {"messages": [message, _user(words)]}, "#0001"


def _system_block(words: Words, control: object) -> Made:
    return {"messages": [{"role": "system", "content": [_text(words, cache_control=control)]}, _user(words)]}, "#0001"


def _system_first_block(words: Words, control: object) -> Made:
    content = [_text(words, cache_control=control), _text(words)]
    return {"messages": [{"role": "system", "content": content}, _user(words)]}, "#0001"


def _system_list_and_dict(words: Words, control: object) -> Made:
    message = {"role": "system", "content": [_text(words)], "cache_control": control}
    return {"messages": [message, _user(words)]}, "#0001"


def _two_systems_first(words: Words, control: object) -> Made:
    first = {"role": "system", "content": words.text(True), "cache_control": control}
    return {"messages": [first, {"role": "system", "content": words.text()}, _user(words)]}, "#0001"


def _two_systems_second(words: Words, control: object) -> Made:
    first = {"role": "system", "content": words.text(True)}
    second = {"role": "system", "content": words.text(), "cache_control": control}
    return {"messages": [first, second, _user(words)]}, "#0002"


def _system_late(words: Words, control: object) -> Made:
    turns = [_user(words), {"role": "assistant", "content": words.text()}]
    late = {"role": "system", "content": words.text(True), "cache_control": control}
    return {"messages": [*turns, late, _user(words)]}, "#0003"


def _developer(words: Words, control: object) -> Made:
    message = {"role": "developer", "content": words.text(True), "cache_control": control}
    return {"messages": [message, _user(words)]}, "#0001"


def _user_message(words: Words, control: object) -> Made:
    message = {"role": "user", "content": words.text(True), "cache_control": control}
    return {"messages": [message]}, "#0001"


def _earlier_user_message(words: Words, control: object) -> Made:
    message = {"role": "user", "content": words.text(True), "cache_control": control}
    return {"messages": [message, {"role": "assistant", "content": words.text()}, _user(words)]}, "#0001"


def _user_last_block(words: Words, control: object) -> Made:
    content = [_text(words), {**_text(words), "cache_control": control}]
    return {"messages": [{"role": "user", "content": content}]}, "#0002"


def _user_first_block(words: Words, control: object) -> Made:
    content = [_text(words, cache_control=control), {"type": "text", "text": words.text()}]
    return {"messages": [{"role": "user", "content": content}]}, "#0001"


def _user_list_and_dict(words: Words, control: object) -> Made:
    message = {"role": "user", "content": [_text(words)], "cache_control": control}
    return {"messages": [message]}, "#0001"


def _image(words: Words, control: object) -> Made:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}, "cache_control": control}
    return {"messages": [{"role": "user", "content": [_text(words), image]}]}, ""


def _file(words: Words, control: object) -> Made:
    data = {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "notes.pdf"}
    file = {"type": "file", "file": data, "cache_control": control}
    return {"messages": [{"role": "user", "content": [_text(words), file]}]}, ""


def _assistant_message(words: Words, control: object) -> Made:
    turn = {"role": "assistant", "content": words.text(True), "cache_control": control}
    return {"messages": [_user(words), {**turn, "content": words.text(True)}, _user(words)]}, "#0003"


def _assistant_block(words: Words, control: object) -> Made:
    first = _user(words)
    return {
        "messages": [first, {"role": "assistant", "content": [_text(words, cache_control=control)]}, _user(words)]
    }, "#0002"


def _assistant_list_and_dict(words: Words, control: object) -> Made:
    first = _user(words)
    turn = {"role": "assistant", "content": [_text(words)], "cache_control": control}
    return {"messages": [first, turn, _user(words)]}, "#0002"


def _thinking(words: Words, control: object) -> Made:
    first = _user(words)
    block = {"type": "thinking", "thinking": words.text(), "signature": "c2ln", "cache_control": control}
    return {"messages": [first, {"role": "assistant", "content": [block, _text(words)]}, _user(words)]}, "#0002"


def _called(words: Words) -> tuple[Request, Request, Request]:
    """A question, a tool's call and its result."""
    asked = _user(words)
    words.text()
    function = {"name": "find", "arguments": f'{{"q": "{words.word()}"}}'}
    call = {"id": "call_1", "type": "function", "function": function}
    answer = {"role": "assistant", "content": None, "tool_calls": [call]}
    return asked, answer, {"role": "tool", "tool_call_id": "call_1", "content": words.text(True)}


def _with_tools(words: Words, turns: list[Request]) -> Request:
    return {"messages": turns, "tools": [_tool(words)]}


def _tool(words: Words) -> Request:
    function = {"name": "find", "description": words.text(True), "parameters": SCHEMA}
    return {"type": "function", "function": function}


def _tool_call_turn(words: Words, control: object) -> Made:
    asked, answer, result = _called(words)
    return _with_tools(words, [asked, {**answer, "cache_control": control}, result]), "#0002"


def _tool_call(words: Words, control: object) -> Made:
    asked, answer, result = _called(words)
    answer["tool_calls"] = [{**answer["tool_calls"][0], "cache_control": control}]
    return _with_tools(words, [asked, answer, result]), "#0002"


def _tool_call_function(words: Words, control: object) -> Made:
    asked, answer, result = _called(words)
    call = answer["tool_calls"][0]
    answer["tool_calls"] = [{**call, "function": {**call["function"], "cache_control": control}}]
    return _with_tools(words, [asked, answer, result]), "#0002"


def _result_message(words: Words, control: object) -> Made:
    asked, answer, result = _called(words)
    return _with_tools(words, [asked, answer, {**result, "cache_control": control}]), "#0003"


def _result_block(words: Words, control: object) -> Made:
    asked, answer, result = _called(words)
    block = {"type": "text", "text": result["content"], "cache_control": control}
    return _with_tools(words, [asked, answer, {**result, "content": [block]}]), "#0003"


def _result_list_and_dict(words: Words, control: object) -> Made:
    asked, answer, result = _called(words)
    content = [{"type": "text", "text": result["content"]}]
    return _with_tools(words, [asked, answer, {**result, "content": content, "cache_control": control}]), "#0003"


def _tool_outer(words: Words, control: object) -> Made:
    return {"tools": [{**_tool(words), "cache_control": control}], "messages": [_user(words)]}, "#0001"


def _tool_function(words: Words, control: object) -> Made:
    tool = _tool(words)
    tool["function"] = {**tool["function"], "cache_control": control}
    return {"tools": [tool], "messages": [_user(words)]}, "#0001"


def _top(words: Words, control: object) -> Made:
    return {"messages": [{"role": "system", "content": words.text(True)}, _user(words)], "cache_control": control}, ""


def _extra_body(words: Words, control: object) -> Made:
    messages = [{"role": "system", "content": words.text(True)}, _user(words)]
    return {"messages": messages, "extra_body": {"cache_control": control}}, ""


def _injected(point: Request, word: str) -> object:
    def make(words: Words, control: object) -> Made:
        system = {"role": "system", "content": words.text(True)}
        asked, answer, result = _called(words)
        chosen = point if control == CONTROL else {**point, "control": control}
        turns = [system, asked, answer, result, {"role": "assistant", "content": words.text()}, _user(words)]
        return {**_with_tools(words, turns), "cache_control_injection_points": [chosen]}, word

    return make


def _injected_plain(point: Request, word: str) -> object:
    """Without tools, which some routes refuse."""

    def make(words: Words, control: object) -> Made:
        chosen = point if control == CONTROL else {**point, "control": control}
        turns = [{"role": "system", "content": words.text(True)}, _user(words)]
        return {"messages": turns, "cache_control_injection_points": [chosen]}, word

    return make


def _injected_list(point: Request, word: str) -> object:
    def make(words: Words, control: object) -> Made:
        chosen = point if control == CONTROL else {**point, "control": control}
        turns = [
            {"role": "system", "content": [_text(words), _text(words)]},
            {"role": "user", "content": [_text(words)]},
        ]
        return {"messages": turns, "cache_control_injection_points": [chosen]}, word

    return make


def _breakpoint(words: Words, _: object) -> Made:
    content = [_text(words, prompt_cache_breakpoint=BREAKPOINT)]
    return {"messages": [{"role": "system", "content": content}, _user(words)]}, "#0001"


def _point(words: Words, _: object) -> Made:
    content = [_text(words), {"cachePoint": {"type": "default"}}]
    return {"messages": [{"role": "system", "content": content}, _user(words)]}, "#0001"


PLACES: Mapping[str, object] = {
    "system message": _system_message,
    "system block": _system_block,
    "system block, first of two": _system_first_block,
    "system message beside a list": _system_list_and_dict,
    "system message, first of two": _two_systems_first,
    "system message, second of two": _two_systems_second,
    "system message after turns": _system_late,
    "developer message": _developer,
    "user message": _user_message,
    "user message, earlier turn": _earlier_user_message,
    "user block, last of two": _user_last_block,
    "user block, first of two": _user_first_block,
    "user message beside a list": _user_list_and_dict,
    "image": _image,
    "file": _file,
    "assistant message": _assistant_message,
    "assistant block": _assistant_block,
    "assistant message beside a list": _assistant_list_and_dict,
    "assistant thinking block": _thinking,
    "assistant message of tool calls only": _tool_call_turn,
    "tool call": _tool_call,
    "tool call, in function": _tool_call_function,
    "tool result message": _result_message,
    "tool result block": _result_block,
    "tool result message beside a list": _result_list_and_dict,
    "tool": _tool_outer,
    "tool, in function": _tool_function,
    "request": _top,
    "extra_body": _extra_body,
    "injection: system": _injected_plain({"location": "message", "role": "system"}, "#0001"),
    "injection: user": _injected_plain({"location": "message", "role": "user"}, "#0002"),
    "injection: index -1": _injected_plain({"location": "message", "index": -1}, "#0002"),
    "injection: index 0": _injected_plain({"location": "message", "index": 0}, "#0001"),
    "injection: system of two blocks": _injected_list({"location": "message", "role": "system"}, "#0002"),
    "injection: index -1, a list": _injected_list({"location": "message", "index": -1}, "#0003"),
    "injection: assistant turns with a tool call": _injected({"location": "message", "role": "assistant"}, "#0005"),
    "injection: tool results": _injected({"location": "message", "role": "tool"}, "#0004"),
    "injection: tools": _injected({"location": "tool_config"}, "#0007"),
    "prompt_cache_breakpoint in a system block": _breakpoint,
    "cachePoint in system content": _point,
}
HOURS = frozenset(
    {
        *("system message", "system block", "system message, second of two", "user message", "user block, last of two"),
        *("assistant message", "tool call", "tool result message", "tool result block", "tool", "request"),
        *("injection: system", "injection: index -1", "injection: tool results"),
    }
)
"""Places that are measured with a ttl of an hour too; elsewhere it goes the way of the marker."""

# --- places of the other endpoints ----------------------------------------------------------------------------------


def _anthropic_body(words: Words, **more: object) -> Request:
    return {"messages": [{"role": "user", "content": words.text()}], **more}


def _m_system(words: Words, control: object) -> Made:
    return {"system": [_text(words, cache_control=control)], "messages": [_user(words)]}, "#0001"


def _m_user(words: Words, control: object) -> Made:
    content = [_text(words, cache_control=control), {"type": "text", "text": words.text()}]
    return {"messages": [{"role": "user", "content": content}]}, "#0001"


def _m_tool(words: Words, control: object) -> Made:
    tool = {"name": "find", "description": words.text(True), "input_schema": SCHEMA, "cache_control": control}
    return {"tools": [tool], "messages": [_user(words)]}, "#0001"


def _m_result(words: Words, control: object) -> Made:
    tool = {"name": "find", "description": words.text(), "input_schema": SCHEMA}
    use = {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {"q": "kiln"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": words.text(True), "cache_control": control}
    asked = _user(words)
    turns = [asked, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    return {"tools": [tool], "messages": turns}, "#0002"


def _m_request(words: Words, control: object) -> Made:
    return {"system": words.text(True), "messages": [_user(words)], "cache_control": control}, ""


MESSAGES_PLACES: Mapping[str, object] = {
    "system block": _m_system,
    "user block, first of two": _m_user,
    "tool": _m_tool,
    "tool result": _m_result,
    "request": _m_request,
}


def _r_text(words: Words, control: object) -> Made:
    content = [
        {"type": "input_text", "text": words.text(True), "cache_control": control},
        {"type": "input_text", "text": words.text()},
    ]
    return {"input": [{"role": "user", "content": content}]}, "#0001"


def _r_breakpoint(words: Words, _: object) -> Made:
    content = [
        {"type": "input_text", "text": words.text(True), "prompt_cache_breakpoint": BREAKPOINT},
        {"type": "input_text", "text": words.text()},
    ]
    return {"input": [{"role": "user", "content": content}]}, "#0001"


def _r_system(words: Words, control: object) -> Made:
    block = {"type": "input_text", "text": words.text(True), "cache_control": control}
    return {"input": [{"role": "system", "content": [block]}, {"role": "user", "content": words.text()}]}, "#0001"


RESPONSES_PLACES: Mapping[str, object] = {
    "input block": _r_text,
    "input block of a system message": _r_system,
    "prompt_cache_breakpoint in an input block": _r_breakpoint,
}
