"""What LiteLLM did with a breakpoint, why, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cachekit.core.model.ground import Ground


class LossReason(StrEnum):
    """What LiteLLM did with a breakpoint. The names say where it was asked for and what happened."""

    MESSAGE_LIST = "message-list"
    CALLS_ONLY = "calls-only"
    NO_CONTENT = "no-content"
    CALL_FUNCTION = "call-function"
    TOOL_FUNCTION = "tool-function"
    TOOL_TWICE = "tool-twice"
    UNSENT = "unsent"
    JOINED = "joined"
    SYSTEM_TWICE = "system-twice"
    EXTRA_NOVA = "extra-nova"
    TOOL_TYPE = "tool-type"
    NOT_OBJECT = "not-object"
    NOT_EPHEMERAL = "not-ephemeral"
    EMPTY_TEXT = "empty-text"
    THINKING_LOST = "thinking-lost"
    GUARDED = "guarded"
    MODEL = "model"
    ONE_PER_RESULT = "one-per-result"
    DEVELOPER = "developer"
    HOST = "host"
    STRIPPED = "stripped"
    PLACE = "place"
    CACHED = "cached"
    BLOCK_TYPE = "block-type"
    TOOL_KIND = "tool-kind"
    NO_TOOLS_KEYWORD = "no-tools-keyword"
    TOOLS_LOST = "tools-lost"
    FLATTENED = "flattened"
    FORMER_BLOCK = "former-block"
    REPEATED = "repeated"
    BRIDGED = "bridged"
    ROLE_ABSENT = "role-absent"
    POINT_NO_TOOLS = "point-no-tools"
    LOCATION = "location"
    NO_TARGET = "no-target"
    NOT_LIST = "not-list"
    POINT_NOT_OBJECT = "point-not-object"
    OUT_OF_RANGE = "out-of-range"
    LIMIT = "limit"
    NO_TEXT = "no-text"
    TOOL_MARKED = "tool-marked"
    FORMER_POINT = "former-point"
    FORMER_SETTING = "former-setting"
    DEFAULT_MODEL = "default-model"
    DEFAULT_MARKED = "default-marked"
    DEFAULT_VALUE = "default-value"
    NOVA_INVOKE_TOOLS = "nova-invoke-tools"
    NO_ANCHOR = "no-anchor"
    NOT_ON_INVOKE = "not-on-invoke"
    ADAPTED = "adapted"
    FORMER_ENDPOINT = "former-endpoint"
    OVERWRITTEN = "overwritten"
    HOST_TOOLS = "host-tools"
    OPERATOR = "operator"
    BEFORE_CALLS = "before-calls"
    AFTER_RESULT = "after-result"
    AFTER_TEXTS = "after-texts"
    PLACEHOLDER = "placeholder"
    TO_TEXT = "to-text"
    HOISTED = "hoisted"
    TTL_RELEASE = "ttl-release"
    TTL_MODEL = "ttl-model"
    TTL_ARN = "ttl-arn"
    TTL_VALUE = "ttl-value"
    INSIDE_RESULT = "inside-result"
    THINKING = "thinking"
    NOVA_TOOLS = "nova-tools"
    NOVA_RESULT = "nova-result"
    REQUEST_FIELD = "request-field"
    EXTRA_LITERAL = "extra-literal"
    SYSTEM_FIELD = "system-field"
    FORWARDED = "forwarded"
    FORWARDED_UNREAD = "forwarded-unread"


DROPPED, MOVED, TTL_LOST, NOT_READ = "dropped", "moved", "ttl_lost", "not_read_there"


@dataclass(frozen=True, slots=True)
class Reason:
    """`code` is the note's; `text` completes "LiteLLM ..."; `hint` says what to write instead. `silent`: LiteLLM gives
    neither a warning nor an error. `ground`: what it rests on that the marker is lost or not read."""

    code: str
    text: str
    hint: str
    silent: bool = True
    ground: Ground = Ground.MEASURED


_BLOCKS = "write cache_control on the last block of the message's content"
_UPGRADE = "use a newer LiteLLM, or write cache_control on the block yourself"

REASONS: dict[LossReason, Reason] = {
    LossReason.MESSAGE_LIST: Reason(
        DROPPED, "reads cache_control beside `content` only where content is a string; here it is a list", _BLOCKS
    ),
    LossReason.CALLS_ONLY: Reason(
        DROPPED,
        "finds no text to mark in an assistant message that holds tool calls only",
        "write cache_control on the last object in tool_calls, or on the tool message that follows",
    ),
    LossReason.NO_CONTENT: Reason(
        DROPPED, "finds no content to mark in this message", _BLOCKS + " of a message with text"
    ),
    LossReason.CALL_FUNCTION: Reason(
        DROPPED,
        "does not look for cache_control inside `function` of a tool call",
        "move it one level up, beside `function`",
    ),
    LossReason.TOOL_FUNCTION: Reason(
        DROPPED,
        "does not look for cache_control inside `function` of a tool when it calls Converse",
        "move it one level up, beside `function`",
    ),
    LossReason.SYSTEM_TWICE: Reason(
        DROPPED,
        "takes the system messages and leaves the keyword `system` out",
        "put the whole system prompt into messages",
    ),
    LossReason.EXTRA_NOVA: Reason(
        NOT_READ, "merges extra_body into the body, where Nova reads no cache_control", "mark a text block"
    ),
    LossReason.JOINED: Reason(
        DROPPED,
        "joins the blocks of a tool result into one text for this model",
        "write cache_control on the tool_result itself",
    ),
    LossReason.UNSENT: Reason(
        DROPPED, "sends nothing of the message that it stands on", "mark a block with text that is sent"
    ),
    LossReason.TOOL_TWICE: Reason(
        DROPPED,
        "takes the marker beside `function` and leaves out the one inside it",
        "leave the one inside `function` out",
    ),
    LossReason.TOOL_TYPE: Reason(
        DROPPED,
        'makes a cache point of a tool only where the type is "ephemeral"',
        'write {"type": "ephemeral"}',
    ),
    LossReason.NOT_OBJECT: Reason(DROPPED, "ignores a cache_control that is no object", 'write {"type": "ephemeral"}'),
    LossReason.NOT_EPHEMERAL: Reason(
        DROPPED,
        'keeps cache_control of a system message inside the conversation only where the type is "ephemeral"',
        'write {"type": "ephemeral"}',
    ),
    LossReason.EMPTY_TEXT: Reason(
        DROPPED, "leaves empty text blocks out, and the marker with them", "mark the block before it, which has text"
    ),
    LossReason.THINKING_LOST: Reason(
        DROPPED, "does not carry a marker on a thinking block", "mark the block that follows the thinking block"
    ),
    LossReason.GUARDED: Reason(
        DROPPED,
        "rewrites the text of the last user messages for guardrailConfig and leaves the marker out",
        "mark a message before the last user turn, or the system prompt",
    ),
    LossReason.MODEL: Reason(
        DROPPED,
        "strips cache points for this model: its price map knows the model without prompt caching",
        "choose a model with prompt caching, or leave the markers out",
    ),
    LossReason.ONE_PER_RESULT: Reason(
        DROPPED,
        "makes one cache point of a tool message, however many of its blocks are marked",
        "mark one block of the tool message, or the message itself",
    ),
    LossReason.DEVELOPER: Reason(
        DROPPED,
        "rewrites a developer message as a system message and keeps nothing but its content",
        "write content as a list of blocks and mark the last block, or use the role system",
    ),
    LossReason.HOST: Reason(
        DROPPED,
        "removes cache_control from every request to this host",
        "leave it out: OpenAI caches prefixes by itself; from gpt-5.6 on mark a content part with"
        ' "prompt_cache_breakpoint": {"mode": "explicit"}',
    ),
    LossReason.STRIPPED: Reason(
        DROPPED,
        "takes cache_control out of every message and tool that it sends to this provider",
        "leave it out: what this provider caches, it caches by itself",
    ),
    LossReason.PLACE: Reason(
        DROPPED, "does not send cache_control from this place on this route", "mark a content block instead"
    ),
    LossReason.CACHED: Reason(
        MOVED,
        "creates a cachedContents resource of the messages up to the last marked one and names it in the request;"
        " none where they are shorter than the model's minimum",
        "see the created resource with --observe",
    ),
    LossReason.BLOCK_TYPE: Reason(DROPPED, "does not send blocks of this type", "mark a text, image or file block"),
    LossReason.TOOL_KIND: Reason(DROPPED, "does not send a marker on a tool of this kind", "mark a function tool"),
    LossReason.NO_TOOLS_KEYWORD: Reason(
        DROPPED,
        "turns tool calls and their results into plain text because the request has no tools",
        "pass the tools in every request of the conversation",
        silent=False,
    ),
    LossReason.TOOLS_LOST: Reason(
        DROPPED,
        "leaves the tools out of the body for this model and route",
        "use the route bedrock/converse/, or a newer LiteLLM",
    ),
    LossReason.FLATTENED: Reason(
        DROPPED, "writes the messages into one text on this route", "use the route bedrock/converse/"
    ),
    LossReason.FORMER_BLOCK: Reason(
        DROPPED, "does not carry a marker on a block of this type in this release", _UPGRADE
    ),
    LossReason.REPEATED: Reason(
        DROPPED, "sends a tool call of the same id only once", "give every tool call its own id"
    ),
    LossReason.BRIDGED: Reason(
        DROPPED,
        "rewrites the request for the Responses API and keeps no cache_control",
        'from gpt-5.6 on mark a content part with "prompt_cache_breakpoint": {"mode": "explicit"}',
    ),
    LossReason.ROLE_ABSENT: Reason(
        DROPPED, "finds no message of the role that the injection point names", "name a role that occurs, or an index"
    ),
    LossReason.POINT_NO_TOOLS: Reason(
        DROPPED, "finds no tools for the injection point tool_config", "pass tools, or point at a message"
    ),
    LossReason.LOCATION: Reason(
        DROPPED,
        'knows no such location of an injection point, only "message" and "tool_config"',
        'write {"location": "message", "role": "system"}',
    ),
    LossReason.NO_TARGET: Reason(
        DROPPED, "finds neither role nor index in the injection point", 'write {"location": "message", "index": -1}'
    ),
    LossReason.NOT_LIST: Reason(DROPPED, "ignores injection points that are no list", "put the object into a list"),
    LossReason.POINT_NOT_OBJECT: Reason(
        DROPPED, "ignores an injection point that is no object", 'write {"location": "message", "role": "system"}'
    ),
    LossReason.OUT_OF_RANGE: Reason(
        DROPPED, "finds no message at the index of the injection point", "use -1 for the last message", silent=False
    ),
    LossReason.LIMIT: Reason(
        DROPPED,
        "stops injecting at four breakpoints, inline ones counted, and keeps the first in order",
        "point at the last message instead of at every message of a role",
        silent=False,
    ),
    LossReason.NO_TEXT: Reason(
        DROPPED, "finds no text in the message that the injection point names", "point at a message with content"
    ),
    LossReason.TOOL_MARKED: Reason(
        DROPPED, "places no breakpoint of its own where a tool is marked already", "leave one of the two out"
    ),
    LossReason.FORMER_POINT: Reason(DROPPED, "does not know this kind of injection point in this release", _UPGRADE),
    LossReason.FORMER_SETTING: Reason(
        DROPPED, "does not know this setting in this release and sends it on as a field of the body", _UPGRADE
    ),
    LossReason.DEFAULT_MODEL: Reason(
        DROPPED,
        "places breakpoints of its own for Claude models with prompt caching only",
        "write cache_control on the blocks, or cache_control_injection_points",
    ),
    LossReason.DEFAULT_MARKED: Reason(
        DROPPED,
        "places none of its own where the request carries a breakpoint already",
        "leave out enable_prompt_caching, or the breakpoints in the request",
    ),
    LossReason.DEFAULT_VALUE: Reason(DROPPED, "takes enable_prompt_caching only as true", "write true"),
    LossReason.NOVA_INVOKE_TOOLS: Reason(
        DROPPED, "places none on the tools of a Nova model on InvokeModel", "point at the system prompt or a message"
    ),
    LossReason.NO_ANCHOR: Reason(
        DROPPED, "finds no text before the breakpoint that InvokeModel could mark", "mark a text block"
    ),
    LossReason.NOT_ON_INVOKE: Reason(
        DROPPED, "sends no such field to a Nova model on InvokeModel", "mark the system prompt or a message"
    ),
    LossReason.ADAPTED: Reason(
        DROPPED,
        "rewrites the body of /v1/messages for this model and keeps markers for Claude models and ARNs only",
        "leave them out for this model, or call /v1/chat/completions",
    ),
    LossReason.FORMER_ENDPOINT: Reason(
        DROPPED,
        "does not inject at /v1/messages in this release",
        "write cache_control on the blocks, or use a newer LiteLLM",
    ),
    LossReason.OVERWRITTEN: Reason(
        DROPPED,
        "replaces the marker by that of the injection point in this release",
        "give the injection point the same control, or leave one of the two out",
    ),
    LossReason.HOST_TOOLS: Reason(
        DROPPED, "knows the injection point tool_config only for Anthropic and Bedrock", "leave it out"
    ),
    LossReason.OPERATOR: Reason(
        MOVED,
        "moves a system message that follows the first user turn into the next user message, after a note of its own",
        "put the system message first",
    ),
    LossReason.BEFORE_CALLS: Reason(
        MOVED,
        "marks the text of an assistant message, which stands before its tool calls",
        "write cache_control on the last object in tool_calls",
    ),
    LossReason.AFTER_RESULT: Reason(
        MOVED, "places the cache point after the whole tool result", "write cache_control on the tool message"
    ),
    LossReason.AFTER_TEXTS: Reason(
        MOVED,
        "sorts an assistant message so that its cache points stand after all of its texts",
        "mark the last text block",
    ),
    LossReason.PLACEHOLDER: Reason(
        MOVED, "replaces an empty text by one of its own and marks that", "mark the block before it, which has text"
    ),
    LossReason.TO_TEXT: Reason(
        MOVED, "moves the breakpoint back to the last text block on this route", "mark a text block"
    ),
    LossReason.HOISTED: Reason(
        MOVED, "moves a later system message to the front, into the system prompt", "put the system message first"
    ),
    LossReason.TTL_RELEASE: Reason(
        TTL_LOST, "sends no ttl to Converse in this release", "use a newer LiteLLM, or the route bedrock/invoke/"
    ),
    LossReason.TTL_MODEL: Reason(
        TTL_LOST,
        "sends a ttl to Converse only for models to which its price map gives a one-hour price",
        "choose a model with one-hour caching (Claude 4.5 and later), or leave the ttl out",
    ),
    LossReason.TTL_ARN: Reason(
        TTL_LOST,
        "sends no ttl to Converse for an ARN whose model it cannot tell",
        "name the model in `model` and pass the ARN in `model_id`",
    ),
    LossReason.TTL_VALUE: Reason(TTL_LOST, 'sends only the ttl "5m" and "1h" to Converse', 'write "5m" or "1h"'),
    LossReason.INSIDE_RESULT: Reason(
        NOT_READ,
        "leaves the marker on a block inside the tool result, where only the last block's is read",
        "write cache_control on the tool message itself",
    ),
    LossReason.THINKING: Reason(
        NOT_READ,
        "sends the marker on the thinking block, where the API does not take one",
        "mark the block that follows the thinking block",
    ),
    LossReason.NOVA_TOOLS: Reason(
        NOT_READ, "sends the cache point among the tools, which Nova does not cache", "mark the system prompt"
    ),
    LossReason.NOVA_RESULT: Reason(
        NOT_READ, "sends the cache point after the tool result, which Nova rejects", "mark a text block"
    ),
    LossReason.REQUEST_FIELD: Reason(
        NOT_READ,
        "passes a cache_control of the whole request on as additionalModelRequestFields, which is no cache point",
        "write cache_control on the system prompt and the last message, or set enable_prompt_caching=True",
    ),
    LossReason.EXTRA_LITERAL: Reason(
        NOT_READ,
        "sends extra_body as a field of that name instead of merging it",
        "pass cache_control as a keyword of the call",
    ),
    LossReason.SYSTEM_FIELD: Reason(
        NOT_READ,
        "passes the keyword `system` on as additionalModelRequestFields",
        'put the system prompt into messages as {"role": "system", ...}',
    ),
    LossReason.FORWARDED: Reason(
        NOT_READ,
        "forwards cache_control as written to this host, which may refuse it or ignore it",
        "leave it out, unless the server behind api_base takes Anthropic's cache_control",
        ground=Ground.ASSUMED,
    ),
    LossReason.FORWARDED_UNREAD: Reason(
        NOT_READ,
        "forwards cache_control as written to this host, whose API has no such field",
        "leave it out: the host caches by itself",
        ground=Ground.DOCUMENTED,
    ),
}
