"""Auditing many requests in one run: each alone, each after an earlier one, or as the turns of a conversation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from os.path import isfile
from pathlib import Path
from typing import TYPE_CHECKING

from cachekit.auditing.gate import Gate
from cachekit.core.auditors.audit import AuditOptions, as_called, audit_unwrapped, wire_of
from cachekit.core.auditors.records import Unwrapped, unwrap
from cachekit.core.auditors.report import AuditReport
from cachekit.core.config.find import load_config
from cachekit.core.config.values import FILE, Config
from cachekit.core.jsonio.patches import below
from cachekit.core.jsonio.requests import RequestText, read_requests
from cachekit.core.libraries.detect import candidates
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import BadLine
from cachekit.core.model.errors import InputError, UsageError, did_you_mean

if TYPE_CHECKING:  # suggesting, fixing and observing are imported where they are wanted
    from cachekit.auditing.baseline import Baseline
    from cachekit.auditing.observe import Observation
    from cachekit.core.auditors.fix import FixedRequest
    from cachekit.core.auditors.suggest import Suggestion
    from cachekit.core.config.values import Suppression


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of `cachekit audit` that are not about its output. `audit`: those of each request; what the config
    says is added to them. `tokens` is "estimate", "exact" or a count. `against` is an earlier request, `turns` a
    conversation; they exclude each other. `baseline` holds findings that are known.
    `suggest`, `observe` and `fix` say what else is done with each request."""

    paths: tuple[str, ...] = ()
    backend: str | None = None
    audit: AuditOptions = AuditOptions()
    tokens: str = "estimate"
    against: Path | None = None
    turns: Path | None = None
    litellm_config: Path | None = None
    baseline: Baseline | None = None
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
    fixed: FixedRequest | None = None

    @property
    def final(self) -> AuditReport:
        """The audit that counts: of the fixed request, where there is one."""
        return self.fixed.report if self.fixed else self.report


@dataclass(frozen=True, slots=True)
class NoRequest:
    """JSON that is no request, in a folder or behind a glob, where other JSON may stand."""

    line: BadLine


@dataclass(frozen=True, slots=True)
class AuditRun:
    """All requests of a run, what could not be read or whose backend is unknown, and what was passed over: JSON in a
    folder that is no request. `is_conversation`: each request should extend the last. `unused` suppressions and `gone`
    findings of the baseline are no longer needed."""

    audited: tuple[Audited, ...]
    unread: tuple[BadLine, ...] = ()
    passed: tuple[BadLine, ...] = ()
    is_conversation: bool = False
    unused: tuple[Suppression, ...] = ()
    gone: int = 0

    def exit_code(self, gate: Gate) -> int:
        """0 fine, 1 for what the gate looks for, 2 where nothing could be checked, or not all that should be."""
        if not self.audited or (self.unread and (gate.strict_input or gate.gates)):
            return 2
        reports = [audited.final for audited in self.audited]
        failed = any(gate.rejects(report.verdict, report.findings, report.unshown) for report in reports)
        failed = failed or any(gate.fails(finding) for report in reports for finding in report.findings)
        # with --strict, a verdict that rests on a model which the library was seen to differ from is no yes
        seen = [audited.observation for audited in self.audited if audited.observation is not None]
        return int(failed or (gate.strict and not all(observation.agrees for observation in seen)))


def run_audits(options: RunOptions, folder: Path, env: Mapping[str, str]) -> AuditRun:
    """Reads and audits all requests. Raises InputError and UsageError for what concerns the whole run."""
    config = load_config(folder, env)
    options = replace(options, audit=_with_config(options, config))
    if options.turns is not None:
        if options.paths or options.against is not None:
            raise UsageError("--turns is a conversation of its own", hint="leave out the other requests")
        found = replace(_collect(_audit_conversation(options.turns, options, config)), is_conversation=True)
        return _suppressed(found, options.baseline, config)
    if not options.paths:
        raise UsageError("no request given", hint="name a file, or - for stdin")
    if options.against is not None:
        earlier = _audit_earlier(options.against, options, config)
        options = replace(options, audit=replace(options.audit, previous=earlier))
    return _suppressed(_collect(_audit_requests(options, config)), options.baseline, config)


def _suppressed(run: AuditRun, baseline: Baseline | None, config: Config) -> AuditRun:
    """The run with what is suppressed or known marked so. In a run that needs neither, nothing is imported for it."""
    if baseline is None and not config.suppressions and not any(map(_has_file_beside, run.audited)):
        return run
    from cachekit.auditing.suppress import suppressions_of

    suppressions = suppressions_of(config)
    left = Counter(baseline.counts if baseline else {})
    audited = []
    for one in run.audited:
        path, name = one.place.path, one.place.name
        report = suppressions.apply(one.report, path)
        fixed = replace(one.fixed, report=suppressions.apply(one.fixed.report, path)) if one.fixed else None
        if baseline is not None:
            if fixed:  # before the count goes down for the request as it was
                fixed = replace(fixed, report=baseline.apply(fixed.report, path, name, left.copy()))
            report = baseline.apply(report, path, name, left)
        audited.append(replace(one, report=report, fixed=fixed))
    seen = {baseline.path_of(one.place.path) for one in run.audited} if baseline else set()
    gone = sum(count for key, count in left.items() if key.path in seen)
    return replace(run, audited=tuple(audited), unused=suppressions.unused(), gone=gone)


def _has_file_beside(one: Audited) -> bool:
    return isfile(f"{one.place.path}.{FILE}")


def _collect(items: Iterable[Audited | BadLine | NoRequest]) -> AuditRun:
    found = list(items)
    return AuditRun(
        tuple(item for item in found if isinstance(item, Audited)),
        tuple(item for item in found if isinstance(item, BadLine)),
        tuple(item.line for item in found if isinstance(item, NoRequest)),
    )


def _with_config(options: RunOptions, config: Config) -> AuditOptions:
    """The options of each request, with the user's own tables. Raises UsageError for unknown rules and for a count of
    tokens that is none."""
    from cachekit.core.auditors.rules import RULES

    flags = options.audit
    for name in (*flags.select, *flags.ignore):
        if name not in {rule.id for rule in RULES}:
            hint = did_you_mean(name, (rule.id for rule in RULES), "see `cachekit rules`")
            raise UsageError(f"no rule {name[:40]!r}", hint=hint)
    tokens = None
    if options.tokens not in ("estimate", "exact"):
        if not options.tokens.isdecimal() or not 0 < int(options.tokens) < 2**40:
            raise UsageError(f"--tokens {options.tokens[:20]!r}", hint="write estimate, exact or a count")
        tokens = int(options.tokens)
    proxy = None
    if options.litellm_config is not None:
        from cachekit.core.libraries.litellm.proxy import read_proxy_config

        proxy = read_proxy_config(options.litellm_config)
    return replace(
        flags,
        library_version=flags.library_version or config.library_version,
        tokens=tokens,
        policy=config.policy,
        models=config.models,
        pricing=config.pricing,
        proxy=proxy,
    )


# --- the three ways of a run ----------------------------------------------------------------------------------------


def _audit_requests(options: RunOptions, config: Config) -> Iterator[Audited | BadLine | NoRequest]:
    """Each request of the paths, after the earlier one where there is one."""
    for item in read_requests(options.paths):
        yield item if isinstance(item, BadLine) else _audit_request(item, options, config)


def _audit_conversation(turns: Path, options: RunOptions, config: Config) -> Iterator[Audited | BadLine | NoRequest]:
    """Each request of a conversation, after the one before it."""
    for item in read_requests([turns]):
        done = item if isinstance(item, BadLine) else _audit_request(item, options, config)
        yield done
        if isinstance(done, Audited):
            options = replace(options, audit=replace(options.audit, previous=done.report))


def _audit_earlier(path: Path, options: RunOptions, config: Config) -> AuditReport:
    """The request that --against names; the last one of a file with several."""
    last, reason = None, "holds no request"
    for item in read_requests([path]):
        if isinstance(item, BadLine):
            reason = item.reason
        else:
            last = item
    if last is None:
        raise InputError(reason, where=str(path), hint="give the earlier request as JSON")
    unwrapped = unwrap(last.request)
    try:
        return audit_unwrapped(unwrapped, _backend(unwrapped, options, config), options.audit)
    except UsageError as error:
        raise UsageError(error.what, where=str(path), hint=error.hint) from None


# --- one request ----------------------------------------------------------------------------------------------------


def _audit_request(item: RequestText, options: RunOptions, config: Config) -> Audited | BadLine | NoRequest:
    """One request; where its backend is unknown, only this request is left out and the others go on."""
    unwrapped = unwrap(item.request)
    backend, audit = _backend(unwrapped, options, config), options.audit
    item = replace(item, at=below(item.at, unwrapped.place))
    recognised = unwrapped.backend or unwrapped.api or candidates(unwrapped.request)
    if not item.named and backend in (None, "auto") and not recognised:
        return NoRequest(BadLine(item.line, "no request", item.path))
    try:
        if options.tokens == "exact":
            audit = replace(audit, tokens=_count_tokens(item, backend, audit))
        report = audit_unwrapped(unwrapped, backend, audit)
    except UsageError as error:
        if options.backend not in (None, "auto"):
            raise
        return BadLine(item.line, error.message(), item.path)
    done = Audited(item, report)
    if options.suggest:
        from cachekit.core.auditors.suggest import suggest

        done = replace(done, suggestions=tuple(suggest(report, unwrapped, audit)))
    if options.observe and report.library:  # a request that has left its library has none to observe
        done = replace(done, observation=_observe_library(unwrapped, report, audit))
    if options.fix:
        from cachekit.core.auditors.fix import fix_request

        done = replace(done, fixed=fix_request(report, unwrapped, audit))
    return done


def _backend(unwrapped: Unwrapped, options: RunOptions, config: Config) -> Backend | str | None:
    """The backend of the options; the config's is for requests whose record names none."""
    return options.backend or (None if unwrapped.backend else config.backend)


def _count_tokens(item: RequestText, backend: Backend | str | None, audit: AuditOptions) -> int | None:
    """The exact input total, from the provider, with the SDK's own credentials."""
    from cachekit.client.count_tokens import count_with_environment

    wire = wire_of(item.request, backend, audit)
    return count_with_environment(wire.body, wire.backend)


def _observe_library(unwrapped: Unwrapped, report: AuditReport, audit: AuditOptions) -> Observation:
    """What the installed library does, beside what its model predicts."""
    from cachekit.auditing.observe import compare_observed, observe

    observed = observe(as_called(unwrapped.request, report.backend, audit), report.backend)
    if observed.version != report.library_version:
        what = f"--observe runs the installed {report.library} {observed.version}, not {report.library_version}"
        raise UsageError(what, hint="leave out --library-version, or install that release")
    return compare_observed(report, observed)
