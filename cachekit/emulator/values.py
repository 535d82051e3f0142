"""The values that pass through: a request, what it asks for, the turn that answers it, the answer on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from cachekit.core.cache.law import Chunks, Lookup
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Prompt
from cachekit.core.model.usage import Usage
from cachekit.emulator.faults import Fault

Json = Mapping[str, object]
Look = Lookup | Chunks


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request. `path` is decoded and without its query, names of headers are in lower case."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Served:
    """One request and what became of it, for tests. `at` is when it came, in seconds since 1970 by the emulator's
    clock. `status` is 0 where the connection was dropped. `usage` counts nothing where there was no answer."""

    at: float
    path: str
    status: int
    usage: Usage
    body: Json = field(default_factory=dict, repr=False)
    id: str = ""
    model: str = ""
    stream: bool = False
    fault: Fault = Fault()


@dataclass(frozen=True, slots=True)
class ApiError:
    """Why a request is not answered: an HTTP status, a sentence, and OpenAI's `code` and `param`."""

    status: int
    message: str
    code: str = ""
    param: str = ""


class RefusedError(Exception):
    """Ends the handling of a request with the provider's error."""

    def __init__(self, api_error: ApiError) -> None:
        self.api_error = api_error
        super().__init__(api_error.message)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the model may call."""

    name: str
    schema: object


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """What the answer must be: a call of `tool`, an instance of `schema`, or text of at most `limit` tokens. Nothing at
    all when the request only fills the cache."""

    tool: Tool | None = None
    schema: object = None
    limit: int | None = None
    nothing: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """The model's answer: text or the call of a tool, with its output tokens. `cut`: the limit ended it."""

    text: str = ""
    tool: str = ""
    arguments: str = ""
    tokens: int = 0
    cut: bool = False

    @property
    def pieces(self) -> tuple[str, ...]:
        """The text, or the arguments, in the pieces in which a stream brings them."""
        whole = self.arguments if self.tool else self.text
        step = max(1, -(-len(whole) // 4))
        return tuple(whole[start : start + step] for start in range(0, len(whole), step))


@dataclass(frozen=True, slots=True)
class Route:
    """What a path leads to. `shape` is whose errors are sent, `prefix` how the ids of answers begin. `streams` is None
    where the body decides, `model` is empty where the body names it. `counts`: only tokens are asked for."""

    api: Api
    backend: Backend
    host: str
    shape: str
    prefix: str = ""
    model: str = ""
    streams: bool | None = None
    counts: bool = False


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A request that was understood. `named` is the model as the caller names it, `model` what that means."""

    route: Route
    body: Json
    named: str
    model: str
    stream: bool
    region: str = ""


@dataclass(frozen=True, slots=True)
class Metered:
    """A prompt after its look-up. `cached`: tokens up to its last breakpoint that qualifies, `reach` the blocks."""

    prompt: Prompt
    policy: Policy
    usage: Usage
    look: Look | None = None
    cached: int = 0
    reach: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """A request and everything that its answer tells. `key` is unique, `at` in seconds since 1970. `diagnosis` is what
    the provider says about a miss, as it stands in the answer; None where it says null."""

    api_call: ApiCall
    metered: Metered
    reply: Reply
    key: str
    at: float
    usage: Usage
    diagnosis: Json | None = None
    fault: Fault = Fault()

    @property
    def id(self) -> str:
        """The id of the answer; empty where answers have none."""
        prefix = self.api_call.route.prefix
        return f"{prefix}{self.key}" if prefix else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes on the wire: one frame, or those of a stream. `look` becomes readable as it begins."""

    status: int
    headers: Mapping[str, str]
    frames: tuple[bytes, ...]
    fault: Fault = Fault()
    look: Look | None = None
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Api:
    """One form of API. `check` says what is refused before anyone looks at the cache: parts that are missing. `wish`
    is what the answer must be, `whole` the answer as one JSON object, `stream` the same as frames of the content type
    `stream_type`, `count` the answer to a request for a count. `headers` tell something about an answer."""

    check: Callable[[ApiCall], ApiError | None]
    reply_options: Callable[[ApiCall], ReplyOptions]
    whole: Callable[[Turn], Json]
    stream: Callable[[Turn], Iterator[bytes]]
    count: Callable[[int], Json]
    stream_type: str = "text/event-stream; charset=utf-8"
    headers: Callable[[Turn], Mapping[str, str]] = lambda _: {}
