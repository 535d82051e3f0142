"""Rule invalid-prewarm."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.backends import Backend
from cachekit.core.findings import Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt
from cachekit.core.shape import dig


@rule(Severity.ERROR)
def invalid_prewarm(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A pre-warm call (`max_tokens: 0`) that the API refuses.

    Anthropic refuses it with stream, with enabled thinking, with a structured output format, with a forced tool, and
    inside batches.

    Bad: max_tokens 0 with stream true. Good: max_tokens 0 alone, the rest as in the real call.
    """
    if (
        prompt.backend is not Backend.ANTHROPIC
        or prompt.body.get("max_tokens") != 0
        or prompt.body.get("max_tokens") is False
    ):
        return
    body = prompt.body
    obstacles = (
        ("stream", body.get("stream") is True),
        ("thinking.type", dig(body, "thinking", "type") == "enabled"),
        ("output_config.format", dig(body, "output_config", "format") is not None),
        ("tool_choice.type", dig(body, "tool_choice", "type") in ("tool", "any")),
        ("", any(note.code == "in_batch" for note in prompt.notes)),
    )
    for route, present in obstacles:
        if present:
            yield Hit(
                f"max_tokens 0 is refused {'together with ' + route if route else 'inside a batch'}",
                route,
                mend="warm with max_tokens 1 where this must stay",
                verdict=Verdict.NO,
                refused=True,
            )
