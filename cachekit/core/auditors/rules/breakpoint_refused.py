"""Rule breakpoint-refused."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.backends import Backend
from cachekit.core.findings import Edit, Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt


@rule(Severity.ERROR)
def breakpoint_refused(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """An OpenAI model before GPT-5.6 is sent a breakpoint or cache options: it answers 400.

    Older models cache long prefixes by themselves and take no markers.

    Bad: prompt_cache_breakpoint for gpt-4o. Good: none.
    """
    openai = prompt.backend in (Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES)
    if not openai or not policy.known or policy.style == "breakpoints":
        return
    routes = [mark.route for _, _, mark in prompt.marked()]
    if prompt.body.get("prompt_cache_options") is not None:
        routes.append("prompt_cache_options")
    for route in routes:
        yield Hit(
            f"{policy.model} takes no breakpoints or cache options and answers 400; it caches by itself",
            route,
            mend=f"remove {route}",
            verdict=Verdict.NO,
            edits=(Edit("remove", route),),
            refused=True,
        )
