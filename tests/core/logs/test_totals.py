"""One table of what is read from each fixture: calls, tokens by kind, and what was left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from cachekit.core.logs.format import Summary
from cachekit.core.logs.reading import read_any
from cachekit.core.model.calls import BadLine, Call

FIXTURES = Path(__file__).parents[3] / "fixtures" / "logs"

#            calls  uncached  read  written  output | unknown  duplicates  bad  skipped  reinterpreted
TOTALS = {
    "anthropic-batch/clean.jsonl": (2, 20, 8000, 1000, 40, 0, 0, 0, 1, 0),
    "anthropic-batch/nasty.jsonl": (1, 0, 4000, 500, 20, 0, 1, 1, 4, 0),
    "anthropic-usage/clean.csv": (1, 1500, 20000, 1500, 300, 0, 0, 0, 0, 0),
    "anthropic-usage/clean.json": (2, 1600, 20000, 1500, 310, 0, 0, 0, 1, 0),
    "anthropic-usage/nasty.json": (1, 1500, 0, 500, 300, 0, 0, 0, 3, 0),
    "bedrock/clean.cloudwatch.json": (2, 20, 4000, 600, 50, 0, 0, 0, 1, 0),
    "bedrock/clean.export.log": (2, 20, 4000, 600, 50, 0, 0, 0, 1, 0),
    "bedrock/clean.insights.csv": (1, 10, 2000, 300, 25, 0, 0, 0, 1, 0),
    "bedrock/clean.insights.json": (1, 10, 2000, 300, 25, 0, 0, 0, 0, 0),
    "bedrock/clean.jsonl": (4, 40, 8000, 1200, 100, 0, 0, 0, 0, 0),
    "bedrock/clean.pages.json": (4, 40, 8000, 1200, 100, 0, 0, 0, 0, 0),
    "bedrock/clean.subscription.json": (4, 40, 8000, 1200, 100, 0, 0, 0, 1, 0),
    "bedrock/nasty.jsonl": (10, 64, 10070, 1805, 200, 3, 1, 1, 2, 0),
    "braintrust/clean.jsonl": (2, 10, 9000, 9300, 80, 0, 0, 0, 1, 0),
    "braintrust/nasty.jsonl": (3, 510, 9000, 9300, 85, 1, 1, 1, 2, 1),
    "claude-code/clean.json": (3, 11, 2200, 5500, 107, 0, 1, 0, 3, 0),
    "claude-code/clean.jsonl": (3, 11, 2200, 5500, 107, 0, 1, 0, 3, 0),
    "claude-code/nasty.jsonl": (11, 22, 7000, 2599, 109, 2, 3, 5, 4, 0),
    "claude-stream/clean.action.json": (3, 510, 9000, 9300, 92, 0, 0, 0, 2, 0),
    "claude-stream/clean.jsonl": (2, 10, 9000, 9300, 80, 0, 0, 0, 3, 0),
    "claude-stream/clean.result.json": (1, 10, 9000, 9300, 80, 0, 0, 0, 0, 0),
    "claude-stream/nasty.jsonl": (4, 15, 11000, 11100, 49, 0, 0, 1, 5, 0),
    "cline/clean.json": (2, 10, 9000, 9300, 80, 0, 0, 0, 1, 0),
    "cline/nasty.json": (4, 113, 27100, 350, 34, 0, 1, 1, 3, 0),
    "codex/clean.exec.jsonl": (1, 1000, 3000, 1000, 70, 0, 0, 0, 3, 0),
    "codex/clean.jsonl": (2, 9320, 7680, 0, 250, 0, 1, 0, 4, 0),
    "codex/nasty.jsonl": (2, 8000, 1000, 0, 120, 0, 1, 1, 7, 0),
    "codex/nasty.spawned.jsonl": (1, 1680, 1320, 0, 50, 0, 2, 0, 2, 0),
    "copilot/clean.jsonl": (2, 1016, 9000, 9300, 85, 0, 0, 0, 2, 0),
    "copilot/nasty.jsonl": (2, 704, 0, 9000, 64, 1, 1, 1, 4, 0),
    "cursor/clean.csv": (2, 110, 9000, 9000, 80, 0, 0, 0, 0, 0),
    "cursor/nasty.csv": (2, 4, 9000, 9000, 80, 0, 1, 0, 1, 0),
    "flat/clean.csv": (2, 20, 4000, 600, 50, 0, 0, 0, 0, 0),
    "flat/clean.jsonl": (2, 1952, 2048, 0, 40, 0, 0, 0, 0, 0),
    "flat/nasty.csv": (4, 976, 4024, 0, 80, 2, 1, 0, 1, 0),
    "gemini-cli/clean.headless.json": (1, 3000, 6000, 0, 150, 0, 0, 0, 0, 0),
    "gemini-cli/clean.json": (2, 2000, 6000, 0, 130, 0, 0, 0, 1, 0),
    "gemini-cli/clean.jsonl": (1, 1000, 3000, 0, 70, 0, 1, 0, 2, 0),
    "gemini-cli/clean.stream.jsonl": (1, 3000, 6000, 0, 150, 0, 0, 0, 2, 0),
    "gemini-cli/nasty.jsonl": (4, 90, 521, 0, 15, 1, 0, 1, 2, 0),
    "helicone/clean.csv": (2, 200, 6000, 100, 40, 0, 0, 0, 0, 0),
    "helicone/clean.jsonl": (4, 2110, 10000, 550, 60, 1, 0, 0, 0, 0),
    "helicone/clean.page.json": (2, 20, 4000, 600, 50, 0, 0, 0, 0, 0),
    "helicone/nasty.csv": (4, 100, 10, 0, 12, 3, 0, 0, 0, 0),
    "helicone/nasty.jsonl": (5, 250, 6000, 150, 60, 1, 1, 1, 0, 2),
    "inspect-ai/clean.eval": (2, 10, 9000, 9300, 80, 0, 0, 0, 0, 0),
    "inspect-ai/clean.json": (2, 10, 9000, 9300, 80, 0, 0, 0, 0, 0),
    "inspect-ai/nasty.json": (4, 112, 18000, 300, 40, 2, 1, 0, 0, 1),
    "langfuse/clean.csv": (2, 20, 4000, 600, 50, 0, 0, 0, 1, 1),
    "langfuse/clean.jsonl": (3, 1110, 8000, 500, 150, 1, 0, 0, 1, 1),
    "langfuse/clean.page.json": (1, 100, 4000, 0, 50, 0, 0, 0, 0, 0),
    "langfuse/nasty.jsonl": (5, 10, 90, 20, 1, 3, 1, 1, 1, 0),
    "langsmith/clean.jsonl": (2, 112, 9000, 9300, 80, 0, 0, 0, 1, 0),
    "langsmith/nasty.jsonl": (5, 610, 9000, 9000, 85, 3, 1, 1, 0, 0),
    "litellm/clean.csv": (2, 20, 4000, 600, 50, 0, 0, 0, 0, 0),
    "litellm/clean.jsonl": (6, 14352, 9148, 1500, 200, 1, 0, 0, 0, 0),
    "litellm/clean.page.json": (2, 20, 4000, 600, 50, 0, 0, 0, 0, 0),
    "litellm/nasty.jsonl": (7, 14900, 4100, 2000, 207, 5, 1, 2, 1, 0),
    "llm/clean.db": (3, 1464, 4048, 100, 60, 1, 1, 0, 0, 0),
    "llm/nasty.db": (4, 0, 300, 0, 15, 3, 0, 0, 0, 0),
    "managed-agents/clean.jsonl": (2, 10, 9000, 9300, 80, 0, 0, 0, 5, 0),
    "managed-agents/nasty.json": (4, 4, 0, 9000, 63, 3, 1, 0, 2, 0),
    "mooncake/clean.jsonl": (2, 2400, 0, 0, 70, 2, 0, 0, 0, 0),
    "mooncake/nasty.jsonl": (2, 700, 0, 0, 0, 2, 0, 1, 3, 0),
    "openai-batch/clean.jsonl": (2, 1808, 8192, 0, 60, 0, 0, 0, 0, 0),
    "openai-batch/nasty.jsonl": (1, 5000, 0, 0, 30, 1, 1, 1, 3, 0),
    "openai-usage/clean.json": (2, 1100, 20000, 0, 505, 0, 0, 0, 1, 0),
    "openai-usage/nasty.json": (2, 21000, 200, 0, 505, 1, 0, 0, 3, 0),
    "opencode/clean.db": (2, 10, 9000, 9300, 80, 0, 0, 0, 1, 0),
    "opencode/clean.jsonl": (2, 10, 9000, 9300, 90, 0, 0, 0, 1, 0),
    "opencode/nasty.jsonl": (4, 1004, 8000, 10000, 110, 2, 1, 1, 1, 0),
    "openrouter-activity/clean.csv": (2, 506, 9000, 0, 40, 0, 0, 0, 0, 0),
    "openrouter-activity/nasty.jsonl": (2, 406, 9000, 0, 25, 1, 1, 1, 1, 0),
    "openrouter/clean.jsonl": (3, 2600, 2400, 0, 29, 0, 0, 0, 0, 0),
    "openrouter/nasty.jsonl": (5, 3000, 3050, 0, 48, 1, 1, 1, 2, 0),
    "otel-events/clean.jsonl": (4, 2122, 41000, 1400, 206, 0, 0, 0, 1, 0),
    "otel-events/nasty.jsonl": (3, 10, 20000, 700, 90, 2, 1, 1, 2, 0),
    "otel-spans/clean.console.json": (2, 10, 9000, 9300, 80, 0, 0, 0, 1, 0),
    "otel-spans/clean.copilot.jsonl": (2, 10, 9000, 9300, 80, 0, 0, 0, 1, 0),
    "otel-spans/clean.jsonl": (4, 1752, 9848, 500, 64, 0, 0, 0, 3, 1),
    "otel-spans/clean.logfire.json": (1, 106, 9000, 0, 20, 0, 0, 0, 1, 0),
    "otel-spans/clean.phoenix.csv": (1, 106, 9000, 0, 20, 0, 0, 0, 1, 0),
    "otel-spans/clean.phoenix.jsonl": (2, 606, 9000, 0, 25, 0, 0, 0, 1, 0),
    "otel-spans/nasty.envelopes.jsonl": (3, 4, 0, 9000, 60, 2, 1, 1, 3, 0),
    "otel-spans/nasty.jsonl": (3, 550, 4060, 500, 47, 1, 1, 1, 2, 1),
    "pi/clean.jsonl": (2, 10, 9000, 9300, 80, 0, 0, 0, 2, 0),
    "pi/nasty.jsonl": (3, 110, 9000, 9000, 80, 1, 1, 1, 2, 1),
    "promptfoo/clean.json": (2, 110, 9000, 9000, 80, 0, 0, 0, 0, 0),
    "promptfoo/nasty.jsonl": (4, 504, 0, 9000, 65, 3, 1, 1, 1, 0),
    "pydantic-ai/clean.json": (2, 10, 9000, 9300, 80, 0, 0, 0, 2, 0),
    "pydantic-ai/nasty.jsonl": (6, 610, 9900, 9300, 90, 3, 1, 1, 1, 0),
    "responses/clean.jsonl": (6, 2888, 21144, 5000, 153, 0, 0, 0, 0, 0),
    "responses/clean.long-stream.jsonl": (1, 106, 9000, 0, 20, 0, 0, 0, 0, 0),
    "responses/nasty.jsonl": (10, 5070, 12336, 1040, 195, 4, 1, 3, 2, 0),
    "weave/clean.jsonl": (2, 10, 9000, 9300, 80, 0, 0, 0, 1, 0),
    "weave/nasty.jsonl": (3, 110, 9000, 9300, 85, 1, 1, 1, 2, 0),
}


def summed_up(path, format=None):
    items = list(read_any([path], format))
    calls = [item for item in items if isinstance(item, Call)]
    bad = sum(isinstance(item, BadLine) for item in items)
    (summary,) = [item for item in items if isinstance(item, Summary)]
    assert (summary.calls, summary.bad) == (len(calls), bad)
    tokens = (sum(getattr(call.usage, name) for call in calls) for name in ("uncached", "read", "written", "output"))
    unknown = sum(not call.usage.known for call in calls)
    left = (summary.duplicates, summary.bad, sum(summary.skipped.values()), summary.reinterpreted)
    return summary.format, (len(calls), *tokens, unknown, *left)


@pytest.mark.parametrize("name", TOTALS)
def test_each_fixture_is_recognised_by_itself_and_gives_its_totals(name):
    assert summed_up(FIXTURES / name) == (name.partition("/")[0], TOTALS[name])


def test_the_table_holds_every_fixture():
    formats = {name.partition("/")[0] for name in TOTALS}
    found = {str(path.relative_to(FIXTURES)) for path in FIXTURES.glob("*/*") if path.parent.name in formats}
    assert found == set(TOTALS)


@pytest.mark.parametrize("name", [name for name in TOTALS if not name.endswith((".db", ".eval"))])
def test_a_format_may_be_named_instead(name):
    format = name.partition("/")[0]
    assert summed_up(FIXTURES / name, format) == (format, TOTALS[name])


@pytest.mark.parametrize("name", [name for name in TOTALS if not name.endswith((".db", ".eval"))])
def test_stdin_is_recognised_by_its_head_too(name):
    with (FIXTURES / name).open("rb") as stdin:
        calls = [item for item in read_any(["-"], stdin=stdin) if isinstance(item, Call)]
    # Codex tells a spawned sub-agent from its file's beginning, which a pipe does not give back
    assert len(calls) == TOTALS[name][0] or "spawned" in name
