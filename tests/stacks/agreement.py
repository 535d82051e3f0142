"""How often the installed libraries do what their models predict, over generated requests.

python -m tests.stacks.agreement --examples 200 --show 2
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings

from cachekit import Backend, audit
from cachekit.core.auditors.stacks import installed_version, library_of
from cachekit.core.errors import UsageError
from cachekit.observe import Observation, held_against, observe
from tests.stacks import (
    langchain_requests,
    litellm_requests,
    native_requests,
    pydantic_ai_requests,
    strands_requests,
)
from tests.stacks.parts import Strategy

REQUESTS: dict[Backend, Strategy] = {
    Backend.ANTHROPIC: native_requests.messages_calls(),
    Backend.ANTHROPIC_BEDROCK: native_requests.messages_calls(),
    Backend.ANTHROPIC_BEDROCK_MANTLE: native_requests.messages_calls(),
    Backend.OPENAI_CHAT: native_requests.chat_calls(),
    Backend.OPENAI_RESPONSES: native_requests.responses_calls(),
    Backend.BEDROCK_CONVERSE: native_requests.converse_calls(),
    Backend.BEDROCK_INVOKE_ANTHROPIC: native_requests.invoke_calls(),
    Backend.LITELLM: litellm_requests.completions(),
    Backend.STRANDS: strands_requests.agents(),
    Backend.PYDANTIC_AI: pydantic_ai_requests.runs(),
    Backend.LANGCHAIN_ANTHROPIC: langchain_requests.chats("ChatAnthropic"),
    Backend.LANGCHAIN_ANTHROPIC_BEDROCK: langchain_requests.chats("ChatAnthropicBedrock"),
    Backend.LANGCHAIN_BEDROCK: langchain_requests.chats("ChatBedrock"),
    Backend.LANGCHAIN_BEDROCK_CONVERSE: langchain_requests.chats("ChatBedrockConverse"),
}


@dataclass(slots=True)
class Count:
    """What came of one backend's requests. Those of which the model says that it is unsure are counted apart."""

    backend: Backend
    version: str
    total: int = 0
    agreed: int = 0
    unsure: int = 0
    marked: int = 0
    refused: int = 0
    differing: list[tuple[Mapping[str, object], Observation]] = field(default_factory=list)

    @property
    def sure(self) -> int:
        return self.total - self.unsure

    @property
    def share(self) -> float:
        return self.agreed / self.sure if self.sure else 1.0


def measure(backend: Backend, examples: int, number: int) -> Count:
    """Runs generated requests through one library and its model."""
    count = Count(backend, installed_version(library_of(backend)) or "")

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(REQUESTS[backend])
    def each(request: dict[str, object]) -> None:
        _add(count, request)

    each()
    return count


def _add(count: Count, request: dict[str, object]) -> None:
    request = json.loads(json.dumps(request))  # parts that are drawn twice are one object in memory, as in no JSON
    report = audit(request, count.backend)
    found = held_against(report, observe(request, count.backend))
    count.total += 1
    count.marked += bool(found.observed.sent)
    count.refused += found.observed.raises is not None
    if any(finding.rule == "library-unsure" for finding in report.findings):
        count.unsure += 1
    elif found.agrees:
        count.agreed += 1
    else:
        count.differing.append((request, found))


def told(count: Count) -> str:
    """One line."""
    library = f"{library_of(count.backend)} {count.version}"
    return (
        f"{count.backend:<28} {library:<28} {count.agreed:>5} of {count.sure:<5} {count.share:7.1%}"
        f"   ({count.unsure} unsure; {count.marked} sent breakpoints, {count.refused} were refused)"
    )


def shown(request: Mapping[str, object], found: Observation) -> str:
    """A request on which the two differ, and how."""
    observed = f"raises {found.observed.raises}" if found.observed.raises else ""
    predicted = "predicted to raise" if found.predicted_raise else ""
    marks = [f"{d.by}: {d.mark.section} {d.mark.ttl} {d.mark.tail!r}" for d in found.differences]
    return f"    {json.dumps(request)}\n      " + "; ".join(filter(None, [observed, predicted, *marks]))


def main(words: list[str]) -> int:
    """1 where a library agrees less often than asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=2)
    parser.add_argument("--least", type=float, default=0.97)
    parser.add_argument("--backend", action="append", type=Backend)
    options = parser.parse_args(words)
    low = False
    for backend in options.backend or REQUESTS:
        try:
            count = measure(backend, options.examples, options.seed)
        except UsageError as error:
            if options.backend:
                print(f"{backend:<28} {error.message()}")
            continue
        print(told(count), flush=True)
        low |= count.share < options.least
        for request, found in sorted(count.differing, key=lambda pair: len(json.dumps(pair[0])))[: options.show]:
            print(shown(request, found), flush=True)
    return int(low)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
