"""What cachekit has to know of a library that stands between a user and a provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from cachekit.core.libraries.placing import Edits, Place
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.backends import Backend

Request = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """All parts of one library; a part that is forgotten fails when the registry is imported.

    `name` is its name on the package index, `backends` whose requests it carries, `measured` its releases that were
    driven against a local server, oldest first. `detect` answers which backends a request may be written for if its
    shape is this library's (None: it is not), `place_breakpoint` how a breakpoint is written in such a request.
    `translate` and `observe` are "module:function", imported when they are used: what the library puts on the wire for
    (request, version) and the backend where it has several, and how the installed library is made to send (request,
    backend). `verbatim` is an SDK that sends the user's own JSON: a later release can only know more keywords.
    """

    name: str
    backends: tuple[Backend, ...]
    measured: tuple[str, ...]
    detect: Callable[[Request], tuple[Backend, ...] | None]
    place_breakpoint: Callable[[Place], Iterator[Edits]]
    translate: str
    observe: str
    verbatim: bool = False

    @property
    def newest(self) -> str:
        """The newest release that was measured."""
        return self.measured[-1]

    def translated(self, request: Request, version: str, backend: Backend) -> Wire:
        """What reaches the wire; never raises."""
        which = (backend,) if len(self.backends) > 1 else ()
        wire = load(self.translate)(request, version, *which)
        assert isinstance(wire, Wire)
        return wire


def load(reference: str) -> Callable[..., object]:
    """The function that "module:function" names."""
    module, _, name = reference.partition(":")
    found: Callable[..., object] = getattr(import_module(module), name)
    return found
