"""Observing: the installed library translates a request for real, into a capture, and is held against the model of it.

Nothing is sent and no key is used. Each driver hands the JSON form of a request to its library as its user would.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from cachekit.core.auditors.records import unwrap
from cachekit.core.auditors.report import AuditReport
from cachekit.core.auditors.sent import Sent, sent_marks
from cachekit.core.auditors.stacks import installed_version, library_of
from cachekit.core.backends import Backend
from cachekit.core.captured import Captured
from cachekit.core.errors import UsageError
from cachekit.observe.surroundings import watched

_HERE = "cachekit.observe"
DRIVERS = {
    Backend.ANTHROPIC: f"{_HERE}.native",
    Backend.ANTHROPIC_BEDROCK: f"{_HERE}.native",
    Backend.ANTHROPIC_BEDROCK_MANTLE: f"{_HERE}.native",
    Backend.OPENAI_CHAT: f"{_HERE}.native",
    Backend.OPENAI_RESPONSES: f"{_HERE}.native",
    Backend.BEDROCK_CONVERSE: f"{_HERE}.native",
    Backend.BEDROCK_INVOKE_ANTHROPIC: f"{_HERE}.native",
    Backend.LITELLM: f"{_HERE}.litellm",
    Backend.STRANDS: f"{_HERE}.strands",
    Backend.PYDANTIC_AI: f"{_HERE}.pydantic_ai",
    Backend.LANGCHAIN_ANTHROPIC: f"{_HERE}.langchain",
    Backend.LANGCHAIN_ANTHROPIC_BEDROCK: f"{_HERE}.langchain",
    Backend.LANGCHAIN_BEDROCK: f"{_HERE}.langchain",
    Backend.LANGCHAIN_BEDROCK_CONVERSE: f"{_HERE}.langchain",
}
"""The module whose `run(request, backend)` makes each library send."""


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
    """A library held against its model. `predicted_raise`: the model says that the library refuses."""

    observed: Observed
    predicted_raise: bool
    differences: tuple[Difference, ...] = ()

    @property
    def agrees(self) -> bool:
        """Both send the same breakpoints on the same text, or both refuse."""
        return not self.differences and self.predicted_raise == (self.observed.raises is not None)


def observe(request: Mapping[str, object], backend: Backend) -> Observed:
    """Runs a request through its installed library. Raises UsageError where the library, or one that it needs, is not
    installed."""
    library = library_of(backend)
    version = installed_version(library)
    if version is None:
        raise UsageError(f"{library} is not installed here", mend=f"pip install {library}, or leave out --observe")
    calls, failure = watched(lambda: import_module(DRIVERS[backend]).run(request, backend))
    missing = _missing(failure)
    if missing and not calls:
        raise UsageError(f"{library} {version} needs {missing} for this request", mend=f"pip install {missing}")
    if not calls:
        return Observed(library, version, raises=type(failure).__name__ if failure else "nothing was sent")
    given = unwrap(calls[0])
    return Observed(library, version, calls[0], sent_marks(given.request, given.backend or backend))


def _missing(failure: BaseException | None) -> str | None:
    """The package whose absence is behind an exception. A module that an installed one has not is no such thing."""
    while failure is not None:
        if isinstance(failure, ModuleNotFoundError):
            package = (failure.name or "a package").partition(".")[0]
            if package not in sys.modules and find_spec(package) is None:
                return package
        failure = failure.__cause__ or failure.__context__
    return None


def held_against(report: AuditReport, observed: Observed) -> Observation:
    """What the model in the report predicts beside what the library did."""
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
