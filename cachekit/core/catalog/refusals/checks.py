"""The kinds of causes for which a provider refuses a request: each finds its places in a prompt.

What does not apply yields nothing. Routes are those of the prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from cachekit.core.catalog.policy import Policy, ttl_seconds
from cachekit.core.jsonio.json_access import dig, items, mapping
from cachekit.core.model.findings import Edit
from cachekit.core.model.prompt import Mark, Note, Prompt
from cachekit.core.model.routes import is_within

_MOST = 4
"""Breakpoints in one request, where the model is unknown: every provider with breakpoints says four."""

_RETENTION = "prompt_cache_retention"
_OPTIONS = "prompt_cache_options"


_WARM_WITH_1 = "warm with max_tokens 1 where this must stay"


@dataclass(frozen=True, slots=True)
class Case:
    """What a check looks at: a prompt, the cache policy of its model, and the values of the row."""

    prompt: Prompt
    policy: Policy
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request is refused, what takes the cause away, and what the row's sentences need to know. A check that
    knows its sentence better than the row gives it itself."""

    route: str
    edits: tuple[Edit, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    message: str = ""
    hint: str = ""


def _removed(route: str, **facts: object) -> Place:
    return Place(route, (Edit("remove", route),), facts)


def _explicit(prompt: Prompt) -> Iterator[tuple[str, Mark]]:
    """The kind of the block before each breakpoint of the user, and the breakpoint. One that opens a message's content
    is left out: the block before it is another message's."""
    first = {note.route for note in prompt.notes if note.code == "point_first"}
    for _, block, mark in prompt.marked():
        if not mark.automatic and mark.route not in first:
            yield block.kind, mark


def mark_in_section(case: Case) -> Iterator[Place]:
    """A breakpoint in a section where the model takes none."""
    for _, block, mark in case.prompt.marked():
        if block.section == case.values.get("section"):
            yield _removed(mark.route)


def mark_after_kind(case: Case) -> Iterator[Place]:
    """A breakpoint right after a block of a kind."""
    for kind, mark in _explicit(case.prompt):
        if kind == case.values.get("kind"):
            yield _removed(mark.route)


def mark_after_document(case: Case) -> Iterator[Place]:
    """A breakpoint right after a document of another format than those that may stand there."""
    opening = {note.route for note in case.prompt.notes if note.code == "point_first"}
    for _, block, mark in case.prompt.marked():
        form = str(dig(block.raw, "document", "format") or "")
        if block.kind == "document" and mark.route not in opening and form not in items(case.values.get("except")):
            yield _removed(mark.route, format=form[:20] or "unknown")


def any_mark(case: Case) -> Iterator[Place]:
    """Any breakpoint at all, also one with nothing before it."""
    routes = [mark.route for _, _, mark in case.prompt.marked() if not mark.automatic]
    routes += [note.route for note in case.prompt.notes if note.code in ("mark_repeated", "point_first")]
    for route in dict.fromkeys(routes):
        yield _removed(route)


def note(case: Case) -> Iterator[Place]:
    """What the lowering noted: by code, by a part of the sentence, by the form that it names."""
    for found in case.prompt.notes:
        if found.code != case.values.get("code") or _of_library(case.prompt, found):
            continue
        if str(case.values.get("has", "")) in found.detail and case.values.get("hint", found.hint) == found.hint:
            sentence = "" if found.code in ("point_first", "automatic_conflict") else found.detail
            hint = "" if not sentence else _hint_of(found)
            yield Place(found.route, (Edit("remove", found.route),), {"detail": found.detail}, sentence, hint)


def _hint_of(found: Note) -> str:
    if found.code == "foreign_mark":
        return f"write it as `{found.hint}`"
    return found.hint or "move it to the last content block that stays the same"


def _of_library(prompt: Prompt, found: Note) -> bool:
    """Whether what became of a marker in the library says already what a note on the provider's form would say."""
    lost = [other.route for other in prompt.notes if other.code in ("not_read_there", "dropped")]
    return any(is_within(found.route, route) or is_within(route, found.route) for route in lost if route)


def too_many_marks(case: Case) -> Iterator[Place]:
    """More breakpoints than the provider takes; an automatic one counts."""
    marks = [mark for _, _, mark in case.prompt.marked()]
    most = case.policy.max_marks if case.policy.known else _MOST
    surplus = len(marks) - most
    if surplus <= 0:
        return
    explicit = [mark for mark in marks if not mark.automatic]
    counted = " (the automatic one counts)" if len(explicit) < len(marks) else ""
    facts = {"count": len(marks), "most": most, "surplus": surplus, "counted": counted}
    yield Place(marks[-1].route, tuple(Edit("remove", mark.route) for mark in explicit[:surplus]), facts)


def ttl_order(case: Case) -> Iterator[Place]:
    """A breakpoint of an hour behind one of five minutes."""
    short: Mark | None = None
    for _, _, mark in case.prompt.marked():
        ttl = mark.ttl or case.policy.default_ttl or "5m"
        if ttl == "5m" and short is None:
            short = mark
        elif ttl == "1h" and short is not None:
            bare = " (it has no ttl, which counts as 5m)" if short.ttl is None else ""
            edits = () if short.automatic else (Edit("set", f"{short.route}.ttl", "1h"),)
            yield Place(mark.route, edits, {"short": short.route, "bare": bare})
            return


def _lifetimes(prompt: Prompt, policy: Policy) -> Iterator[tuple[str, str]]:
    """Route and ttl of each breakpoint that has one; OpenAI's one ttl for the whole request once."""
    if policy.implicit:
        ttl = mapping(prompt.body.get(_OPTIONS)).get("ttl")
        if ttl is not None:
            yield _OPTIONS, str(ttl)
        return
    for _, _, mark in prompt.marked():
        if mark.ttl is not None:
            yield mark.route, mark.ttl


def unknown_ttl(case: Case) -> Iterator[Place]:
    """A lifetime that no provider has."""
    offered = " or ".join(case.policy.ttls) or "none"
    for route, ttl in _lifetimes(case.prompt, case.policy):
        if not _is_lifetime(ttl):
            facts = {"ttl": ttl[:20], "offered": offered, "model": case.policy.model or "the model"}
            yield Place(route, (Edit("remove", f"{route}.ttl"),), facts)


def ttl_not_offered(case: Case) -> Iterator[Place]:
    """A lifetime that other models have and this one does not."""
    for route, ttl in _lifetimes(case.prompt, case.policy):
        if _is_lifetime(ttl) and ttl not in case.policy.ttls:
            last = case.policy.ttls[-1] if case.policy.ttls else ""
            edits = (Edit("set", f"{route}.ttl", last),) if last else ()
            write = f"write {last}" if last else "remove the breakpoint"
            yield Place(route, edits, {"ttl": ttl, "offered": " and ".join(case.policy.ttls), "write": write})


def _is_lifetime(word: str) -> bool:
    return ttl_seconds(word) is not None or word == "in_memory"


def mark_type(case: Case) -> Iterator[Place]:
    """A marker whose type is missing or unknown."""
    for found in case.prompt.notes:
        if found.code == "mark_type":
            name = "mode" if found.route.endswith("prompt_cache_breakpoint") else "type"
            word = found.detail.rpartition("is `")[2].strip("`")  # the one that a marker has, as the note says
            yield Place(found.route, (Edit("set", f"{found.route}.{name}", word),), {"detail": found.detail})


def top_level(case: Case) -> Iterator[Place]:
    """A top-level cache_control where the host takes none."""
    if case.prompt.body.get("cache_control") is not None and case.policy.automatic_top_level is False:
        yield _removed("cache_control")


def openai_breakpoint(case: Case) -> Iterator[Place]:
    """A breakpoint or cache options for a model that caches by itself."""
    routes = [mark.route for _, _, mark in case.prompt.marked()]
    if case.prompt.body.get(_OPTIONS) is not None:
        routes.append(_OPTIONS)
    yield from map(_removed, routes)


def prewarm(case: Case) -> Iterator[Place]:
    """A pre-warm call together with what it does not go with; an empty key stands for a batch."""
    limit, route = case.prompt.body.get("max_tokens"), str(case.values.get("key") or "")
    if limit != 0 or limit is False:
        return
    if route:
        found = dig(case.prompt.body, *route.split("."))
        present = found is not None if "in" not in case.values else found in items(case.values.get("in"))
    else:
        present = any(found.code == "in_batch" for found in case.prompt.notes)
    if present:
        beside = f"together with {route}" if route else "inside a batch"
        yield Place(route, message=f"max_tokens 0 is refused {beside}", hint=_WARM_WITH_1)


def retention_unknown(case: Case) -> Iterator[Place]:
    """A retention that the API does not know, such as one spelt with a dash."""
    value = case.prompt.body.get(_RETENTION)
    if value is not None and value not in items(case.values.get("known")):
        spelt = str(value).strip().lower().replace("-", "_")
        meant = spelt if spelt in case.policy.retention else case.policy.retention[-1] if case.policy.retention else ""
        yield _retention(value, meant, case.policy)


def retention_not_offered(case: Case) -> Iterator[Place]:
    """A retention that other models have and this one does not."""
    value = case.prompt.body.get(_RETENTION)
    if value in items(case.values.get("known")) and value not in case.policy.retention:
        yield _retention(value, case.policy.retention[-1] if case.policy.retention else "", case.policy)


def _retention(value: object, meant: str, policy: Policy) -> Place:
    write = f"write {meant!r}, or leave it out" if meant else "leave it out"
    edit = Edit("set", _RETENTION, meant) if meant else Edit("remove", _RETENTION)
    facts = {"value": str(value)[:20], "write": write, "offered": " and ".join(policy.retention) or "no such setting"}
    return Place(_RETENTION, (edit,), facts)


CHECKS: Mapping[str, Callable[[Case], Iterator[Place]]] = {
    check.__name__: check
    for check in (
        *(mark_in_section, mark_after_kind, mark_after_document, any_mark, note, too_many_marks, ttl_order),
        *(unknown_ttl, ttl_not_offered, mark_type, top_level, openai_breakpoint, prewarm),
        *(retention_unknown, retention_not_offered),
    )
}
