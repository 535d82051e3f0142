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


@rule(Severity.WARN)
def cache_key(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """No `prompt_cache_key`, or one that looks new on each call.

    OpenAI routes by a hash of the first tokens and this key. A stable key per prompt keeps calls on the machine that
    holds the entry; a key made of a timestamp or a random id scatters them.

    Bad: a UUID per request as key. Good: the name of the prompt or of the tenant.
    """
    openai = prompt.backend in (Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES)
    if not openai or not policy.known or not (policy.implicit or policy.style == "automatic"):
        return
    key = text(prompt.body.get("prompt_cache_key"))
    if key is None and prompt.total().low >= (policy.minimum or 1024):
        yield Hit(
            "no prompt_cache_key: calls that share a prefix may land on machines that do not hold it",
            tokens=prompt.total().mid,
            hint="send a stable key per prompt, such as its name",
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
