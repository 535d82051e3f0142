"""Which backend answers for a request: the one asked for, the one its record names, or the one its shape tells."""

from __future__ import annotations

from cachekit.core.auditors.records import Unwrapped
from cachekit.core.libraries.detect import candidates
from cachekit.core.model.backends import NATIVE, Backend
from cachekit.core.model.errors import UnknownBackendError, UsageError, did_you_mean

_NAME_ONE = "name one with --backend"


def resolve_backend(unwrapped: Unwrapped, backend: Backend | str | None) -> Backend:
    """The backend asked for, or the one that the record names, or the only one that the shape allows."""
    if backend is not None and backend != "auto":
        try:
            return Backend(backend)
        except ValueError:
            names = ", ".join(dict.fromkeys(member.value for member in Backend))
            hint = did_you_mean(str(backend), (member.value for member in Backend), f"choose one of {names}")
            raise UnknownBackendError(f"no backend {str(backend)[:40]!r}", hint=hint) from None
    if unwrapped.backend is not None:
        return unwrapped.backend
    if unwrapped.api:
        raise UsageError(f"a call of the api {unwrapped.api[:40]!r}, whose cache is not known", hint=_NAME_ONE)
    found = tuple(member for member in candidates(unwrapped.request) if not unwrapped.sent or member in NATIVE)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(member.value for member in found)
        raise UsageError(f"the request may be for {names}", hint=_NAME_ONE)
    if unwrapped.request.get("usage"):
        hint = f"`cachekit report` reads logs; {_NAME_ONE}, if it is one"
        raise UsageError("a call that was made, with its usage and without its request", hint=hint)
    raise UsageError("this does not look like a request of any backend", hint=f"{_NAME_ONE}, if it is one")


def has_left(unwrapped: Unwrapped, backend: Backend) -> bool:
    """Whether the request has left its library. A library that is asked for all the same stands behind it: a proxy."""
    return unwrapped.sent and backend in NATIVE
