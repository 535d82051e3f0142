"""Auditing many requests in one run: reading them, comparing them with earlier ones, and what the run amounts to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cachekit.core.auditors.audit import AuditOptions, as_called, audit_given
from cachekit.core.auditors.detect import candidates
from cachekit.core.auditors.records import Unwrapped, unwrap
from cachekit.core.auditors.report import AuditReport
from cachekit.core.backends import Backend
from cachekit.core.calls import BadLine
from cachekit.core.config import load_config
from cachekit.core.config_values import Config
from cachekit.core.errors import InputError, UsageError
from cachekit.core.patches import below
from cachekit.core.requests import RequestText, read_requests
from cachekit.gate import Gate

if TYPE_CHECKING:  # suggesting and observing are imported where they are asked for
    from cachekit.core.mend import Mended
    from cachekit.core.suggest import Suggestion
    from cachekit.observe import Observation


@dataclass(frozen=True, slots=True)
class AuditWish:
    """What a run is asked for: the options of `cachekit audit` that are not about its output."""

    paths: tuple[str, ...] = ()
    backend: str | None = None
    library_version: str | None = None
    tokens: str = "estimate"
    against: Path | None = None
    turns: Path | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    litellm_config: Path | None = None
    suggest: bool = False
    observe: bool = False
    fix: bool = False


@dataclass(frozen=True, slots=True)
class Audited:
    """One audited request, where it stands, what is suggested for it, and what its library was seen to do with it."""

    place: RequestText
    report: AuditReport
    suggestions: tuple[Suggestion, ...] = ()
    observation: Observation | None = None
    mended: Mended | None = None

    @property
    def final(self) -> AuditReport:
        """The audit that counts: of the request as it was mended, where that was asked for."""
        return self.mended.report if self.mended else self.report


@dataclass(frozen=True, slots=True)
class AuditRun:
    """All requests of a run, what could not be read or whose backend could not be told, and what was passed over: JSON
    in a folder that is no request."""

    audited: tuple[Audited, ...]
    unread: tuple[BadLine, ...] = ()
    passed: tuple[BadLine, ...] = ()

    def exit_code(self, gate: Gate) -> int:
        """0 fine, 1 for what the gate asks about, 2 where nothing could be checked, or not all that should be."""
        if not self.audited or (self.unread and (gate.strict_input or gate.asked)):
            return 2
        reports = [audited.final for audited in self.audited]
        failed = any(report.verdict in gate.failing for report in reports)
        failed = failed or any(gate.fails(finding) for report in reports for finding in report.findings)
        return int(failed or (gate.strict and any(map(_misjudged, self.audited))))


def _misjudged(audited: Audited) -> bool:
    """Whether the verdict rests on a model that the library was seen to differ from."""
    return audited.observation is not None and not audited.observation.agrees


def run_audits(wish: AuditWish, folder: Path, env: Mapping[str, str]) -> AuditRun:
    """Reads and audits all requests of a wish. Raises InputError and UsageError for what concerns the whole run."""
    config = load_config(folder, env)
    options = _options(wish, config)
    if wish.turns is not None:
        if wish.paths or wish.against is not None:
            raise UsageError("--turns is a conversation of its own", mend="leave out the other requests")
        return _collected(_conversation(wish, config, options))
    if not wish.paths:
        raise UsageError("no request given", mend="name a file, or - for stdin")
    if wish.against is not None:
        options = replace(options, previous=_earlier(wish, config, options))
    return _collected(
        item if isinstance(item, BadLine) else _audited(item, wish, config, options)
        for item in read_requests(wish.paths)
    )


@dataclass(frozen=True, slots=True)
class _PassedOver:
    """JSON that is no request, in a folder or behind a glob, where other JSON may stand."""

    line: BadLine


def _collected(items: Iterable[Audited | BadLine | _PassedOver]) -> AuditRun:
    audited: list[Audited] = []
    unread: list[BadLine] = []
    passed: list[BadLine] = []
    for item in items:
        if isinstance(item, Audited):
            audited.append(item)
        elif isinstance(item, BadLine):
            unread.append(item)
        else:
            passed.append(item.line)
    return AuditRun(tuple(audited), tuple(unread), tuple(passed))


def _options(wish: AuditWish, config: Config) -> AuditOptions:
    from cachekit.core.auditors.rules import RULES

    for name in (*wish.select, *wish.ignore):
        if name not in {rule.id for rule in RULES}:
            raise UsageError(f"no rule {name[:40]!r}", mend="see `cachekit rules`")
    return AuditOptions(
        library_version=wish.library_version or config.library_version,
        tokens=_given_tokens(wish.tokens),
        select=wish.select,
        ignore=wish.ignore,
        policy=config.policy,
        models=config.models,
        pricing=config.pricing,
        proxy=_proxy(wish.litellm_config),
    )


def _given_tokens(word: str) -> int | None:
    if word in ("estimate", "exact"):
        return None
    if not word.isdecimal() or not 0 < int(word) < 2**40:
        raise UsageError(f"--tokens {word[:20]!r}", mend="write estimate, exact or a count")
    return int(word)


def _proxy(path: Path | None) -> Mapping[str, object] | None:
    if path is None:
        return None
    from cachekit.core.auditors.stacks.litellm.proxy import read_proxy_config

    return read_proxy_config(path)


def _audited(
    item: RequestText, wish: AuditWish, config: Config, options: AuditOptions
) -> Audited | BadLine | _PassedOver:
    """One request; where its backend cannot be told, that is said of this request and the others go on."""
    given = unwrap(item.request)
    backend = _backend(given, wish, config)
    item = replace(item, at=below(item.at, given.place))
    if not item.named and backend in (None, "auto") and not (given.backend or given.api or candidates(given.request)):
        return _PassedOver(BadLine(item.line, "no request", item.path))
    try:
        if wish.tokens == "exact":
            options = replace(options, tokens=_counted(item, backend, options))
        report = audit_given(given, backend, options)
    except UsageError as error:
        if wish.backend not in (None, "auto"):
            raise
        return BadLine(item.line, error.message(), item.path)
    found = _suggested(given, report, options) if wish.suggest else ()
    observed = _observed(given, report, options) if wish.observe else None
    return Audited(item, report, found, observed, _mended(given, report, options) if wish.fix else None)


def _suggested(given: Unwrapped, report: AuditReport, options: AuditOptions) -> tuple[Suggestion, ...]:
    from cachekit.core.suggest import suggest

    return tuple(suggest(report, given, options))


def _mended(given: Unwrapped, report: AuditReport, options: AuditOptions) -> Mended:
    from cachekit.core.mend import mend

    return mend(report, given, options)


def _backend(given: Unwrapped, wish: AuditWish, config: Config) -> Backend | str | None:
    """The backend asked for; the config's is for requests that do not tell their own."""
    return wish.backend or (None if given.backend else config.backend)


def _observed(given: Unwrapped, report: AuditReport, options: AuditOptions) -> Observation | None:
    """The installed library held against its model; None for a request that has left its library."""
    if not report.library:
        return None
    from cachekit.observe import held_against, observe

    observed = observe(as_called(given.request, report.backend, options), report.backend)
    if observed.version != report.library_version:
        told = f"--observe runs the installed {report.library} {observed.version}, not {report.library_version}"
        raise UsageError(told, mend="leave out --library-version, or install that release")
    return held_against(report, observed)


def _counted(item: RequestText, backend: Backend | str | None, options: AuditOptions) -> int | None:
    """The exact input total, asked of the provider with the SDK's own credentials."""
    from cachekit.core.auditors.audit import wire_of
    from cachekit.core.tokens import count_with_environment

    wire = wire_of(item.request, backend, options)
    return count_with_environment(wire.body, wire.backend)


def _earlier(wish: AuditWish, config: Config, options: AuditOptions) -> AuditReport:
    """The request that --against names; the last one of a file with several."""
    last, why = None, "holds no request"
    for item in read_requests([wish.against or ""]):
        if isinstance(item, BadLine):
            why = item.reason
        else:
            last = item
    if last is None:
        raise InputError(why, where=str(wish.against), mend="give the earlier request as JSON")
    given = unwrap(last.request)
    try:
        return audit_given(given, _backend(given, wish, config), options)
    except UsageError as error:
        raise UsageError(error.what, where=str(wish.against), mend=error.mend) from None


def _conversation(wish: AuditWish, config: Config, options: AuditOptions) -> Iterator[Audited | BadLine | _PassedOver]:
    """Each request of a conversation, held against the one before it."""
    for item in read_requests([wish.turns or ""]):
        done = item if isinstance(item, BadLine) else _audited(item, wish, config, options)
        yield done
        if isinstance(done, Audited):
            options = replace(options, previous=done.report)
