"""Notes: what a request asks for beside what is sent."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.stacks.litellm.intake import asks_of
from cachekit.core.auditors.stacks.litellm.reasons import DROPPED, REASONS
from cachekit.core.auditors.stacks.litellm.values import Ask, Chat, Draft, Piece, Place
from cachekit.core.auditors.stacks.litellm.why import Why
from cachekit.core.prompt import Note
from cachekit.core.shape import mapping


def notes_of(draft: Draft, chat: Chat, ttl: Why | None, library: str) -> tuple[Note, ...]:
    """A note for each breakpoint that is thrown away, moved, shortened or sent to where nobody reads it, in the order
    of the body. `ttl`: why a ttl that is missing on the wire is missing. `library`: name and release."""
    found = dict.fromkeys((*_all(draft, chat, ttl, library), *_forgotten(draft, chat, library)))
    return tuple(found)


def _forgotten(draft: Draft, chat: Chat, library: str) -> Iterator[Note]:
    """What went with a message of which nothing is sent."""
    told = [
        ask for piece in draft.pieces() for ask in (piece.ask, *(lost for lost, _ in piece.lost)) if ask is not None
    ]
    told += [ask for ask, _ in chat.lost]
    seen = {(ask.route, ask.target) for ask in told}
    yield from (_note(ask, Why.UNSENT, library) for ask in asks_of(chat) if (ask.route, ask.target) not in seen)


def _all(draft: Draft, chat: Chat, ttl: Why | None, library: str) -> Iterator[Note]:
    for ask, why in chat.lost:
        yield _note(ask, why, library)
    for piece in draft.pieces():
        for ask, why in piece.lost:
            yield _note(ask, why, library)
        if piece.ask is not None and piece.moved is not None:
            yield _note(piece.ask, piece.moved, library)
        if piece.ask is not None and ttl is not None and _shortened(piece, piece.ask):
            yield _note(piece.ask, Why.TTL_VALUE if _odd(piece.ask) else ttl, library)


def _shortened(piece: Piece, ask: Ask) -> bool:
    """A ttl was asked for, and the cache point has none; five minutes are the default anyway."""
    asked = mapping(ask.control).get("ttl")
    return asked is not None and asked != "5m" and "ttl" not in mapping(mapping(piece.block).get("cachePoint"))


def _odd(ask: Ask) -> bool:
    return mapping(ask.control).get("ttl") not in ("5m", "1h")


def _note(ask: Ask, why: Why, library: str) -> Note:
    reason = REASONS[why]
    what = {
        Place.POINT: f"the injection point at {ask.route}",
        Place.DEFAULT: ask.route,
        Place.REQUEST: ask.route,
    }.get(ask.place, f"cache_control on {ask.target} ({ask.place})")
    lead = "is lost" if reason.code == DROPPED else {"moved": "is moved", "ttl_lost": "loses its ttl"}.get(reason.code)
    verdict = lead or "goes where it is not read"
    said = "" if reason.silent or reason.code != DROPPED else "; it logs a warning"
    detail = f"{what} {verdict}: {library} {reason.text}{said}"
    return Note(reason.code, ask.route, detail, reason.mend, reason.silent)
