"""Which model a string names, and where it is served.

People write one model in many ways: an id, a dated snapshot, a Bedrock profile, an ARN, a LiteLLM or OpenRouter route.
`identify` matches exact ids, listed names and documented patterns only, never across versions: `claude-fable-5-9` is
no `claude-fable-5`. The names are data (models.json beside this file), with their date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.errors import UsageError

PATH = Path(__file__).with_name("models.json")

LONGEST_NAME = 2048
"""Longer strings are no model names; an ARN has at most 2048 characters."""

_ROUTER = re.compile(r"([a-z0-9_.-]+)[/:](.+)")
_REGION = re.compile(r"((?:us-gov|us|eu|ap|ca|sa|me|af|il|mx)-[a-z]+-\d)/(.+)")
_VERTEX = re.compile(r"(?:/*projects/[^/]+/locations/[^/]+/)?publishers/[^/]+/models/([^/:]+)(?::\w+)?")
"""Vertex's resource name of a model; a method may stand behind it."""

_ARN = re.compile(r"arn:(aws[a-z-]*):bedrock:([a-z0-9-]*):\d*:([a-z-]+)/(.+)")
_NAMED_ARNS = ("foundation-model", "inference-profile", "system-defined-inference-profile")
_AWS_ID = re.compile(
    r"(anthropic|amazon|openai|meta|mistral|cohere|ai21|deepseek|qwen|writer|zai|moonshotai|moonshot|xai|minimax|google"
    r"|nvidia)\.(.+)"
)
_AWS_VERSION = re.compile(r"(?:-v\d+)?(?::\d+(?::[a-z0-9]+)?)?$")
_DATE = re.compile(r"[-@]20\d\d-?[01]\d-?[0-3]\d$")
_CLAUDE = re.compile(r"claude-([a-z]+)-(\d{1,2})(?:[.-](\d{1,2}))?")
_CLAUDE_OLD_ORDER = re.compile(r"claude-(\d{1,2})(?:[.-](\d{1,2}))?-([a-z]+)")
_GPT = re.compile(r"gpt-(\d{1,2})(?:\.(\d{1,2}))?(?:o?-|o?$)")
_GPT_DASHED = re.compile(r"gpt-5-(\d)(?=-|$)")
_VARIANT = re.compile(r":(?:beta|thinking)$")
_MAKERS = (("claude", "anthropic"), ("gpt-", "openai"), ("chatgpt-", "openai"), ("o1", "openai"), ("o3", "openai"))
_OWN_HOSTS = {"gemini-": "google", "grok-": "x-ai", "o4": "openai", **dict(_MAKERS)}
_CLAUDE_AT = {"azure": "foundry", "google": "vertex"}


@dataclass(frozen=True, slots=True)
class Identity:
    """What a model string says. `model` is the canonical id, None where the string names no model that we know.

    `host` serves it (`anthropic`, `openai`, `azure`, `bedrock`, `vertex`, ...; empty where nothing tells). `scope` is
    Bedrock's and Azure's price scope: `global`, `geo`, `in-region`, `us-gov`; `geo` the region group itself (`us`,
    `eu`, `apac`, ...). `version` is (major, minor), read from the string where the model is unknown. `name` is the
    string in lower case without its router, but with the vendor of an `anthropic/...` or `openai/...` id. `opaque`
    marks an ARN that hides the model behind it.
    """

    model: str | None
    host: str = ""
    maker: str = ""
    family: str = ""
    line: str = ""
    version: tuple[int, int] | None = None
    scope: str = ""
    geo: str = ""
    name: str = ""
    opaque: bool = False

    def at_least(self, major: int, minor: int) -> bool:
        """Whether the version is known and not below the one given."""
        return self.version is not None and self.version >= (major, minor)

    @property
    def new_tokenizer(self) -> bool:
        """Claude from Opus 4.7 on counts about 1.3 times the tokens of earlier models for the same text."""
        return self.family == "claude" and self.at_least(4, 7)

    @property
    def bills_writes(self) -> bool:
        """Whether a cache write costs more than plain input: Claude, and OpenAI from GPT-5.6 on."""
        return self.family == "claude" or (self.family == "gpt" and self.at_least(5, 6))


@dataclass(frozen=True, slots=True)
class Model:
    """A row of models.json: a model, whatever its host. `bedrock` is its id at AWS."""

    id: str
    maker: str
    family: str
    line: str
    version: tuple[int, int] | None
    bedrock: str


@dataclass(frozen=True, slots=True)
class _Names:
    models: Mapping[str, Model]
    exact: Mapping[str, Model]
    claude: Mapping[tuple[str, int, int], Model]
    hosts: Mapping[str, str]
    gateways: frozenset[str]
    strong: Mapping[str, str]
    weak: Mapping[str, str]
    scopes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Stripped:
    """A name without its router: what is left, the same with its vendor, and the host that the router named."""

    name: str
    full: str = ""
    strong: str = ""
    weak: str = ""
    scope: str = ""
    geo: str = ""
    opaque: bool = False


def _words(value: object) -> dict[str, str]:
    return {key: word for key, word in mapping(value).items() if isinstance(word, str)}


def _model(row: Mapping[str, object]) -> Model:
    version = [part for part in items(row.get("version")) if isinstance(part, int)]
    return Model(
        id=text(row.get("id")) or "",
        maker=text(row.get("maker")) or "",
        family=text(row.get("family")) or "",
        line=text(row.get("line")) or "",
        version=(version[0], version[1]) if len(version) == 2 else None,
        bedrock=text(row.get("bedrock")) or "",
    )


@lru_cache(maxsize=1)
def _data() -> Mapping[str, object]:
    return mapping(json.loads(PATH.read_bytes()))


def rows_of_models(key: str) -> Iterator[Mapping[str, object]]:
    """The rows that models bring along themselves under `policies` or `prices`, each with its model: all that is known
    of a new model may stand in its one row of models.json."""
    for model in map(mapping, items(_data().get("models"))):
        for row in map(mapping, items(model.get(key))):
            yield {**row, "model": model.get("id")}


@lru_cache(maxsize=1)
def _names() -> _Names:
    data = _data()
    models: dict[str, Model] = {}
    exact: dict[str, Model] = {}
    for row in map(mapping, items(data.get("models"))):
        model = _model(row)
        models[model.id] = exact[model.id] = model
        exact.update((name, model) for name in items(row.get("names")) if isinstance(name, str))
        exact.update({model.bedrock: model} if model.bedrock else {})
    dated = [model for model in models.values() if undated(model.id) == model.id and not model.id.endswith("preview")]
    claude = {(m.line, *m.version): m for m in dated if m.family == "claude" and m.version}
    hosts = {host: host for host in mapping(data.get("hosts"))}
    for host, others in mapping(data.get("hosts")).items():
        hosts.update((other, host) for other in items(others) if isinstance(other, str))
    routers = mapping(data.get("routers"))
    gateways = frozenset(word for word in items(data.get("gateways")) if isinstance(word, str))
    return _Names(
        models,
        exact,
        claude,
        hosts,
        gateways,
        _words(routers.get("strong")),
        _words(routers.get("weak")),
        _words(data.get("scopes")),
    )


def undated(name: str) -> str:
    """A model name without the date of its snapshot: `-20250929`, `-2025-09-29`, `@20250929`."""
    return _DATE.sub("", name)


def unversioned(name: str) -> str:
    """A Bedrock id without its version: `-v1:0`, `-v1`, `:0`."""
    return _AWS_VERSION.sub("", name)


def all_models() -> tuple[Model, ...]:
    """Every model that has a canonical id, in the order of the data file."""
    return tuple(_names().models.values())


def host_name(host: str) -> str:
    """The host under its own name: `aws` is `bedrock`, `vertex_ai` is `vertex`; empty for libraries and gateways that
    only pass on. A host that we do not know keeps its name."""
    name = host.strip().lower().replace("_", "-")
    return "" if name in _names().gateways else _names().hosts.get(name, name)


def check_host(host: str) -> str:
    """The host under its own name; empty for none. Raises UsageError, with the nearest name, for one that we do not
    know."""
    if not host:
        return ""
    name, known = host_name(host), _names().hosts
    if name not in known.values():
        near = get_close_matches(name or host, {*known, *known.values()}, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(set(known.values())))}"
        raise UsageError(f"no host {host[:40]!r}", hint=hint)
    return name


@lru_cache(maxsize=4096)
def identify(model: str, host: str = "") -> Identity:
    """What a model string names. Never raises; an unknown string gives an Identity without `model`."""
    name = model.strip().lower()
    if not name or len(name) > LONGEST_NAME:
        return Identity(None, host_name(host))
    stripped = _strip(name)
    if stripped.opaque:
        return Identity(None, "bedrock", scope=stripped.scope, name=stripped.full, opaque=True)
    found = _find(stripped.name)
    family, line, version = (found.family, found.line, found.version) if found else _guess(stripped.name)
    maker = found.maker if found else _maker(stripped.name)
    served = _host(stripped, host_name(host), maker)
    scope = stripped.scope or ("in-region" if served.startswith("bedrock") else "")
    return Identity(
        found.id if found else None, served, maker, family, line, version, scope, stripped.geo, stripped.full
    )


def _strip(name: str) -> _Stripped:
    """Take off routers, regions, ARNs and region groups, from the left."""
    strong = weak = full = scope = geo = ""
    for _ in range(6):
        if vertex := _VERTEX.fullmatch(name):
            strong, name = strong or "vertex", vertex[1]
            continue
        arn = _ARN.fullmatch(name)
        if arn:
            scope = "us-gov" if arn[1] == "aws-us-gov" else scope
            if arn[3] not in _NAMED_ARNS:
                return _Stripped(name, name, "bedrock", weak, scope, geo, opaque=True)
            strong, name = strong or "bedrock", arn[4]
        elif strong.startswith("bedrock") and (region := _REGION.fullmatch(name)):
            scope, name = ("us-gov" if region[1].startswith("us-gov") else scope), region[2]
        elif strong == "azure" and (part := name.partition("/"))[0] in ("us", "eu", "global", "global-standard"):
            geo = part[0] if part[0] in ("us", "eu") else ""
            scope, name = ("geo" if geo else "global"), part[2]
        elif (router := _ROUTER.fullmatch(name)) and _is_router(router[1]):
            key = router[1].replace("_", "-")
            full = full or (name if key in ("anthropic", "openai") and name.startswith(f"{key}/") else "")
            name = router[2]
            named = _names().strong.get(key, "")  # `bedrock/claude_platform/...` is Anthropic's own, sold by AWS
            strong = named if named == "claude-on-aws" else strong or named
            weak = weak or _names().weak.get(key, "")
        else:
            break
    return _aws(_Stripped(name, full or name, strong, weak, scope, geo))


def _is_router(word: str) -> bool:
    key = word.replace("_", "-")
    return key in _names().strong or key in _names().weak


def _aws(stripped: _Stripped) -> _Stripped:
    """Recognise an AWS id, with or without the prefix of a region group, by its vendor."""
    head, _, tail = stripped.name.partition(".")
    scope = _names().scopes.get(head, "")
    name = tail if scope else stripped.name
    if not _AWS_ID.fullmatch(name):
        return stripped
    geo = head if scope == "geo" else stripped.geo
    return _Stripped(name, name, stripped.strong or "bedrock", stripped.weak, stripped.scope or scope, geo)


def _find(name: str) -> Model | None:
    """The model of a name: as it stands, then without a version, a variant and a date."""
    bare = _VARIANT.sub("", name)
    aws = _AWS_ID.fullmatch(bare)
    plain = unversioned(bare) if aws else bare
    for candidate in (bare, plain, undated(plain), undated(plain.removesuffix("-latest"))):
        if candidate in _names().exact:
            return _names().exact[candidate]
    short = undated(plain.removeprefix("anthropic.").removeprefix("openai.")).removesuffix("-latest")
    if short.startswith("claude-"):
        return _claude(short)
    return _names().exact.get(_GPT_DASHED.sub(r"gpt-5.\1", short))


def _claude(name: str) -> Model | None:
    """A Claude name by line and version, in either order: `claude-sonnet-4.5`, `claude-4-5-sonnet`."""
    parts = _claude_parts(name)
    return (_names().exact.get(name) or _names().claude.get(parts)) if parts else _names().exact.get(name)


def _claude_parts(name: str) -> tuple[str, int, int] | None:
    if new := _CLAUDE.fullmatch(name):
        return new[1], int(new[2]), int(new[3] or 0)
    if old := _CLAUDE_OLD_ORDER.fullmatch(name):
        return old[3], int(old[1]), int(old[2] or 0)
    return None


def _guess(name: str) -> tuple[str, str, tuple[int, int] | None]:
    """Family, line and version of a name that no row has: enough to estimate tokens, never to take a price."""
    short = name.rpartition("/")[2].removeprefix("anthropic.").removeprefix("openai.")
    bare = undated(unversioned(short)).removesuffix("-latest")
    if parts := _claude_parts(bare):
        return "claude", parts[0], (parts[1], parts[2])
    if gpt := _GPT.match(_GPT_DASHED.sub(r"gpt-5.\1", bare)):
        return "gpt", "", (int(gpt[1]), int(gpt[2] or 0))
    return ("claude" if bare.startswith("claude-") else ""), "", None


def _maker(name: str) -> str:
    if aws := _AWS_ID.fullmatch(name):
        return aws[1]
    short = name.rpartition("/")[2]
    return next((maker for start, maker in _MAKERS if short.startswith(start)), "")


def _host(stripped: _Stripped, requested: str, maker: str) -> str:
    """Who serves it: a strong router or the form of the id, else what the caller says, else who sells the model."""
    if stripped.strong:
        host = requested if stripped.strong == "bedrock" and requested == "bedrock-mantle" else stripped.strong
    elif requested == "openai" and maker not in ("", "openai") and stripped.weak:
        host = stripped.weak  # an OpenAI client pointed at a gateway: the id itself says more
    else:
        own = next((host for start, host in _OWN_HOSTS.items() if stripped.name.startswith(start)), "")
        host = requested or stripped.weak or own
    return _CLAUDE_AT.get(host, host) if maker == "anthropic" else host
