"""What a command hands to the outputs of findings: the files it checked, what was found, what could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING

from cachekit.core.model.calls import BadLine
from cachekit.core.model.findings import Edit, Finding, Severity, Verdict, is_best_effort, is_suppressed
from cachekit.core.model.routes import steps

if TYPE_CHECKING:
    from cachekit.core.auditors.rules.rule import Rule
    from cachekit.core.jsonio.positions import Place

STDIN = "-"


@dataclass(frozen=True, slots=True)
class FileFindings:
    """One request and what was found in it.

    `path` is as the user named it, `-` for stdin. `source` is the JSON text in which findings are located (a file, or
    one line of a log, which then begins at `line`); empty when not at hand. `at` is the route of the request inside the
    source (`request`, `[2]`), empty where the source is the request. `name` tells requests of one file apart.
    `unshown`: rules that speak in the verdict without a finding.
    """

    path: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    source: bytes = field(default=b"", repr=False)
    line: int = 1
    at: str = ""
    name: str = ""
    unshown: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The request's name for people: the path, and which request of it where it holds several."""
        path = "stdin" if self.path == STDIN else self.path
        return f"{path} ({self.name})" if self.name else path


@dataclass(frozen=True, slots=True)
class Run:
    """All that one command checked. `rules` are those that ran, with or without findings. `show_text` lets prompt text
    into the output. A finding from `fail_on` up or of `fail_rules`, and a verdict in `failing`, are failures, where an
    output knows such; with `possible` not where the cache is only best effort by nature."""

    files: tuple[FileFindings, ...]
    unread: tuple[BadLine, ...] = ()
    rules: tuple[Rule, ...] = ()
    show_text: bool = False
    fail_on: Severity | None = Severity.ERROR
    failing: frozenset[Verdict] = frozenset({Verdict.NO})
    fail_rules: frozenset[str] = frozenset()
    possible: bool = False

    def rejects(self, file: FileFindings) -> bool:
        """Whether the verdict on a request fails the run."""
        if file.verdict not in self.failing or is_suppressed(file.verdict, file.findings, file.unshown):
            return False
        return not (self.possible and is_best_effort(file.verdict, file.findings))

    def fails(self, finding: Finding) -> bool:
        """Whether a finding is as bad as asked for, or worse, or of a rule that was asked for."""
        if finding.suppressed:
            return False
        severe = self.fail_on is not None and rank(finding.severity) >= rank(self.fail_on)
        return severe or finding.rule in self.fail_rules


def rank(severity: Severity) -> int:
    """0 for info, 1 for warn, 2 for error."""
    return tuple(Severity).index(severity)


def located(file: FileFindings) -> Iterator[tuple[Finding, Place | None]]:
    """Each finding with its place in the file: of its route, else of the line that the request begins at."""
    from cachekit.core.jsonio.patches import below
    from cachekit.core.jsonio.positions import Place, places

    routes = {finding.route: below(file.at, finding.route) for finding in file.findings}
    found: Mapping[str, Place] = places(file.source, routes.values(), file.line) if file.source else {}
    start = Place(file.line, 1, file.line, 1) if file.line > 1 else None
    for finding in file.findings:
        yield finding, found.get(routes[finding.route], start)


def describe_finding(finding: Finding, then: str = "\n") -> str:
    """A finding in words: the message, that it is only suspected, and what to do, with `then` in between."""
    doubt = " (suspected)" if finding.confidence == "suspected" else ""
    if finding.suppressed:
        return f"{finding.message}{doubt} (suppressed: {finding.suppressed})"
    return f"{finding.message}{doubt}" + (f"{then}{finding.recommendation}" if finding.recommendation else "")


def fingerprint(file: FileFindings, finding: Finding, seen: dict[str, int]) -> str:
    """Stable from run to run: the same rule at the same route of the same request; then how many of these came."""
    parts = "\0".join((finding.rule, file.path, file.name, finding.route))
    digest = blake2b(parts.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    seen[digest] = seen.get(digest, 0) + 1
    return f"{digest}:{seen[digest]}"


def loss_fields(finding: Finding) -> dict[str, object]:
    """What a finding puts at stake on each call, only what is known."""
    out: dict[str, object] = {}
    if finding.tokens:
        out["tokens"] = finding.tokens
    if finding.usd is not None:
        out["usd"] = finding.usd
    return out


def summary(run: Run) -> str:
    """One line: `3 requests: 1 will cache, 1 will not, 1 unsure; 2 errors, 1 warning; 1 unreadable`."""
    verdicts = [file.verdict for file in run.files]
    findings = [finding for file in run.files for finding in file.findings]
    severities = [finding.severity for finding in findings if not finding.suppressed]
    parts = [
        f"{counted(len(run.files), 'request')}: {verdicts.count(Verdict.YES)} will cache, "
        f"{verdicts.count(Verdict.NO)} will not, {verdicts.count(Verdict.UNSURE)} unsure",
        f"{counted(severities.count(Severity.ERROR), 'error')}, {counted(severities.count(Severity.WARN), 'warning')}",
    ]
    if len(severities) < len(findings):
        parts.append(f"{len(findings) - len(severities)} suppressed")
    if run.unread:
        parts.append(f"{len(run.unread)} unreadable")
    return "; ".join(parts)


def counted(count: int, noun: str) -> str:
    """`1 request`, `2 requests`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


_CONTROLS = frozenset(
    {"cache_control", "cachePoint", "type", "ttl", "mode", "prompt_cache_key", "prompt_cache_retention"}
)


def shareable(edit: Edit, show_text: bool) -> bool:
    """Whether an edit may stand in a file: all of its text is the value of a cache control, never of a prompt."""
    last = steps(edit.route)[-1:]
    return show_text or edit.op == "remove" or _controls_only(edit.value, last[0] if last else "")


def _controls_only(value: object, key: object) -> bool:
    if isinstance(value, dict):
        return all(_controls_only(inner, name) for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return all(_controls_only(inner, key) for inner in value)
    return not isinstance(value, str) or key in _CONTROLS


def plain_number(value: Decimal) -> int | float:
    """Money as a JSON number."""
    return int(value) if value == value.to_integral_value() else float(value)
