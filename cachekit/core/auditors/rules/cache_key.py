"""Rule cache-key."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.jsonio.json_access import text
from cachekit.core.model.backends import Backend
from cachekit.core.model.findings import Confidence, Edit, Severity, Verdict
from cachekit.core.model.prompt import Prompt
from cachekit.core.model.volatile import mask

_CONVERSATION = "x-grok-conv-id header"
_HINTS = {
    _CONVERSATION: "send the id of the conversation as x-grok-conv-id (`extra_headers`), the same on each call of it"
}
_BY_KEY = frozenset({"mistral", "fireworks"})
"""Hosts that keep calls of one `prompt_cache_key` together, beside OpenAI and Azure. Sources: docs.mistral.ai and
docs.fireworks.ai on prompt caching, 2026-11; x.ai's header: docs.x.ai, 2026-11."""


def _routed_by(prompt: Prompt, policy: Policy) -> str:
    """What keeps the calls that share a prefix on one machine; empty where nothing of the kind is documented."""
    if policy.host == "x-ai" and prompt.backend is Backend.OPENAI_CHAT:
        return _CONVERSATION
    by_itself = policy.known and (policy.implicit or policy.style == "automatic")
    known = by_itself and policy.host not in _WITHOUT_KEY
    return "prompt_cache_key" if known or policy.host in _BY_KEY else ""


_WITHOUT_KEY = frozenset({"moonshotai", "minimax", "cerebras", "google", "vertex"})
"""Hosts that ignore a key, or document none."""


@rule(Severity.WARN)
def cache_key(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """No `prompt_cache_key`, or one that looks new on each call.

    OpenAI routes by a hash of the first tokens and this key. A stable key per prompt keeps calls on the machine that
    holds the entry; a key made of a timestamp or a random id scatters them.

    Bad: a UUID per request as key. Good: the name of the prompt or of the tenant.
    """
    openai = prompt.backend in (Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES)
    routed_by = _routed_by(prompt, policy)
    if not openai or not routed_by:
        return
    key = text(prompt.body.get("prompt_cache_key"))
    if key is None and prompt.total().low >= (policy.minimum or 1024):
        yield Hit(
            f"no {routed_by}: calls that share a prefix may land on machines that do not hold it",
            tokens=prompt.total().mid,
            hint=_HINTS.get(routed_by, "send a stable key per prompt, such as its name"),
            severity=Severity.INFO,
        )
    elif key is not None and any(kind in mask(key) for kind in ("\x01uuid", "\x01timestamp", "\x01hex", "\x01id")):
        yield Hit(
            "prompt_cache_key looks as if it were made again for each call",
            "prompt_cache_key",
            tokens=prompt.total().mid,
            hint="send a stable key per prompt, such as its name",
            confidence=Confidence.SUSPECTED,
            verdict=Verdict.UNSURE,
            edits=(Edit("remove", "prompt_cache_key"),),
        )
