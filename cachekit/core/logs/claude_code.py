"""Claude Code transcripts: `<project>/<session>.jsonl` and `<session>/subagents/agent-*.jsonl`.

One reply of the API is written as several lines (one for each block of its content) that repeat its id while the
output count grows; resumed and forked sessions copy old lines into new files; a sub-agent's replies stand in its own
file and again in `progress` lines of its parent. Lines of one reply are those with equal `message.id` and `requestId`
(without a request id: equal session), over all files; the one with the largest sum of tokens counts, on a tie the one
that tells the `speed`, else the later. A sub-agent's line under another request id than a main line of the same message
is a replay of it and does not count, whatever its size. Counters are exclusive, as in the API.

Totals agree with ccusage 20.0.24, which differs in what real sessions hardly hold: it drops replies with a null id, and
of a progress line and the agent's file it keeps the line even where the file tells more tokens.

Transcripts do not hold the rendered system prompt or the tools: there is nothing to compare prefixes by. `ts` is when
the first line of a reply was written, the closest that there is to the start of its request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from sys import intern

import msgspec

from cachekit.core.calls import BadLine, Billing, Call
from cachekit.core.counts import NO_USAGE, noted
from cachekit.core.inputs import Source, open_lines
from cachekit.core.logs.claude_lines import Line, Message, TokenUsage, decode
from cachekit.core.logs.format import SKIPPED, Format, Item, Record, clean_labels, count_call, summed
from cachekit.core.shape import seconds, text
from cachekit.core.usage import Usage
from cachekit.core.usage_names import count_usage

NAME = "claude-code"


class _Reply(msgspec.Struct, gc=False):
    """What is kept of a reply until all files are read: counts and labels of the line that counts so far, and when the
    first of its lines was written. Labels repeat from line to line and are interned."""

    id: str | None
    request_id: str
    uuid: str | None
    model: str
    usage: TokenUsage
    total: int
    first: float | None
    source: int
    session: str
    agent: str
    cwd: str
    branch: str
    side: bool
    error: bool
    cost: float | None


_Key = tuple[str, str]


def read(sources: Iterable[Source]) -> Iterator[Item]:
    """The calls of all transcripts, after the last has been read: a later file may hold the larger line."""
    replies: dict[_Key, _Reply] = {}
    names: list[str] = []
    tallies: list[Counter[str]] = []
    for index, source in enumerate(sources):
        names.append(source.name)
        tallies.append(Counter())
        for line in open_lines(source):
            bad = _take(line, replies, tallies[index], index)
            if bad is not None:
                yield replace(bad, source=source.name)
    _drop_replays(replies, tallies)
    for reply in replies.values():
        call = _call(reply)
        count_call(tallies[reply.source], call)
        yield call
    yield from (summed(name, NAME, tally) for name, tally in zip(names, tallies, strict=True))


def _take(
    line: tuple[int, bytes] | BadLine, replies: dict[_Key, _Reply], tally: Counter[str], source: int
) -> BadLine | None:
    """One line into the replies. Most lines hold no usage: they are not even decoded, only seen to be whole."""
    if isinstance(line, BadLine):
        tally["bad"] += 1
        return line
    number, raw = line
    if b'"usage"' not in raw and raw.rstrip().endswith(b"}") and raw.lstrip().startswith(b"{"):
        tally["records"] += 1
        tally[SKIPPED + "without usage"] += 1
        return None
    try:
        parsed = decode(raw)
    except ValueError as error:
        tally["bad"] += 1
        return BadLine(number, str(error))
    tally["records"] += 1
    reason = _count(parsed, replies, source)
    if reason:
        tally[reason] += 1
    return None


def _count(line: Line, replies: dict[_Key, _Reply], source: int) -> str | None:
    """Adds a line to the reply that it belongs to. Answers with the counter for a line that adds no reply."""
    message, request_id, timestamp = line.message, line.request_id, line.timestamp
    if line.type == "progress" and line.data is not None and line.data.message is not None:
        message = line.data.message.message
        request_id = line.data.message.request_id
        timestamp = line.data.message.timestamp or timestamp
    elif line.type != "assistant":
        return SKIPPED + "without usage"
    if message is None or message.usage is None:
        return SKIPPED + "without usage"
    if message.id == "" or request_id == "":
        return SKIPPED + "empty id"
    reply = _reply(line, message, message.usage, source)
    reply.request_id, reply.first = request_id or "", seconds(timestamp)
    key = _key(reply)
    before = replies.get(key)
    if before is None:
        replies[key] = reply
        return None
    replies[key] = _larger(before, reply)
    return "duplicates"


def _reply(line: Line, message: Message, usage: TokenUsage, source: int) -> _Reply:
    inner = line.data.agent_id if line.data is not None else None
    return _Reply(
        id=message.id,
        request_id="",
        uuid=line.uuid if message.id is None else None,
        model=intern(message.model or ""),
        usage=usage,
        total=_total(usage),
        first=None,
        source=source,
        session=intern(line.session_id or ""),
        agent=intern(line.agent_id or inner or ""),
        cwd=intern(line.cwd or ""),
        branch=intern(line.git_branch or ""),
        side=bool(line.is_sidechain) or line.type == "progress",
        error=bool(line.is_api_error),
        cost=line.cost_usd,
    )


def _key(reply: _Reply) -> _Key:
    if reply.id is None:
        return "", reply.uuid or f"{reply.source}:{reply.first}:{reply.total}"
    return reply.id, reply.request_id or f"session:{reply.session}"


def _total(usage: TokenUsage) -> int:
    return (
        (usage.input_tokens or 0)
        + (usage.output_tokens or 0)
        + (usage.cache_creation_input_tokens or 0)
        + (usage.cache_read_input_tokens or 0)
    )


def _larger(before: _Reply, after: _Reply) -> _Reply:
    first = min((ts for ts in (before.first, after.first) if ts is not None), default=None)
    wins = after.total > before.total or (
        after.total == before.total and (after.usage.speed is not None or before.usage.speed is None)
    )
    kept = after if wins else before
    kept.first, kept.source = first, before.source
    return kept


def _drop_replays(replies: dict[_Key, _Reply], tallies: list[Counter[str]]) -> None:
    """Drops the replies that tell again what another key of the same message tells."""
    keys_of: dict[str, list[_Key]] = {}
    for key in replies:
        if key[0]:
            keys_of.setdefault(key[0], []).append(key)
    for keys in keys_of.values():
        if len(keys) > 1:
            for key in _replayed([(key, replies[key]) for key in keys]):
                tallies[replies.pop(key).source]["duplicates"] += 1


def _replayed(told: list[tuple[_Key, _Reply]]) -> list[_Key]:
    """Of one message's keys: those without a request id in a session that has one with it; then all of sub-agents
    beside a main line, and of sub-agents alone all but the largest."""
    named = {reply.session for _, reply in told if reply.request_id}
    nameless = [key for key, reply in told if not reply.request_id and reply.session in named]
    side = sorted(((reply.total, key) for key, reply in told if reply.side and key not in nameless), reverse=True)
    main = any(not reply.side for key, reply in told if key not in nameless)
    return nameless + [key for _, key in side[0 if main else 1 :]]


def _call(reply: _Reply) -> Call:
    session, agent, synthetic = reply.session, reply.agent, reply.model == "<synthetic>"
    flags = {"synthetic": synthetic, "sidechain": reply.side or bool(agent), "error": reply.error}
    return Call(
        usage=NO_USAGE if synthetic else _usage(reply.usage),
        ts=reply.first,
        id=reply.id or "",
        request_id=reply.request_id,
        provider="anthropic",
        api="messages",
        model=reply.model,
        billing=_billing(reply.usage),
        flags=frozenset(name for name, on in flags.items() if on),
        family=f"{session}/{agent}" if agent else session,
        labels=clean_labels({"session": session, "agent": agent, "cwd": reply.cwd, "branch": reply.branch}),
        meta={"cost_reported": reply.cost} if reply.cost is not None else {},
    )


def _usage(usage: TokenUsage) -> Usage:
    """The common case without a detour; anything else by the rules for all usages."""
    split, written = usage.cache_creation, usage.cache_creation_input_tokens
    five, hour = (
        (split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens) if split is not None else (None, None)
    )
    whole = usage.input_tokens is not None and usage.cache_read_input_tokens is not None and not usage.iterations
    if whole and five is not None and hour is not None and five + hour == written:
        return Usage(
            uncached=usage.input_tokens or 0,
            read=usage.cache_read_input_tokens or 0,
            write_5m=five,
            write_1h=hour,
            output=usage.output_tokens or 0,
        )
    counted = count_usage(msgspec.to_builtins(usage), "anthropic")
    return noted(counted, "bad_count") if usage.repaired else counted


def _billing(usage: TokenUsage) -> Billing:
    tier = usage.service_tier or ""
    return Billing(tier, usage.speed or "", usage.inference_geo or "", batch=tier == "batch")


_KINDS = frozenset({"file-history-snapshot", "summary", "assistant", "user", "system", "progress", "queue-operation"})


def sniff(record: Record) -> bool:
    """A line with a session and its place in the thread, or one of the lines that may stand before them."""
    if "sessionId" in record and ("parentUuid" in record or text(record.get("type")) in _KINDS):
        return True
    return record.get("type") == "file-history-snapshot" or (record.get("type") == "summary" and "leafUuid" in record)


FORMAT = Format(
    name=NAME,
    title="Claude Code transcripts",
    dedup="message id and request id over all files, the largest sum of tokens counts",
    sniff=sniff,
    read=read,
)
