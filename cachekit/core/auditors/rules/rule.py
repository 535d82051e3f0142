"""What a rule is: a generator over a prompt and its cache policy.

A rule's id is its name, its docstring (what, why, bad, good) is its explanation. It yields a Hit for each place; what
does not apply yields nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cachekit.core.catalog.policy import Policy
from cachekit.core.catalog.refusals import find_refusals
from cachekit.core.model.findings import Confidence, Edit, Finding, Severity, Verdict
from cachekit.core.model.prompt import Note, Prompt
from cachekit.core.model.routes import is_within

HOW_TO_KNOW = "install the library and run `cachekit audit --observe`: it shows what is really sent"
"""The way out of what was not measured."""

Check = Callable[[Prompt, Policy], Iterator["Hit"]]


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where a rule fires. Severity is the rule's own unless given; `tokens` are at stake on each call.
    `refused`: the provider answers the whole request with an error."""

    message: str
    route: str = ""
    tokens: int = 0
    hint: str = ""
    severity: Severity | None = None
    confidence: Confidence = Confidence.CONFIRMED
    verdict: Verdict | None = None
    edits: tuple[Edit, ...] = ()
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: call it with a prompt and a policy to get findings."""

    id: str
    severity: Severity
    docs: str
    check: Check

    @property
    def summary(self) -> str:
        """The first line of its explanation."""
        return self.docs.partition("\n")[0]

    def __call__(self, prompt: Prompt, policy: Policy) -> Iterator[Finding]:
        for hit in self.check(prompt, policy):
            yield Finding(
                rule=self.id,
                severity=hit.severity or self.severity,
                message=hit.message,
                route=hit.route,
                confidence=hit.confidence,
                tokens=hit.tokens,
                recommendation=hit.hint,
                edits=hit.edits,
                verdict=hit.verdict,
                refused=hit.refused,
            )


def rule(severity: Severity) -> Callable[[Check], Rule]:
    """Make a rule of a generator: `def ttl_order(prompt, policy)` becomes the rule `ttl-order`."""

    def make(check: Check) -> Rule:
        name = getattr(check, "__name__", "").replace("_", "-")
        return Rule(name, severity, inspect.getdoc(check) or "", check)

    return make


def from_library(prompt: Prompt, note: Note) -> bool:
    """Whether what became of a marker in the library says already what a note on the provider's form would say: both
    speak of the same place, one perhaps more closely than the other."""
    lost = [other.route for other in prompt.notes if other.code in ("not_read_there", "dropped")]
    return any(is_within(note.route, route) or is_within(route, note.route) for route in lost if route)


def refused(rule_id: str, prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The refusals that a rule shows. One that is only assumed is a suspicion, and leaves the verdict unsure."""
    for found in find_refusals(prompt, policy, rule_id):
        yield Hit(
            found.message,
            found.route,
            hint=found.hint,
            severity=Severity.ERROR if found.certain else Severity.WARN,
            confidence=Confidence.CONFIRMED if found.certain else Confidence.SUSPECTED,
            verdict=Verdict.NO if found.certain else Verdict.UNSURE,
            edits=found.edits,
            refused=found.certain,
        )
