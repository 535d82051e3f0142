"""One response of Anthropic's that is several calls: `usage.iterations`.

What the top-level counters hold (types of the SDK, and openclaw/openclaw#99906, ccusage/ccusage#1115, 2026-11):
- `message` entries of the model that answered: all of them, they are never added again;
- `compaction`: outside the counters, of the same model: added;
- `advisor_message`: outside, a call to another model, which the entry names;
- `fallback_message`: the attempt that answered after others declined. The counters hold it alone. A declined attempt
  (a `message` of another model) is billed at its own model where it had begun to answer, and not at all where it had
  not. That the invoice does so is reported and not confirmed: the attempt is priced, with a note.
Should the counters be the sum over all attempts nevertheless, the declined ones are taken out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import add, noted
from cachekit.core.providers.usage_names import count_usage

NOT_COUNTED = {"advisor": "advisor_not_counted", "declined": "declined_not_counted"}
"""The note of a usage whose response holds calls to other models, for who does not ask for those."""

Entry = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call to another model inside a response: an `advisor`, or an attempt that `declined` after some output."""

    kind: str
    model: str
    usage: Usage


def serving_model(usage: Entry) -> str:
    """The model that answered, where the iterations name it."""
    return next((model for entry in reversed(_passes(usage)) if (model := text(entry.get("model")))), "")


def count_with_iterations(usage: Entry, provider: str = "", model: str = "") -> tuple[Usage, tuple[Attempt, ...]]:
    """The counts of the model that answered, with its compactions, and the calls to other models beside it."""
    counted = count_usage(usage, provider, model)
    entries = [mapping(entry) for entry in items(usage.get("iterations"))]
    if not entries:
        return counted, ()
    serving, passes, attempts = serving_model(usage), _passes(usage), list[Attempt]()
    declined = [entry for entry in passes if serving and text(entry.get("model")) not in (None, serving)]
    if declined and _same_counts(counted, _sum(passes, provider)):
        counted = _sum((entry for entry in passes if entry not in declined), provider)
    for entry in entries:
        other, usage_of_entry = text(entry.get("model")) or "", count_usage(entry, provider)
        if entry.get("type") == "compaction":
            counted = noted(add(counted, usage_of_entry), "compaction_added")
        elif entry.get("type") == "advisor_message":
            attempts.append(Attempt("advisor", other, usage_of_entry))
        elif entry in declined and usage_of_entry.output:
            attempts.append(Attempt("declined", other, noted(usage_of_entry, "declined_priced")))
    return noted(counted, *dict.fromkeys(NOT_COUNTED[attempt.kind] for attempt in attempts)), tuple(attempts)


def _passes(usage: Entry) -> list[Entry]:
    """The entries that are answers, or attempts at one."""
    entries = (mapping(entry) for entry in items(usage.get("iterations")))
    return [entry for entry in entries if entry.get("type", "message") in ("message", "fallback_message")]


def _sum(entries: Iterable[Entry], provider: str) -> Usage:
    counted = (count_usage(entry, provider) for entry in entries)
    return reduce(add, counted, Usage(known=False))


def _same_counts(one: Usage, other: Usage) -> bool:
    names = ("uncached", "read", "written", "output")
    return all(getattr(one, name) == getattr(other, name) for name in names)
