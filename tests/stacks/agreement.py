"""How often the installed libraries do what their models predict, over generated requests on every route.

python -m tests.stacks.agreement --examples 200 --show 2

A route that the measured tables name and that no request was drawn for fails the run, as does a share under --least.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings

from cachekit import Backend, audit
from cachekit.auditing.observe import Observation, compare_observed, observe
from cachekit.core.libraries import installed_version, library_for
from cachekit.core.model.errors import UsageError
from tests.stacks import (
    langchain_requests,
    litellm_requests,
    native_requests,
    pydantic_ai_requests,
    strands_requests,
)
from tests.stacks.measure import langchain_cases, litellm_cases, native_cases, pydantic_ai_cases, strands_cases
from tests.stacks.measure.table import TABLES, read_table
from tests.stacks.parts import Strategy

CLAUDE_ID, LLAMA = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.meta.llama3-3-70b-instruct-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012"
NATIVE = {
    Backend.ANTHROPIC: native_requests.messages_calls,
    Backend.ANTHROPIC_BEDROCK: native_requests.messages_calls,
    Backend.ANTHROPIC_BEDROCK_MANTLE: native_requests.messages_calls,
    Backend.OPENAI_CHAT: native_requests.chat_calls,
    Backend.OPENAI_RESPONSES: native_requests.responses_calls,
    Backend.BEDROCK_CONVERSE: native_requests.converse_calls,
    Backend.BEDROCK_INVOKE_ANTHROPIC: native_requests.invoke_calls,
}


def routes_of(backend: Backend) -> dict[str, Strategy]:
    """The requests of a backend by route: all that are measured, and some more."""
    if backend in NATIVE:
        known = {**native_cases.CLAUDE_ROUTES, **native_cases.OPENAI_ROUTES, **native_cases.BOTO_ROUTES}
        more = {"converse/llama": (Backend.BEDROCK_CONVERSE, {"modelId": LLAMA})}
        return {name: NATIVE[backend](route) for name, (of, route) in {**known, **more}.items() if of is backend}
    if backend is Backend.LITELLM:
        routes = litellm_cases.ROUTES
        found = {name: litellm_requests.completions(route) for name, route in routes.items()}
        found |= {
            f"/v1/messages {r}": litellm_requests.messages_calls(routes[r]) for r in litellm_cases.MESSAGES_ROUTES
        }
        found |= {
            f"/v1/responses {r}": litellm_requests.responses_calls(routes[r]) for r in litellm_cases.RESPONSES_ROUTES
        }
        return found
    if backend is Backend.STRANDS:
        return {name: strands_requests.agents(*route) for name, route in strands_cases.ROUTES.items()}
    if backend is Backend.PYDANTIC_AI:
        models = {name: model for name, (model, _) in pydantic_ai_cases.ROUTES.items()}
        models |= {
            "bedrock/sonnet-3-7": "bedrock:us.anthropic.claude-3-7-sonnet-20250219-v1:0",
            "bedrock/profile-arn": f"bedrock:{PROFILE}:application-inference-profile/abc123",
            "bedrock/inference-profile": f"bedrock:{PROFILE}:inference-profile/{CLAUDE_ID}",
            "anthropic/opus-4-8": "anthropic:claude-opus-4-8",
            "openai/gpt-4o": "openai:gpt-4o",
        }
        return {name: pydantic_ai_requests.runs(model) for name, model in models.items()}
    classes = {name: route for routes in langchain_cases.ROUTES.values() for name, route in routes.items()}
    return {name: langchain_requests.chats(of, init) for name, (at, of, init) in classes.items() if at is backend}


@dataclass(slots=True)
class Count:
    """What came of one backend's requests. Those of which the model says that it is unsure are counted apart, and so
    are those that the library sends in a form that is not read. `drawn`: requests by route."""

    backend: Backend
    version: str
    total: int = 0
    agreed: int = 0
    unsure: int = 0
    unread: int = 0
    marked: int = 0
    refused: int = 0
    drawn: Counter[str] = field(default_factory=Counter)
    differing: list[tuple[str, Mapping[str, object], Observation]] = field(default_factory=list)

    @property
    def sure(self) -> int:
        return self.total - self.unsure - self.unread

    @property
    def share(self) -> float:
        return self.agreed / self.sure if self.sure else 1.0

    def missing(self) -> list[str]:
        """The routes that the measured tables name for the backend and that no request was drawn for."""
        library = library_for(self.backend).name
        measured = {cell.route for cell in read_table(TABLES / f"{library}.json", library).fates}
        if len(library_for(self.backend).backends) > 1:  # the table holds the routes of several backends
            measured &= set(routes_of(self.backend))
        return sorted(route for route in measured if not self.drawn[route])


def measure(backend: Backend, examples: int, number: int) -> Count:
    """Runs generated requests through one library and its model, on each route as many."""
    count = Count(backend, installed_version(library_for(backend).name) or "")
    routes = routes_of(backend)
    for route, strategy in routes.items():
        _draw(count, route, strategy, (max(5, examples // len(routes)), number))
    return count


def _draw(count: Count, route: str, strategy: Strategy, size: tuple[int, int]) -> None:
    """`size`: how many requests, and the seed."""

    @seed(size[1])
    @settings(
        max_examples=size[0],
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def each(request: dict[str, object]) -> None:
        _add(count, route, request)

    each()


def _add(count: Count, route: str, request: dict[str, object]) -> None:
    request = json.loads(json.dumps(request))  # parts that are drawn twice are one object in memory, as in no JSON
    report = audit(request, count.backend)
    count.total += 1
    count.drawn[route] += 1
    try:
        observed = observe(request, count.backend)
    except UsageError as error:
        if "in a form that is not read" not in error.what:
            raise
        count.unread += 1
        return
    found = compare_observed(report, observed)
    count.marked += bool(observed.sent)
    count.refused += observed.raises is not None
    if any(finding.rule == "library-unsure" for finding in report.findings):
        count.unsure += 1
    elif found.agrees:
        count.agreed += 1
    else:
        count.differing.append((route, request, found))


def describe(count: Count) -> str:
    """One line."""
    library = f"{library_for(count.backend).name} {count.version}"
    return (
        f"{count.backend:<28} {library:<28} {count.agreed:>5} of {count.sure:<5} {count.share:7.1%}"
        f"   ({len(count.drawn)} routes; {count.unsure} unsure, {count.unread} not read;"
        f" {count.marked} sent breakpoints, {count.refused} were refused)"
    )


def describe_difference(route: str, request: Mapping[str, object], found: Observation) -> str:
    """A request on which the two differ, and how."""
    observed = f"raises {found.observed.raises}" if found.observed.raises else ""
    predicted = "predicted to raise" if found.predicted_raise else ""
    marks = [f"{d.by}: {d.mark.section} {d.mark.ttl} {d.mark.tail!r}" for d in found.differences]
    return f"    {route}: {json.dumps(request)}\n      " + "; ".join(filter(None, [observed, predicted, *marks]))


def main(words: list[str]) -> int:
    """1 where a library agrees less often than it must, or where a measured route was never drawn."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=2)
    parser.add_argument("--least", type=float, default=0.99)
    parser.add_argument("--backend", action="append", type=Backend)
    options = parser.parse_args(words)
    low = False
    for backend in options.backend or dict.fromkeys(Backend):
        try:
            count = measure(backend, options.examples, options.seed)
        except UsageError as error:
            if options.backend:
                print(f"{backend:<28} {error.message()}")
            continue
        print(describe(count), flush=True)
        missing = count.missing()
        if missing:
            print(f"    never drawn: {', '.join(missing)}")
        low |= count.share < options.least or bool(missing)
        by_route = Counter(route for route, _, _ in count.differing)
        if by_route:
            print("    differ on " + ", ".join(f"{route} {n}" for route, n in by_route.most_common()))
        for differing in sorted(count.differing, key=lambda row: len(json.dumps(row[1])))[: options.show]:
            print(describe_difference(*differing), flush=True)
    return int(low)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
