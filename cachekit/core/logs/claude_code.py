"""Claude Code transcripts: `<project>/<session>.jsonl` and `<session>/subagents/agent-*.jsonl`.

One reply of the API is written as several lines (one for each block of its content) that repeat its id while the
output count grows; resumed and forked sessions copy old lines into new files; a sub-agent's replies stand in its own
file and again in `progress` lines of its parent. Lines of one reply are those with equal `message.id` and `requestId`
(without a request id: equal session), over all files; the one with the largest sum of tokens counts, on a tie the one
that tells the `speed`, else the later. A sub-agent's line under another request id than a main line of the same message
is a replay of it and does not count, whatever its size. Counters are exclusive, as in the API.

Versions before 2.0 wrote sub-agents into the session's own file (`isSidechain`) without naming them: there the threads
of `parentUuid` tell one from the other. `message.diagnostics.cache_miss_reason`, where it is, is the API's own reason.

Totals agree with ccusage 20.0.24, which differs in what real sessions hardly hold: it drops replies with a null id, and
of a progress line and the agent's file it keeps the line even where the file tells more tokens.

Transcripts do not hold the rendered system prompt or the tools: there is nothing to compare prefixes by. `ts` is when
the first line of a reply was written, the closest that there is to the start of its request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.json_access import text
from cachekit.core.logs.claude_lines import TokenUsage
from cachekit.core.logs.claude_replies import Replies, Reply, collect
from cachekit.core.logs.format import Format, Item, Record, Summary, calls_of_response, clean_labels, count_call, summed
from cachekit.core.model.calls import Billing, Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import NO_USAGE, noted
from cachekit.core.providers.iterations import Attempt, count_with_iterations, serving_model

NAME = "claude-code"
SYNTHETIC = "<synthetic>"
"""The model of a line that no API call made."""


def read(sources: Iterable[Source]) -> Iterator[Item]:
    """The calls of all transcripts, after the last has been read: a later file may hold the larger line."""
    replies = collect(sources)
    yield from replies.bad
    for reply in replies.found.values():
        tally = replies.tallies[reply.source]
        tally["calls"] -= 1  # counted when it was collected
        for call in calls_of(reply):
            count_call(tally, call)
            yield call
    yield from summaries(replies)


def summaries(replies: Replies) -> Iterator[Summary]:
    """What was read from each source."""
    for name, tally in zip(replies.names, replies.tallies, strict=True):
        yield summed(name, NAME, tally)


def calls_of(reply: Reply) -> Iterator[Call]:
    """A reply as a call, and after it the calls to other models inside it (advisors, attempts that declined)."""
    session, agent, synthetic = reply.session, reply.agent, reply.model == SYNTHETIC
    usage, attempts = (NO_USAGE, ()) if synthetic else _usage(reply.usage)
    model = serving_model({"iterations": reply.usage.iterations}) if reply.usage.iterations else ""
    meta = {"cost_reported": reply.cost, "missed_tokens": reply.missed}
    flags = {"synthetic": synthetic, "sidechain": reply.side or bool(agent), "error": reply.error}
    call = Call(
        usage=usage,
        ts=reply.first,
        id=reply.id or "",
        request_id=reply.request_id,
        provider="anthropic",
        api="messages",
        model=model or reply.model,
        billing=_billing(reply.usage),
        flags=frozenset(name for name, on in flags.items() if on),
        family=f"{session}/{agent}" if agent else session,
        labels=clean_labels({"session": session, "agent": agent, "cwd": reply.cwd, "branch": reply.branch}),
        miss=reply.miss,
        meta={name: value for name, value in meta.items() if value is not None},
    )
    yield from calls_of_response(call, attempts)


def _usage(usage: TokenUsage) -> tuple[Usage, tuple[Attempt, ...]]:
    """The common case without a detour; anything else by the rules for all usages."""
    if plain := usage.plain():
        uncached, read, five, hour, output = plain
        return Usage(uncached, read, five, hour, output=output), ()
    counted, attempts = count_with_iterations(msgspec.to_builtins(usage), "anthropic")
    return noted(counted, "bad_count") if usage.repaired else counted, attempts


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
