"""Rule explicit-without-breakpoint."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.jsonio.json_access import dig
from cachekit.core.model.findings import Edit, Severity, Verdict
from cachekit.core.model.prompt import Prompt


@rule(Severity.ERROR)
def explicit_without_breakpoint(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """OpenAI's explicit mode without a breakpoint: nothing is cached at all.

    With `prompt_cache_options.mode: "explicit"` only marked content parts are written. Without one, the request turns
    the cache off.

    Bad: mode explicit and no breakpoint. Good: a `prompt_cache_breakpoint` on the last part that stays the same.
    """
    explicit = dig(prompt.body, "prompt_cache_options", "mode") == "explicit"
    if policy.implicit and explicit and not prompt.marked():
        yield Hit(
            "mode is explicit and no content part carries a breakpoint: nothing is cached at all",
            "prompt_cache_options.mode",
            tokens=prompt.total().mid,
            hint="mark the last content part that stays the same, or leave the mode implicit",
            verdict=Verdict.NO,
            edits=(Edit("set", "prompt_cache_options.mode", "implicit"),),
        )
