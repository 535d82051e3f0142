"""Codex CLI: session rollouts (`rollout-*.jsonl`) and the output of `codex exec --json`.

Inclusive: `cached_input_tokens` and `cache_write_input_tokens` lie inside `input_tokens`, reasoning inside
`output_tokens`. A `token_count` event tells the last call and the running total; where the last call is missing, it is
the difference of totals. Not counted twice:
- an event whose total equals the one before it (a repeat);
- a forked session's copy of its parent's events: one total of one origin (what `forked_from_id` leads to, fork after
  fork, else the own id) counts once, over all files; that also covers a session that stands both in `sessions` and in
  `archived_sessions`;
- the leading events of a spawned sub-agent, if the first two share one second: that second is a replay (its events
  still set the running total).
A total that is smaller than the one before it begins anew. The first `session_meta` of a file names its session; the
one of its parent, which a fork copies, does not.

A rollout tells no start of a request: `ts` is when its count was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from cachekit.core.calls import BadLine, Call
from cachekit.core.counts import noted
from cachekit.core.documents import read_values
from cachekit.core.inputs import Source
from cachekit.core.logs.format import SKIPPED, Format, Item, Record, clean_labels, count_call, summed
from cachekit.core.shape import count, dig, mapping, moment, text
from cachekit.core.usage import Usage
from cachekit.core.usage_names import count_usage

NAME = "codex"

_FIELDS = (
    *("input_tokens", "cached_input_tokens", "cache_write_input_tokens"),
    *("output_tokens", "reasoning_output_tokens", "total_tokens"),
)
_SPAWN_WITHIN = 16 * 1024
"""Where in a file a spawned sub-agent says so."""

_Vector = tuple[int, ...]


@dataclass(slots=True)
class _Session:
    """The running state of one file."""

    id: str = ""
    origin: str = ""
    cwd: str = ""
    model: str = ""
    total: _Vector | None = None
    replayed: str = ""
    parents: dict[str, str] = field(default_factory=dict)


def read(sources: Iterable[Source]) -> Iterator[Item]:
    """The calls of all rollouts, in the order of the files."""
    given, seen = list(sources), set[tuple[str, _Vector]]()
    parents = dict(filter(None, map(_fork, given)))
    for source in given:
        tally: Counter[str] = Counter()
        session = _Session(replayed=_replayed_second(source), parents=parents)
        for value in read_values(source):
            if isinstance(value, BadLine):
                tally["bad"] += 1
                yield replace(value, source=source.name)
                continue
            tally["records"] += 1
            found = _event(mapping(value[1]), session, seen)
            if isinstance(found, str):
                tally[found] += 1
            else:
                count_call(tally, found)
                yield found
        yield summed(source.name, NAME, tally)


def _fork(source: Source) -> tuple[str, str] | None:
    """The session of a file and the one that it was forked from, where its first line tells of both."""
    if source.path is None:
        return None
    value = next(iter(read_values(source)), None)
    payload = {} if value is None or isinstance(value, BadLine) else mapping(mapping(value[1]).get("payload"))
    own, forked = text(payload.get("id")), text(payload.get("forked_from_id"))
    return (own, forked) if own and forked else None


def _ancestors(id: str, parents: Mapping[str, str]) -> list[str]:
    """A session, what it was forked from, and so on."""
    found = [id]
    while (parent := parents.get(found[-1])) and parent not in found:
        found.append(parent)
    return found


def _replayed_second(source: Source) -> str:
    """The second that the first two events of a spawned sub-agent share; empty where they do not."""
    if source.path is None or b"thread_spawn" not in next(source.chunks(), b"")[:_SPAWN_WITHIN]:
        return ""
    lines = (mapping(value[1]) for value in read_values(source) if not isinstance(value, BadLine))
    told = (line for line in lines if _is_count(line) and mapping(dig(line, "payload", "info")))
    first, second = ([*islice((_second(line) for line in told), 2), "", ""])[:2]
    return first if first == second else ""


def _is_count(line: Record) -> bool:
    return line.get("type") == "event_msg" and dig(line, "payload", "type") == "token_count"


def _second(line: Record) -> str:
    return (text(line.get("timestamp")) or "")[:19]


def _event(line: Record, session: _Session, seen: set[tuple[str, _Vector]]) -> Call | str:
    """The call of one line, or the counter of a line that adds none."""
    kind, payload = text(line.get("type")), mapping(line.get("payload"))
    if kind == "turn.completed":
        return _turn(line, session)
    if kind == "thread.started":
        session.id = text(line.get("thread_id")) or session.id
    elif kind == "session_meta":
        _begin(session, payload)
    elif kind == "turn_context":
        session.model = text(payload.get("model")) or session.model
    elif _is_count(line):
        return _token_count(line, mapping(payload.get("info")), session, seen)
    return SKIPPED + "without usage"


def _begin(session: _Session, payload: Record) -> None:
    own, forked = text(payload.get("id")) or "", text(payload.get("forked_from_id"))
    if own and forked:
        session.parents.setdefault(own, forked)
    copied = session.id and own in _ancestors(session.id, session.parents)[1:]
    if session.id and own != session.id and not copied:
        session.total = None  # several sessions in one stream
    session.id = session.id if copied else own or session.id
    session.origin = _ancestors(session.id, session.parents)[-1]
    if copied:
        return
    session.cwd = text(payload.get("cwd")) or session.cwd
    session.model = text(payload.get("model")) or session.model


def _turn(line: Record, session: _Session) -> Call | str:
    usage = mapping(line.get("usage"))
    if not any(count(usage.get(name)) for name in _FIELDS):
        return SKIPPED + "without usage"
    return _call(line, usage, session)


def _token_count(line: Record, info: Record, session: _Session, seen: set[tuple[str, _Vector]]) -> Call | str:
    if not info:
        return SKIPPED + "rate limits only"
    total = _vector(info.get("total_token_usage"))
    before, session.total = session.total, total or session.total
    if total is not None and total == before:
        return "duplicates"
    last = mapping(info.get("last_token_usage")) or _difference(total, before)
    if not any(count(last.get(name)) for name in _FIELDS):
        return SKIPPED + "without usage"
    if _is_replay(line, session):
        return "duplicates"
    if total is not None:
        key = (session.origin or session.id, total)
        if key[0] and key in seen:
            return "duplicates"
        seen.add(key)
    return _call(line, last, session)


def _is_replay(line: Record, session: _Session) -> bool:
    """Whether an event belongs to the leading run of a sub-agent's file that was written in one second."""
    if session.replayed and _second(line) == session.replayed:
        return True
    session.replayed = ""
    return False


def _vector(value: object) -> _Vector | None:
    told = mapping(value)
    return tuple(count(told.get(name)) or 0 for name in _FIELDS) if told else None


def _difference(total: _Vector | None, before: _Vector | None) -> Mapping[str, object]:
    if total is None:
        return {}
    anew = before is None or any(now < then for now, then in zip(total, before, strict=True))
    base = (0,) * len(_FIELDS) if anew or before is None else before
    return {name: now - then for name, now, then in zip(_FIELDS, total, base, strict=True)}


def _call(line: Record, usage: Mapping[str, object], session: _Session) -> Call:
    return Call(
        usage=_usage(usage),
        ts=moment(line.get("timestamp")),
        provider="openai",
        api="responses",
        model=session.model,
        family=session.id,
        labels=clean_labels({"session": session.id, "cwd": session.cwd}),
    )


def _usage(usage: Mapping[str, object]) -> Usage:
    """Some events tell more cached than input tokens: not more than all of the input can have been read."""
    base, cached = count(usage.get("input_tokens")), count(usage.get("cached_input_tokens"))
    if base is None or cached is None or cached <= base:
        return count_usage({"cached_input_tokens": None, **usage}, "openai")
    return noted(count_usage({**usage, "cached_input_tokens": base}, "openai"), "negative_clamped")


def sniff(record: Record) -> bool:
    """A line of a rollout, or an event of `codex exec --json`."""
    kind = record.get("type")
    if kind in ("thread.started", "turn.started", "turn.completed"):
        return kind != "turn.completed" or dig(record, "usage", "input_tokens") is not None
    return isinstance(kind, str) and isinstance(record.get("payload"), dict)


FORMAT = Format(
    name=NAME,
    title="Codex CLI rollouts and exec events",
    dedup="running totals of one session or fork, over all files; replays of a parent by their second",
    sniff=sniff,
    read=read,
)
