"""Rule unknown-ttl."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.findings import Edit, Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Note, Prompt

_OPENAI = "prompt_cache_breakpoint"
_ANY = ("5m", "1h", "30m", "12h", "24h", "in_memory")


@rule(Severity.ERROR)
def unknown_ttl(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A breakpoint whose ttl or type no provider knows.

    Lifetimes are words from a short list, not durations: "10m", 300 and "1 hour" are refused. The type is `ephemeral`
    for cache_control and `default` for a cachePoint.

    Bad: ttl "60m". Good: ttl "1h".
    """
    offered = " or ".join(policy.ttls) or "none"
    for _, _, mark in prompt.marked():
        if mark.ttl is not None and mark.ttl not in _ANY:
            yield Hit(
                f"ttl {mark.ttl[:20]!r} is no lifetime that any provider knows: the request is refused",
                mark.route,
                mend=f"write one that {policy.model or 'the model'} has: {offered}",
                verdict=Verdict.NO,
                refused=True,
                edits=(Edit("remove", f"{mark.route}.ttl"),),
            )
    for note in prompt.notes:
        if note.code == "mark_type":
            yield Hit(
                note.detail + ": the request is refused",
                note.route,
                mend="write the type out",
                verdict=Verdict.NO,
                refused=True,
                edits=(Edit("set", f"{note.route}.{'mode' if note.route.endswith(_OPENAI) else 'type'}", _type(note)),),
            )


def _type(note: Note) -> str:
    """The one word that the note says a marker has."""
    return note.detail.rpartition("is `")[2].strip("`")
