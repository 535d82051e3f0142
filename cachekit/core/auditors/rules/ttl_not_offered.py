"""Rule ttl-not-offered."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.auditors.rules.unknown_ttl import _ANY
from cachekit.core.findings import Edit, Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt


@rule(Severity.ERROR)
def ttl_not_offered(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A lifetime that this model does not have on this host.

    One hour is offered by Claude 4.5 and later on Bedrock and by all Claude models on Anthropic's API; Nova has five
    minutes only; OpenAI has 30m and 12h from GPT-5.6 on, Azure 30m only.

    Bad: ttl "1h" for Nova. Good: no ttl.
    """
    if not policy.known or policy.style != "breakpoints":
        return
    for _, _, mark in prompt.marked():
        if mark.ttl in _ANY and mark.ttl not in policy.ttls:
            yield Hit(
                f"{policy.model} on {policy.host} has no ttl {mark.ttl}: it offers {' and '.join(policy.ttls)}",
                mark.route,
                mend=f"write {policy.ttls[-1]}" if policy.ttls else "remove the breakpoint",
                verdict=Verdict.NO,
                refused=True,
                edits=(Edit("set", f"{mark.route}.ttl", policy.ttls[-1]),) if policy.ttls else (),
            )
