"""Gemini CLI: chats (`chats/*.json`, `*.jsonl`) and the `stats` of its headless output.

Lines of one message id are the same reply, written again as its tools complete: the last counts, over all files (one
chat may lie under two project hashes). Whether `input` holds `cached` differs by version: where input + output +
thoughts + tool = total it does, otherwise the counters are disjoint. Headless output sums up all requests of a run by
model, inclusive: one call of flag `aggregate` for each model, the number of requests in `meta["requests"]`. The last
line of `--output-format stream-json` has the same sums, flat (google-gemini/gemini-cli `packages/core/src/output`,
2026-11).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from cachekit.core.jsonio.documents import read_values
from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.json_access import count, dig, items, mapping, moment, number, text
from cachekit.core.logs.format import SKIPPED, Format, Item, Record, clean_labels, count_call, summed
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import EXCLUSIVE, INCLUSIVE, Convention, Counts, settle

NAME = "gemini-cli"


def read(sources: Iterable[Source]) -> Iterator[Item]:
    """The calls of all chats, after the last has been read: a later line may replace an earlier one."""
    replies: dict[str, _Kept] = {}
    tallies: list[tuple[str, Counter[str]]] = []
    for source in sources:
        tally: Counter[str] = Counter()
        tallies.append((source.name, tally))
        session = ""
        for value in read_values(source):
            if isinstance(value, BadLine):
                tally["bad"] += 1
                yield replace(value, source=source.name)
                continue
            record = mapping(value[1])
            session = text(record.get("sessionId")) or text(record.get("session_id")) or session
            tally["records"] += 1
            for found in _calls(record, session):
                _keep(found, replies, tally)
    for tally, call in replies.values():
        count_call(tally, call)
        yield call
    yield from (summed(name, NAME, tally) for name, tally in tallies)


_Kept = tuple[Counter[str], Call]


def _keep(found: Call | str, replies: dict[str, _Kept], tally: Counter[str]) -> None:
    """Keeps a reply in the place of an earlier one of its id; one without an id is kept beside all others."""
    if isinstance(found, str):
        tally[found] += 1
        return
    key = f"{found.labels.get('session', '')} {found.id}" if found.id else f"nameless {len(replies)}"
    if key in replies:
        tally["duplicates"] += 1
    replies[key] = (tally, found)


def _calls(record: Record, session: str) -> Iterator[Call | str]:
    if isinstance(record.get("messages"), list):
        for message in items(record["messages"]):
            yield _reply(mapping(message), session)
    elif isinstance(dig(record, "stats", "models"), dict):
        for model, totals in mapping(dig(record, "stats", "models")).items():
            yield _aggregate(model, mapping(totals), session)
    else:
        yield _reply(record, session)


def _reply(message: Record, session: str) -> Call | str:
    tokens = mapping(message.get("tokens"))
    if message.get("type") != "gemini" or not tokens:
        return SKIPPED + "without usage"
    return Call(
        usage=_usage(tokens, "input", ("output", "thoughts"), _convention(tokens)),
        ts=moment(message.get("timestamp")),
        id=text(message.get("id")) or "",
        provider="google",
        api="generateContent",
        model=text(message.get("model")) or "",
        family=session,
        labels=clean_labels({"session": session}),
    )


def _aggregate(model: str, totals: Record, session: str) -> Call | str:
    """The sums of a model: under `tokens`, or flat in a stream's result (`input` there is what was not cached)."""
    names = {"prompt": "input_tokens", "candidates": "output_tokens", "cached": "cached", "thoughts": "thoughts"}
    tokens = mapping(totals.get("tokens")) or {ours: totals.get(name) for ours, name in names.items()}
    if not any(count(value) for value in tokens.values()):
        return SKIPPED + "without usage"
    requests = number(dig(totals, "api", "totalRequests"))
    return Call(
        usage=_usage(tokens, "prompt", ("candidates", "thoughts"), INCLUSIVE),
        provider="google",
        api="generateContent",
        model=model,
        flags=frozenset({"aggregate"}),
        labels=clean_labels({"session": session}),
        meta={} if requests is None else {"requests": requests},
    )


def _convention(tokens: Mapping[str, object]) -> Convention:
    parts = sum(count(tokens.get(name)) or 0 for name in ("input", "output", "thoughts", "tool"))
    return INCLUSIVE if parts == count(tokens.get("total")) else EXCLUSIVE


def _usage(tokens: Mapping[str, object], base: str, output: tuple[str, ...], convention: Convention) -> Usage:
    """Tool prompts (`tool`) are input of their own, outside the base: uncached."""
    totals = count(tokens.get(base))
    counted = settle(
        Counts(
            base=totals,
            read=count(tokens.get("cached")),
            output=sum(count(tokens.get(name)) or 0 for name in output),
            usual=convention,
        )
    )
    return replace(counted, uncached=counted.uncached + (count(tokens.get("tool")) or 0))


def sniff(record: Record) -> bool:
    """A chat, a line of one, or headless output."""
    if record.get("type") == "gemini" and isinstance(record.get("tokens"), dict):
        return True
    if isinstance(dig(record, "stats", "models"), dict):
        return True
    if record.get("type") == "init" and "session_id" in record and "model" in record and "subtype" not in record:
        return True
    messages = items(record.get("messages"))
    return "sessionId" in record and (
        any(mapping(message).get("type") == "gemini" for message in messages) or "projectHash" in record
    )


FORMAT = Format(
    name=NAME,
    title="Gemini CLI chats, headless statistics and stream-json",
    dedup="message id within its session, over all files, the last counts",
    sniff=sniff,
    read=read,
)
