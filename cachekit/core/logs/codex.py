"""Codex CLI: session rollouts (`rollout-*.jsonl`) and the output of `codex exec --json`.

Inclusive: `cached_input_tokens` and `cache_write_input_tokens` lie inside `input_tokens`, reasoning inside
`output_tokens`. A `token_count` event has the last call and the running total; where the last call is missing, it is
the difference of totals. From 0.153 on each response has a `token_usage_record` too, before its event: the two are one
call. The response of a compaction has the record only (openai/codex#47003). Not counted twice:
- an event whose total equals the one before it (a repeat), a record whose `response_id` was seen;
- a forked session's copy of its parent's events: one total of one origin (what `forked_from_id` leads to, fork after
  fork, else the own id) counts once, over all files; that also covers a session that stands both in `sessions` and in
  `archived_sessions`;
- the copied history at the head of a fork or sub-agent whose parent is not among the files (ccusage/ccusage#1460,
  steipete/CodexBar#3524): it ends with the first `task_started` whose `started_at` is not before the file's own
  `session_meta`. A record of another thread, or a line older than the file's own session, is copied too. Where nothing
  of that is in the file, the leading events of a spawned sub-agent are its parent's if the first two share one second.
A total that is smaller than the one before it starts over. The first `session_meta` of a file names its session; the
one of its parent, which a fork copies, does not. `thread_settings_applied` names the service tier, of which `fast` is
billed as `priority`.

A rollout has no start of a request: `ts` is when its count was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from cachekit.core.jsonio.documents import read_values
from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.json_access import count, dig, mapping, moment, number, text
from cachekit.core.logs.format import SKIPPED, Format, Item, Record, clean_labels, count_call, summed
from cachekit.core.model.calls import BadLine, Billing, Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import noted
from cachekit.core.providers.usage_names import count_usage

NAME = "codex"

_FIELDS = (
    *("input_tokens", "cached_input_tokens", "cache_write_input_tokens"),
    *("output_tokens", "reasoning_output_tokens", "total_tokens"),
)
_TIERS = {"fast": "priority", "default": "", "auto": ""}

_Vector = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Counted:
    """A call, when its line was written, and the running total that it left, if one is known."""

    call: Call
    second: str
    total: _Vector | None = None


@dataclass(slots=True)
class _Session:
    """The running state of one file. `held` has the calls of a fork or sub-agent of which it is not yet known whether
    they were copied; None as soon as calls are its own."""

    parents: dict[str, str]
    seen: set[tuple[str, object]]
    id: str = ""
    origin: str = ""
    began: float | None = None
    spawned: bool = False
    cwd: str = ""
    model: str = ""
    tier: str = ""
    total: _Vector | None = None
    pending: list[_Counted] | None = None
    records: Counter[_Vector] = field(default_factory=Counter)
    events: Counter[_Vector] = field(default_factory=Counter)


def read(sources: Iterable[Source]) -> Iterator[Item]:
    """The calls of all rollouts, in the order of the files."""
    lines, seen = list(sources), set[tuple[str, object]]()
    parents = dict(filter(None, map(_fork, lines)))
    for source in lines:
        tally: Counter[str] = Counter()
        for found in _read_source(source, _Session(parents, seen), tally):
            if isinstance(found, str):
                tally[found] += 1
                continue
            if isinstance(found, Call):
                count_call(tally, found)
            yield found
        yield summed(source.name, NAME, tally)


def _read_source(source: Source, session: _Session, tally: Counter[str]) -> Iterator[Call | BadLine | str]:
    for value in read_values(source):
        if isinstance(value, BadLine):
            tally["bad"] += 1
            yield replace(value, source=source.name)
        else:
            tally["records"] += 1
            yield from _read_line(mapping(value[1]), session)
    yield from _release(session)


def _fork(source: Source) -> tuple[str, str] | None:
    """The session of a file and the one that it was forked from, where its first line has both."""
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


def _read_line(line: Record, session: _Session) -> Iterator[Call | str]:
    """The calls that one line brings, and the counters of a line that adds none."""
    kind, payload = text(line.get("type")), mapping(line.get("payload"))
    event = text(payload.get("type")) if kind == "event_msg" else ""
    if kind == "turn.completed":
        usage = mapping(line.get("usage"))
        used = any(count(usage.get(name)) for name in _FIELDS)
        yield _call(line, usage, session) if used else SKIPPED + "without usage"
        return
    if kind == "token_usage_record":
        yield from _read_record(line, payload or line, session)
        return
    if event == "token_count":
        yield from _read_event(line, mapping(payload.get("info")), session)
        return
    if kind == "thread.started":
        session.id = text(line.get("thread_id")) or session.id
    elif kind == "session_meta":
        yield from _begin(session, payload)
    elif kind == "turn_context":
        session.model = text(payload.get("model")) or session.model
    elif event == "thread_settings_applied":
        settings = mapping(payload.get("thread_settings"))
        session.model = text(settings.get("model")) or session.model
        tier = text(settings.get("service_tier")) or ""
        session.tier = _TIERS.get(tier.lower(), tier)
    elif event == "task_started" and session.pending is not None and _is_own_task(payload, session):
        yield from ["duplicates"] * len(session.pending)
        session.pending = None
    yield SKIPPED + "without usage"


def _begin(session: _Session, payload: Record) -> Iterator[Call | str]:
    """The session that a `session_meta` begins, or the sign that history was copied."""
    own = text(payload.get("id")) or ""
    spawn = dig(payload, "source", "subagent", "thread_spawn") or payload.get("source") == "thread_spawn"
    parent = text(payload.get("forked_from_id")) or text(payload.get("parent_thread_id"))
    parent = parent or text(dig(spawn, "parent_thread_id"))
    if own and parent and own != parent:
        session.parents.setdefault(own, parent)
    if session.id and own in _ancestors(session.id, session.parents)[1:]:
        session.pending = [] if session.pending is None else session.pending
        return
    if session.id and own != session.id:
        yield from _release(session)
        session.total = None  # several sessions in one stream
    session.id = own or session.id
    session.origin = _ancestors(session.id, session.parents)[-1]
    session.began = moment(payload.get("timestamp"))
    session.spawned = bool(spawn)
    session.pending = [] if parent or spawn else None
    session.cwd = text(payload.get("cwd")) or session.cwd
    session.model = text(payload.get("model")) or session.model


def _is_own_task(payload: Record, session: _Session) -> bool:
    started = number(payload.get("started_at"))
    return started is not None and session.began is not None and started >= int(session.began)


def _read_record(line: Record, record: Record, session: _Session) -> Iterator[Call | str]:
    """The call of a `token_usage_record`."""
    usage, thread = mapping(record.get("usage")), text(record.get("thread_id"))
    response = text(record.get("response_id"))
    vector = _short(usage)
    if not any(vector):
        yield SKIPPED + "without usage"
        return
    if (response and ("response", response) in session.seen) or session.events[vector] > 0:
        session.events[vector] -= 1
        yield "duplicates"
        return
    session.records[vector] += 1
    if response:
        session.seen.add(("response", response))
    if thread and session.id and thread != session.id and session.pending is not None:
        yield "duplicates"  # of the thread that this one was forked from
        return
    call = _call(line, usage, session)
    yield from _keep(_Counted(replace(call, id=response or ""), _second(line)), session)


def _read_event(line: Record, info: Record, session: _Session) -> Iterator[Call | str]:
    """The call of a `token_count` event."""
    if not info:
        yield SKIPPED + "rate limits only"
        return
    total = _vector(info.get("total_token_usage"))
    before, session.total = session.total, total or session.total
    last = mapping(info.get("last_token_usage")) or _difference(total, before)
    if total is not None and total == before:
        yield "duplicates"
    elif not any(count(last.get(name)) for name in _FIELDS):
        yield SKIPPED + "without usage"
    elif session.records[_short(last)] > 0:
        session.records[_short(last)] -= 1
        if total is not None and session.origin:
            session.seen.add((session.origin, total))
        yield "duplicates"
    else:
        session.events[_short(last)] += 1
        yield from _keep(_Counted(_call(line, last, session), _second(line), total), session)


def _keep(counted: _Counted, session: _Session) -> Iterator[Call | str]:
    """A call that is the session's own; one of a fork waits until that is known, and an older one is copied."""
    if session.pending is None:
        yield _once(counted, session)
    elif session.began is not None and (counted.call.ts or session.began) < session.began - 1:
        yield "duplicates"
    else:
        session.pending.append(counted)


def _release(session: _Session) -> Iterator[Call | str]:
    """The calls of a fork that never said where its copied history ends: those of a sub-agent from its second second
    on, if the first two share one; and each total once."""
    pending, session.pending = session.pending or [], None
    seconds = [counted.second for counted in pending[:2]]
    copied = seconds[0] if session.spawned and len(seconds) == 2 and seconds[0] == seconds[1] else None
    for counted in pending:
        copied = copied if counted.second == copied else None
        yield "duplicates" if copied is not None else _once(counted, session)


def _once(counted: _Counted, session: _Session) -> Call | str:
    """A call whose running total was not seen in this session, or in the one that it was forked from."""
    key = (session.origin or session.id, counted.total)
    if key[0] and counted.total is not None:
        if key in session.seen:
            return "duplicates"
        session.seen.add(key)
    return counted.call


def _second(line: Record) -> str:
    return (text(line.get("timestamp")) or "")[:19]


def _short(usage: Record) -> _Vector:
    """What a record and the event of the same response have in common."""
    return tuple(count(usage.get(name)) or 0 for name in ("input_tokens", "cached_input_tokens", "output_tokens"))


def _vector(value: object) -> _Vector | None:
    usage = mapping(value)
    return tuple(count(usage.get(name)) or 0 for name in _FIELDS) if usage else None


def _difference(total: _Vector | None, before: _Vector | None) -> Mapping[str, object]:
    if total is None:
        return {}
    restarted = before is None or any(now < then for now, then in zip(total, before, strict=True))
    base = (0,) * len(_FIELDS) if restarted or before is None else before
    return {name: now - then for name, now, then in zip(_FIELDS, total, base, strict=True)}


def _call(line: Record, usage: Mapping[str, object], session: _Session) -> Call:
    return Call(
        usage=_usage(usage),
        ts=moment(line.get("timestamp")),
        provider="openai",
        api="responses",
        model=session.model,
        billing=Billing(tier=session.tier),
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
    dedup="running totals of one session or fork and response ids, over all files; history that a fork copied",
    sniff=sniff,
    read=read,
)
