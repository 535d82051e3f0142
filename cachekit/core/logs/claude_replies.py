"""The replies in Claude Code transcripts, each counted once: see `claude_code` for the rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from sys import intern

import msgspec

from cachekit.core.jsonio.documents import Value, document_values, values_of
from cachekit.core.jsonio.inputs import LONGEST_LINE, Source
from cachekit.core.jsonio.json_access import seconds
from cachekit.core.jsonio.line_reader import LineReader
from cachekit.core.logs.claude_lines import Line, Message, TokenUsage, decode, line_of
from cachekit.core.logs.format import SKIPPED
from cachekit.core.model.calls import BadLine

_WITHOUT = SKIPPED + "without usage"
_BLANK, _TAKEN = "blank", "taken"
_OF_USER, _HEAD = b'"type":"user"', 640
"""Where the type of a user's line stands in all that Claude Code writes: such lines are long and hold no reply."""

_SIDECHAIN, _AGENT = b'"isSidechain":true', b'"agentId"'


class Reply(msgspec.Struct, gc=False):
    """What is kept of a reply until all files are read: counts and labels of the line that counts so far, and when the
    first of its lines was written. Labels repeat from line to line and are interned."""

    id: str | None
    request_id: str
    uuid: str | None
    model: str
    usage: TokenUsage
    total: int
    stamp: str
    first: float | None
    source: int
    session: str
    agent: str
    cwd: str
    branch: str
    side: bool
    error: bool
    cost: float | None
    miss: str | None
    missed: int | None


Key = tuple[str, str]


@dataclass(slots=True)
class Replies:
    """The replies of all transcripts, each once, in the order in which their first lines were read; what became of the
    records of each source; and the lines that could not be read. `threads` names the sub-agent of each line of a
    sidechain that does not name it itself, by the line's uuid, and the last one of each session by the session's id."""

    found: dict[Key, Reply] = field(default_factory=dict)
    threads: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    tallies: list[Counter[str]] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)


def collect(sources: Iterable[Source]) -> Replies:
    """The replies of all transcripts."""
    replies = Replies()
    for index, source in enumerate(sources):
        replies.names.append(source.name)
        replies.tallies.append(_collect(source, replies, index))
    _drop_replays(replies.found, replies.tallies)
    for reply in replies.found.values():
        reply.first = seconds(reply.stamp)
        replies.tallies[reply.source]["calls"] += 1
    return replies


def _collect(source: Source, replies: Replies, index: int) -> Counter[str]:
    """The records of one source into the replies: its lines, or the elements of an array."""
    values, lines = document_values(source)
    return _collect_lines(lines, replies, index) if values is None else _take(values, replies, index)


def _take(values: Iterable[Value], replies: Replies, index: int) -> Counter[str]:
    """Decoded records into the replies."""
    tally: Counter[str] = Counter()
    for value in values:
        if isinstance(value, BadLine):
            replies.bad.append(value)
            tally["bad"] += 1
            continue
        line = line_of(value[1]) if isinstance(value[1], dict) else Line()
        tally[_count(line, replies, index) or _TAKEN] += 1
        tally["records"] += 1
    tally.pop(_TAKEN, 0)
    return tally


def _collect_lines(source: Source, replies: Replies, index: int) -> Counter[str]:
    """The lines of one source into the replies. Most hold no usage: they are only seen to be whole."""
    tally: Counter[str] = Counter()
    lines, skipped, number, bad = LineReader(source), 0, 0, len(replies.bad)
    for number, raw in enumerate(lines, 1):
        at = raw.find(_OF_USER, 0, _HEAD)  # if nothing but its own brace is before it, the line is the user's
        of_user = at > 0 and raw.rfind(b"{", 0, at) == 0
        opens = of_user and raw.find(_SIDECHAIN, 0, at) > 0 and raw.find(_AGENT, 0, _HEAD) < 0
        # the opening of a sub-agent that only its thread tells from others is read, any other line without usage not
        if not opens and (of_user or (b'"usage"' not in raw and raw[:1] == b"{")) and raw[-2:] == b"}\n":
            skipped += 1
            continue
        try:
            reason = _count(decode(raw), replies, index)
        except ValueError as error:
            tally += _unread(raw, BadLine(number, str(error), source.name), replies, index)
            continue
        if reason is not None:
            tally[reason] += 1
    if lines.damage:
        replies.bad.append(BadLine(number + 1, lines.damage, source.name))
    bad = len(replies.bad) - bad
    tally["bad"], tally["records"] = bad, number - bad - tally.pop(_BLANK, 0) + bool(lines.damage) + tally["records"]
    tally[_WITHOUT] += skipped
    return tally


def _unread(raw: bytes, bad: BadLine, replies: Replies, index: int) -> Counter[str]:
    """A line that could not be decoded: blank, too long, several records, or bad. What it adds to the tally."""
    if raw.isspace():
        return Counter({_BLANK: 1})
    if len(raw) > LONGEST_LINE:
        replies.bad.append(replace(bad, reason=f"a line of more than {LONGEST_LINE:,} bytes"))
        return Counter()
    tally = _take(values_of((bad.number, raw), bad.reason, bad.source), replies, index)
    return tally - Counter({"records": 1}) - Counter({"bad": tally["bad"]})


def _count(line: Line, replies: Replies, source: int) -> str | None:
    """Adds a line to the reply that it belongs to. Answers with the counter for a line that adds no reply."""
    message, request_id, stamp = line.message, line.request_id, line.timestamp
    if line.is_sidechain and not line.agent_id:
        line.agent_id = _thread_of(line, replies.threads)
    if line.type == "progress" and line.data is not None and line.data.message is not None:
        message = line.data.message.message
        request_id = line.data.message.request_id
        stamp = line.data.message.timestamp or stamp
    elif line.type != "assistant":
        return _WITHOUT
    if message is None or message.usage is None:
        return _WITHOUT
    if message.id == "" or request_id == "":
        return SKIPPED + "empty id"
    usage = message.usage
    total = (usage.input_tokens or 0) + (usage.output_tokens or 0)
    total += (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
    key = (message.id, request_id) if message.id and request_id else _key(line, message, f"{source}:{stamp}:{total}")
    before = replies.found.get(key)
    if before is None:
        made = replies.found[key] = _reply(line, message, usage, source)
        made.request_id, made.stamp, made.total = request_id or "", stamp or "", total
        return None
    if total > before.total or (total == before.total and (usage.speed is not None or before.usage.speed is None)):
        kept = before if _is_same(line, message, before) else _reply(line, message, usage, before.source)
        kept.usage, kept.total, kept.request_id, kept.stamp = usage, total, before.request_id, before.stamp
        replies.found[key] = before = kept
    if stamp != before.stamp:
        before.stamp = _earlier(before.stamp, stamp or "")
    return "duplicates"


def _thread_of(line: Line, threads: dict[str, str]) -> str:
    """The sub-agent of a line of a sidechain in a transcript that does not name its agents (before 2.0): it begins with
    a line of the user that answers none of the sidechain's. A reply whose parent was not seen belongs to the last one
    of its session."""
    session = f"session:{line.session_id or ''}"
    found = threads.get(line.parent_uuid or "")
    if found is None and line.type == "assistant":
        found = threads.get(session)
    if found is None:
        found = f"sidechain {(line.uuid or '')[:8]}".rstrip()
    threads[session] = found
    if line.uuid:
        threads[line.uuid] = found
    return found


def _key(line: Line, message: Message, place: str) -> Key:
    """The key of a reply without a request id, or without an id."""
    if message.id is None:
        return "", line.uuid or place
    return message.id, f"session:{line.session_id or ''}"


def _is_same(line: Line, message: Message, reply: Reply) -> bool:
    """Whether a further line of a reply says the same of all but its tokens."""
    return (
        line.session_id == reply.session
        and message.model == reply.model
        and line.cwd == reply.cwd
        and line.git_branch == reply.branch
        and line.data is None
        and (line.agent_id or "") == reply.agent
        and bool(line.is_sidechain) == reply.side
        and bool(line.is_api_error) == reply.error
        and line.cost_usd == reply.cost
        and message.diagnostics is None
    )


def _earlier(one: str, other: str) -> str:
    """The earlier of two times; times in the same form compare as text."""
    if len(one) == len(other) and one[-1:] == other[-1:] == "Z":
        return one if one <= other else other
    first, second = seconds(one), seconds(other)
    return other if first is None or (second is not None and second < first) else one


def _reply(line: Line, message: Message, usage: TokenUsage, source: int) -> Reply:
    inner = line.data.agent_id if line.data is not None else None
    reason = message.diagnostics.cache_miss_reason if message.diagnostics is not None else None
    return Reply(
        id=message.id,
        request_id="",
        uuid=line.uuid if message.id is None else None,
        model=intern(message.model or ""),
        usage=usage,
        total=0,
        stamp="",
        first=None,
        source=source,
        session=intern(line.session_id or ""),
        agent=intern(line.agent_id or inner or ""),
        cwd=intern(line.cwd or ""),
        branch=intern(line.git_branch or ""),
        side=bool(line.is_sidechain) or line.type == "progress",
        error=bool(line.is_api_error),
        cost=line.cost_usd,
        miss=intern(reason.type) if reason is not None and reason.type else None,
        missed=reason.cache_missed_input_tokens if reason is not None else None,
    )


def _drop_replays(replies: dict[Key, Reply], tallies: list[Counter[str]]) -> None:
    """Drops the replies that tell again what another key of the same message tells."""
    keys_of: dict[str, list[Key]] = {}
    for key in replies:
        if key[0]:
            keys_of.setdefault(key[0], []).append(key)
    for keys in keys_of.values():
        if len(keys) > 1:
            for key in _replayed([(key, replies[key]) for key in keys]):
                tallies[replies.pop(key).source]["duplicates"] += 1


def _replayed(keyed: list[tuple[Key, Reply]]) -> list[Key]:
    """Of one message's keys: those without a request id in a session that has one with it; then all of sub-agents
    beside a main line, and of sub-agents alone all but the largest."""
    named = {reply.session for _, reply in keyed if reply.request_id}
    nameless = [key for key, reply in keyed if not reply.request_id and reply.session in named]
    side = sorted(((reply.total, key) for key, reply in keyed if reply.side and key not in nameless), reverse=True)
    main = any(not reply.side for key, reply in keyed if key not in nameless)
    return nameless + [key for _, key in side[0 if main else 1 :]]
