"""The providers' own libraries: they send what they are given, and differ only in what they refuse.

Measured 2026-11-20 with anthropic 2.10.0, openai 3.51.0 and boto3 1.44.5 against a local server. The anthropic SDK
checks no values at all, and both SDKs know no keyword outside their signature. boto3 checks shapes, not values.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.resources import files

import orjson

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.converse_shapes import Refusal, refusals
from cachekit.core.libraries.installed import release as installed_release
from cachekit.core.libraries.origins import below, elsewhere
from cachekit.core.libraries.shapes import OPENROUTER_KEYS
from cachekit.core.libraries.versions import Measured, by_release, release
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Note

_BOTO3 = Measured("boto3", "1.41.0", "1.44.5")


def translate(request: Mapping[str, object], version: str, backend: Backend) -> Wire:
    """What an SDK sends for the keyword arguments of its call. Never raises."""
    request = mapping(request)
    wire = _TRANSLATIONS[backend](request, version, backend)
    library = "boto3" if backend in _OF_BOTO3 else _sdk(backend)
    return wire if wire.raises else replace(wire, notes=(*wire.notes, *elsewhere(wire, f"{library} {version}")))


# --- the SDKs of Anthropic and OpenAI -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Keywords:
    """The keywords of one SDK's call: in the body, outside the body, and the releases in which some came or went."""

    body: frozenset[str]
    outside: frozenset[str]
    came: Mapping[str, tuple[str, str]]
    went: Mapping[str, tuple[str, str]]


def _sdk(backend: Backend) -> str:
    return "openai" if backend in (Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES) else "anthropic"


@cache
def _keywords(backend: Backend) -> _Keywords:
    raw = mapping(orjson.loads(files(__package__).joinpath("data/sdk_keywords.json").read_bytes()))
    own = mapping(raw[backend.value if _sdk(backend) == "openai" else "anthropic"])
    spans = {name: {key: _span(span) for key, span in mapping(own[name]).items()} for name in ("came", "went")}
    body = {str(name) for field in ("keywords", "beta") for name in items(own[field])}
    return _Keywords(frozenset(body), frozenset(str(name) for name in items(own["outside"])), **spans)


def _span(value: object) -> tuple[str, str]:
    last, first = items(value)
    return str(last), str(first)


def _call(request: Mapping[str, object], version: str, backend: Backend) -> Wire:
    """`create(**request)`: `extra_body` is laid over the body at the top level; betas and headers travel outside it."""
    known = _keywords(backend)
    extra = mapping(request.get("extra_body"))
    body = {key: value for key, value in request.items() if key not in known.outside}
    body.update(extra)
    origin: dict[str, str] = {}
    for key, value in extra.items():
        origin |= below(value, key, f"extra_body.{key}")
    wire = Wire(backend, body, model=text(body.get("model")) or "", origin=origin)
    for key in request:
        if key not in known.outside:
            wire = _keyword(wire, key, version, known)
    return wire


def sdk_call(request: Mapping[str, object], version: str, backend: Backend) -> Wire:
    """What the anthropic SDK sends for keyword arguments that another library hands to it."""
    return (_bedrock_call if backend is Backend.ANTHROPIC_BEDROCK else _call)(request, version, backend)


def _keyword(wire: Wire, key: str, version: str, known: _Keywords) -> Wire:
    """The SDK raises TypeError for a keyword it does not have. A field that the API has, or had, but this release's
    signature has not, is only noted: the request may be a body that something else sent."""
    library, meant = _sdk(wire.backend), release(version)
    if key in known.went or (key in _BODY_FIELDS and library == "anthropic"):
        first = known.went.get(key, ("", ""))[1]
        if first and meant and meant < release(first):
            return wire
        gone = f" since {first}" if first else ""
        detail = (
            f"{library} {version}: create() has no keyword `{key}`{gone} and raises TypeError; a plain HTTP body may"
        )
        return replace(wire, notes=(*wire.notes, Note("no_keyword", key, f"{detail} hold it", f"leave out `{key}`")))
    if key not in known.body:
        if key in OPENROUTER_KEYS and wire.backend is Backend.OPENAI_CHAT and "/" in wire.model:
            return replace(wire, host="openrouter")  # a body for OpenRouter, whose own keywords these are
        if key in installed_keywords(wire.backend, version):
            return wire
        return _refuse(wire, f"TypeError: {library} {version}: create() has no keyword `{key[:40]}`")
    return _since(wire, version, known.came.get(key, ("", "")), f"create() has no keyword `{key}`")


_CREATE = {
    Backend.OPENAI_CHAT: "openai.resources.chat.completions:Completions",
    Backend.OPENAI_RESPONSES: "openai.resources.responses:Responses",
}


def installed_keywords(backend: Backend, version: str) -> frozenset[str]:
    """The keywords of create() in the installed SDK, where that is the release that is meant; else none. Only asked for
    a keyword that our table has not: importing an SDK takes long."""
    if installed_release(_sdk(backend)) != version:
        return frozenset()
    module, _, name = _CREATE.get(backend, "anthropic.resources.beta.messages:Messages").partition(":")
    try:
        return frozenset(inspect.signature(getattr(import_module(module), name).create).parameters)
    except (ImportError, AttributeError, ValueError, TypeError):
        return frozenset()


def _since(wire: Wire, version: str, came: tuple[str, str], lack: str) -> Wire:
    """Refused up to the last release that lacks something, unsure up to the first that has it."""
    library, meant = _sdk(wire.backend), release(version)
    last, first = came
    if not first or not meant or meant >= release(first):
        return wire
    if meant <= release(last):
        return _refuse(wire, f"{library} {version}: {lack} yet ({first} has it)")
    reason = f"{library} {last}: {lack}, {first} has it; {version} was not measured"
    return replace(wire, unsure=(*wire.unsure, reason))


_BODY_FIELDS = frozenset({"anthropic_version", "anthropic_beta"})


def _refuse(wire: Wire, reason: str) -> Wire:
    return wire if wire.raises else replace(wire, raises=reason)


def _bedrock_call(request: Mapping[str, object], version: str, backend: Backend) -> Wire:
    """AnthropicBedrock: `stream` becomes the endpoint and the model a part of the path (here it stays under `model`),
    betas go into the body."""
    if isinstance(request.get("body"), dict) and "messages" not in request:
        return _inside_body(request, version, backend)
    wire = _call(request, version, backend)
    body = {key: value for key, value in wire.body.items() if key != "stream"}
    default = "2026-10-21" if release(version) >= (2,) or not release(version) else "bedrock-2023-05-31"
    body.setdefault("anthropic_version", default)
    betas = _betas(request)
    if betas:
        body.setdefault("anthropic_beta", betas)
    return replace(wire, body=body)


def _inside_body(request: Mapping[str, object], version: str, backend: Backend) -> Wire:
    """The call of a request that holds its body apart, as a record of InvokeModel has it: {"modelId", "body"}."""
    body, origin = _opened(request["body"])
    model = text(request.get("modelId")) or text(request.get("model"))
    wire = _bedrock_call({**body, **({"model": model} if model else {})}, version, backend)
    return replace(wire, origin={**origin, **wire.origin})


_MANTLE = ("0.88.0", "0.92.0")
"""The last release without AnthropicBedrockMantle, and the first seen with it."""


def _mantle_call(request: Mapping[str, object], version: str, backend: Backend) -> Wire:
    """AnthropicBedrockMantle: the body as it is."""
    return _since(_call(request, version, backend), version, _MANTLE, "there is no AnthropicBedrockMantle")


def _betas(request: Mapping[str, object]) -> list[str]:
    beta_names = [str(beta) for beta in items(request.get("betas"))]
    headers = mapping(request.get("extra_headers"))
    written = next((value for key, value in headers.items() if key.lower() == "anthropic-beta"), None)
    return written.split(",") if isinstance(written, str) else beta_names


# --- boto3 ----------------------------------------------------------------------------------------------------------

_OF_BOTO3 = (Backend.BEDROCK_CONVERSE, Backend.BEDROCK_INVOKE_ANTHROPIC)


def _converse(request: Mapping[str, object], version: str, backend: Backend) -> Wire:
    sent = Wire(backend, request, model=text(request.get("modelId")) or "")
    return by_release(version, _BOTO3, lambda newest: _checked(sent, refusals(request, newest), version))


def _checked(wire: Wire, found: tuple[Refusal, ...], version: str) -> Wire:
    if not found:
        return wire
    reasons = "; ".join(f"{refusal.route or 'request'} {refusal.reason}" for refusal in found[:3])
    return replace(wire, raises=f"ParamValidationError: boto3 {version}: {reasons}", notes=tuple(map(refused, found)))


def refused(refusal: Refusal) -> Note:
    """A refusal of boto3 as a note on its route, with a hint where a cache marker is what is wrong."""
    return Note("refused", refusal.route, f"boto3 refuses this: {refusal.reason}", _hint(refusal))


def _hint(refusal: Refusal) -> str:
    point = '{"cachePoint": {"type": "default"}}'
    if '"cache_control"' in refusal.reason:
        return f"Converse has no cache_control: add {point} as an element of its own after the block"
    if '"cachePoint"' in refusal.reason and "toolResult.content" in refusal.route:
        return "put the cachePoint after the toolResult, not inside it"
    if '"cachePoint"' in refusal.reason or ("exactly one of" in refusal.reason and "cachePoint" in refusal.reason):
        return f"make {point} an element of its own in system, in a message's content or in toolConfig.tools"
    if refusal.route.endswith("cachePoint"):
        return f"write {point}"
    return ""


_INVOKE = frozenset(
    "body contentType accept modelId trace guardrailIdentifier guardrailVersion performanceConfigLatency "
    "serviceTier stream".split()
)


def _invoke(request: Mapping[str, object], version: str, backend: Backend) -> Wire:
    """`invoke_model`: the body is opaque to boto3. A request without `body` is taken for the body itself."""
    model = text(request.get("modelId")) or ""
    if "body" not in request:
        body = {key: value for key, value in request.items() if key != "modelId"}
        return Wire(backend, body, model=model or text(body.get("model")) or "")
    body, origin = _opened(request["body"])
    named = body | {"model": model} if model else body
    wire = Wire(backend, named, model=model or text(body.get("model")) or "", origin=origin)
    unknown = [str(key) for key in request if key not in _INVOKE]
    if unknown:
        return _refuse(wire, f"ParamValidationError: boto3 {version}: unknown parameter `{unknown[0][:40]}`")
    if not isinstance(request["body"], (dict, str, bytes)):
        return _refuse(wire, f"ParamValidationError: boto3 {version}: `body` must be JSON text")
    if not body:
        detail = f"boto3 {version} sends this text as it is; it is no JSON object, so no breakpoint can be read in it"
        wire = replace(wire, notes=(Note("not_read_there", "body", detail, "pass json.dumps(body)"),))
    return wire


def _opened(body: object) -> tuple[dict[str, object], dict[str, str]]:
    """The body as an object, and where each of its parts stands in the request; JSON text has no routes inside."""
    if isinstance(body, dict):
        origin: dict[str, str] = {}
        for key, value in body.items():
            origin |= below(value, key, f"body.{key}")
        return dict(body), origin
    if not isinstance(body, (str, bytes)):
        return {}, {}
    try:
        opened = mapping(orjson.loads(body))
    except ValueError:
        return {}, {}
    return dict(opened), {str(key): "body" for key in opened}


_TRANSLATIONS: Mapping[Backend, Callable[[Mapping[str, object], str, Backend], Wire]] = {
    Backend.ANTHROPIC: _call,
    Backend.ANTHROPIC_BEDROCK_MANTLE: _mantle_call,
    Backend.OPENAI_CHAT: _call,
    Backend.OPENAI_RESPONSES: _call,
    Backend.ANTHROPIC_BEDROCK: _bedrock_call,
    Backend.BEDROCK_CONVERSE: _converse,
    Backend.BEDROCK_INVOKE_ANTHROPIC: _invoke,
}
