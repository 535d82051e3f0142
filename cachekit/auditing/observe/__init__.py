"""Observing: the installed library translates a request for real, into a capture, and is compared with the model of it.

Nothing is sent and no key is used. Each driver hands the JSON form of a request to its library as its user would.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from cachekit.auditing.observe.surroundings import watch
from cachekit.core.auditors.records import unwrap
from cachekit.core.auditors.report import AuditReport
from cachekit.core.libraries import installed_version, library_for
from cachekit.core.libraries.library import load
from cachekit.core.libraries.sent import Sent, sent_marks
from cachekit.core.model.backends import Backend
from cachekit.core.model.captured import Captured
from cachekit.core.model.errors import UsageError


@dataclass(frozen=True, slots=True)
class Observed:
    """What a library did with a request: the call that left, with its breakpoints on routes of the body, or the name
    of the exception where none left."""

    library: str
    version: str
    call: Captured | None = None
    sent: tuple[Sent, ...] = ()
    raises: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A breakpoint that only one side has: `library` or `model`."""

    by: str
    mark: Sent


@dataclass(frozen=True, slots=True)
class Observation:
    """A library compared with its model. `predicted_raise`: the model says that the library refuses."""

    observed: Observed
    predicted_raise: bool
    differences: tuple[Difference, ...] = ()

    @property
    def agrees(self) -> bool:
        """Both send the same breakpoints on the same text, or both refuse."""
        return not self.differences and self.predicted_raise == (self.observed.raises is not None)


def run_library(request: Mapping[str, object], backend: Backend) -> None:
    """Hands a request to its installed library, which sends it for real unless something around it forbids that."""
    load(library_for(backend).observe)(request, backend)


def refuse_foreign(request: Mapping[str, object], backend: Backend) -> None:
    """In place of running a library that is none of Python's."""
    what = f"the library of {backend} is none of Python's, and cannot be run from here"
    raise UsageError(what, hint="audit a body that it sent: its providers take a `fetch` that can write it to a file")


def refuse_unmeasured(request: Mapping[str, object], backend: Backend) -> None:
    """In place of running a library that is not driven here."""
    what = f"the library of {backend} is not driven by cachekit"
    raise UsageError(what, hint="run it under `cachekit capture`, and audit what it sent")


def observe(request: Mapping[str, object], backend: Backend) -> Observed:
    """Runs a request through its installed library. Raises UsageError where the library, or one that it needs, is not
    installed."""
    driven = library_for(backend)
    library, version = driven.name, installed_version(driven.name)
    if load(driven.observe) in (refuse_foreign, refuse_unmeasured):
        load(driven.observe)(request, backend)
    if version is None:
        raise UsageError(f"{library} is not installed here", hint=f"pip install {library}, or leave out --observe")
    seen = watch(lambda: run_library(request, backend))
    if seen.calls:
        left = unwrap(seen.calls[0])
        return Observed(library, version, seen.calls[0], sent_marks(left.request, left.backend or backend))
    missing = missing_package(seen.failure)
    if missing:
        raise UsageError(f"{library} {version} needs {missing} for this request", hint=f"pip install {missing}")
    if seen.elsewhere:
        what = f"{library} {version} sends this request to {seen.elsewhere[-1]}, in a form that is not read here"
        raise UsageError(what, hint="leave out --observe")
    return Observed(library, version, raises=type(seen.failure).__name__ if seen.failure else "nothing was sent")


_DISTRIBUTIONS = {
    "google.auth": "google-auth",
    "google.oauth2": "google-auth",
    "google.genai": "google-genai",
    "google.cloud.aiplatform": "google-cloud-aiplatform",
    "vertexai": "google-cloud-aiplatform",
    "google": "google-auth",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "jwt": "pyjwt",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "azure.identity": "azure-identity",
}
"""Packages whose name on the index is another than the module's."""


def missing_package(failure: BaseException | None) -> str | None:
    """The package, by its name on the index, whose absence is behind an exception. A module that an installed one has
    not is no such thing."""
    while failure is not None:
        if isinstance(failure, ModuleNotFoundError):
            module = failure.name or "a package"
            package = module.partition(".")[0]
            longest = max((name for name in _DISTRIBUTIONS if f"{module}.".startswith(f"{name}.")), key=len, default="")
            if longest and not _is_there(module):
                return _DISTRIBUTIONS[longest]
            if package not in sys.modules and not _is_there(package):
                return package.replace("_", "-")
        failure = failure.__cause__ or failure.__context__
    return None


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ModuleNotFoundError, ValueError):  # the package around it is missing, or is no package
        return False


def compare_observed(report: AuditReport, observed: Observed) -> Observation:
    """Compares what the model in the report predicts with what the library did."""
    left = () if observed.raises is not None or report.raises is not None else report.sent
    right = () if report.raises is not None else observed.sent
    differences = [Difference("library", mark) for mark in _beyond(right, left)]
    differences += [Difference("model", mark) for mark in _beyond(left, right)]
    return Observation(observed, report.raises is not None, tuple(differences))


def _beyond(some: tuple[Sent, ...], others: tuple[Sent, ...]) -> list[Sent]:
    """The marks of some for which others have no like: the same section and ttl, closing the same text."""
    counted, out = Counter(map(_like, others)), []
    for mark in some:
        if counted[_like(mark)]:
            counted[_like(mark)] -= 1
        else:
            out.append(mark)
    return out


def _like(mark: Sent) -> tuple[str, str | None, str]:
    return mark.section, mark.ttl, mark.tail if mark.section in ("tools", "system", "messages") else ""
