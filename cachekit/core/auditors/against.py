"""A request held against the one before it: does it extend what that one wrote?"""

from __future__ import annotations

from cachekit.core.auditors.report import AuditReport
from cachekit.core.changes import Change, changes
from cachekit.core.findings import Verdict
from cachekit.core.prompt import Note, Prompt, Section

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
}


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
    return Note("prefix_changed", change.route, detail, advice, block=max(change.index, 0))
