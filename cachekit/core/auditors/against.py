"""A request held against the one before it: does it extend what that one wrote?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cachekit.core.auditors.report import AuditReport
from cachekit.core.cache.simulate import TimedPrompt, simulate_requests
from cachekit.core.catalog.policy import Policy
from cachekit.core.explain.changes import Change, changes
from cachekit.core.model.findings import Verdict
from cachekit.core.model.prompt import Note, Prompt, Section
from cachekit.core.model.prompt import compare as compare_prompts
from cachekit.core.model.usage import Usage

_ADVICE = {
    "timestamp": "move the timestamp behind the last breakpoint",
    "date": "move the date behind the last breakpoint",
    "time": "move the time behind the last breakpoint",
    "uuid": "leave the id out, or move it behind the last breakpoint",
    "id": "leave the id out, or move it behind the last breakpoint",
    "counter": "move the number behind the last breakpoint",
    "key_order": "serialise with a fixed key order",
    "tool_order": "sort the tools by name before sending them",
    "whitespace": "render the prompt the same way each time",
    "image": "keep the encoded image and send the same bytes again",
    "inserted": "append new blocks behind the last breakpoint",
    "removed": "do not rewrite history that is cached",
    "model": "keep a conversation on one model",
    "prompt_cache_key": "keep the key stable",
    "thinking": "keep thinking as it is for a whole conversation: on or off, with one budget",
    "effort": "keep one effort for a whole conversation; another effort is another cache",
    "verbosity": "keep one verbosity for a whole conversation",
    "tool_choice": "keep tool_choice as it is for a whole conversation, and say in the last message which tool to use",
    "output_format": "keep one output schema for a whole conversation",
    "parallel_tool_calls": "keep parallel_tool_calls as it is for a whole conversation",
    "speed": "keep one speed for a whole conversation",
    "service_tier": "keep one service tier for a whole conversation",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A request held to the ones before it: what breaks the prefix that the last one cached, in cache order, and what
    it means for this call, as notes for the rule `prefix-changed`."""

    changes: tuple[Change, ...] = ()
    notes: tuple[Note, ...] = ()


def compare_with_earlier(previous: AuditReport, prompt: Prompt, policy: Policy) -> Comparison:
    """What a request reads, writes and pays in full, given the entries that the requests before it left; they are
    simulated a second apart."""
    broken = divergences(previous, prompt)
    earlier = timed_requests(previous)
    *_, before, now = simulate_requests((*earlier, TimedPrompt(prompt, policy, float(len(earlier)))))
    due = (
        before.usage.read + before.usage.written
        if policy.style != "automatic"
        else policy.cacheable(previous.prompt.total().mid)
    )
    if not now.predictable or not before.predictable:
        return Comparison(broken, tuple(note_of(change) for change in broken))
    usage = now.usage
    lost = usage.written or (usage.uncached if policy.style == "automatic" else 0)
    if broken and due and not usage.read:
        return Comparison(broken, tuple(_change_notes(broken, lost)))
    if broken:
        sentence = f"{usage.read:,} tokens are read all the same, {lost:,} are written again"
        notes = tuple(replace(note_of(change), code="prefix_changed_later") for change in broken)
        first = replace(notes[0], detail=f"{notes[0].detail}; {sentence}", tokens=lost)
        return Comparison(broken, (first, *notes[1:]) if usage.read else ())
    if due and not usage.read and policy.style == "breakpoints" and prompt.marked():
        mark = prompt.marked()[-1][2]
        reach = f"the {policy.lookback} positions" if policy.lookback else "what"
        detail = (
            f"nothing changed, but the last breakpoint moved on beyond {reach} that the provider looks back from it: "
            f"{lost:,} tokens are written again"
        )
        hint = "keep the earlier breakpoint too, or set one in between"
        return Comparison((), (Note("prefix_out_of_sight", mark.route, detail, hint, tokens=lost),))
    return Comparison((), tuple(_paid_again(previous, prompt, usage)))


def timed_requests(report: AuditReport) -> tuple[TimedPrompt, ...]:
    """The requests that led up to a report, and its own, a second apart."""
    return (*report.earlier, TimedPrompt(report.prompt, report.policy, float(len(report.earlier))))


def _change_notes(broken: tuple[Change, ...], lost: int) -> Iterator[Note]:
    """The first difference costs all that is written again; later ones are information."""
    for number, change in enumerate(broken):
        note = note_of(change)
        if number:
            yield replace(note, code="prefix_changed_later")
        else:
            yield replace(note, detail=f"{note.detail}; {lost:,} tokens are written again", tokens=lost)


_WORTH_SAYING = 256
"""Tokens paid again below which nothing is said: the last turns of a conversation are always a little behind."""


def _paid_again(previous: AuditReport, prompt: Prompt, usage: Usage) -> Iterator[Note]:
    """Tokens that the request before sent already, and that this one neither reads nor writes."""
    split = compare_prompts(previous.prompt, prompt)
    shared = split.index if split is not None else min(len(previous.prompt.blocks), len(prompt.blocks))
    running = prompt.running()
    again = (running[shared - 1].mid if shared else 0) - usage.read - usage.written
    if again >= _WORTH_SAYING and again * 10 >= usage.input_total and prompt.marked():
        index = prompt.marked()[-1][0]
        first, last = prompt.blocks[min(index + 1, shared - 1)], prompt.blocks[shared - 1]
        yield Note(
            "prefix_paid_again",
            first.route,
            f"{again:,} tokens from {first.route} to {last.route} were sent before and are paid in full again: no "
            "breakpoint stands behind them",
            f"let the last breakpoint move on: set one at {prompt.blocks[-1].route}",
            tokens=again,
        )


def divergences(previous: AuditReport, current: Prompt) -> tuple[Change, ...]:
    """What breaks the prefix that the earlier request cached, in cache order; empty when the later request extends or
    repeats it up to its last breakpoint."""
    reach = _reach(previous, current)
    return tuple(change for change in changes(previous.prompt, current) if change.index <= reach)


def _reach(previous: AuditReport, current: Prompt) -> int:
    """The last block of the earlier request that should stand in the later one: up to its last breakpoint, or, for an
    automatic cache and without any breakpoint, all of it if the conversation went on, else all before the question."""
    marks = [mark.index for mark in previous.marks if mark.verdict is not Verdict.NO]
    if marks:
        return marks[-1]
    blocks = previous.prompt.blocks
    end = len(blocks) - 1
    if len(_messages(current)) > len(_messages(previous.prompt)):
        return end
    while end >= 0 and blocks[end].section is Section.MESSAGES and blocks[end].role != "assistant":
        end -= 1
    return end


def _messages(prompt: Prompt) -> set[str]:
    return {block.route.partition(".content")[0] for block in prompt.blocks if block.section is Section.MESSAGES}


def note_of(change: Change) -> Note:
    """A difference as a note `prefix_changed`: what changed where, and what to do. Holds no prompt text."""
    where = f" at character {change.offset}" if change.offset >= 0 else ""
    kind = change.kind.replace("_", " ")
    detail = f"{change.cause.replace('_', ' ')} ({kind}){where}: {change.detail}"
    advice = _ADVICE.get(change.kind, "send the same prefix as before")
    if change.kind == "image" and "detail" in change.detail:
        advice = "send the picture with the same `detail` each time"
    if change.route.startswith(("tools[", "toolConfig", "config.tools")) and change.kind in ("inserted", "removed"):
        advice = "send the same tools on each call of a conversation, and let tool_choice say which may be used"
    return Note("prefix_changed", change.route, detail, advice, block=max(change.index, 0))
