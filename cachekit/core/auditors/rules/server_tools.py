"""Rule server-tools."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.jsonio.json_access import mapping
from cachekit.core.model.backends import Backend
from cachekit.core.model.findings import Severity
from cachekit.core.model.prompt import Prompt, Section

_SERVER = ("web_search", "web_fetch", "code_execution")


@rule(Severity.INFO)
def server_tools(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """Server tools write 5m entries of their own and bill several passes as one.

    With any breakpoint in the request, web search, web fetch and code execution place a 5m breakpoint of their own, so
    5m writes appear that nobody asked for, and reads can exceed the prompt. Counts are not predictable.

    Bad: blaming a 5m write in a 1h request on the prompt. Good: expecting it.
    """
    if prompt.backend is not Backend.ANTHROPIC or not prompt.marked():
        return
    for block in prompt.blocks:
        kind = str(mapping(block.raw).get("type") or "")
        if block.section is Section.TOOLS and kind.startswith(_SERVER):
            yield Hit(f"{kind} places 5m breakpoints of its own; reads and writes are not predictable", block.route)
