"""Where pydantic-ai puts points in messages for Bedrock Converse.

A cachePoint is an element of its own. It may not stand behind a document that Bedrock moves to the front, and not twice
in a row.
"""

from __future__ import annotations

from dataclasses import replace

from cachekit.core.auditors.stacks.pieces import Piece, Point, RefusalError, alone
from cachekit.core.auditors.stacks.pydantic_ai.files import converse_file
from cachekit.core.auditors.stacks.pydantic_ai.form import Item, Part
from cachekit.core.auditors.stacks.pydantic_ai.settings import no_caching
from cachekit.core.auditors.stacks.pydantic_ai.walk import Walk, previous_end

_FIRST = (
    "a cache point with nothing before it (UserError); write it after the text that it closes, or use "
    "bedrock_cache_instructions or bedrock_cache_tool_definitions"
)
_ROW = "two cache points in a row (UserError); remove one of them"
_ONLY_FILES = "a cache point in a message of documents alone (UserError); put text before or behind the document"


def prompt(walk: Walk, part: Part) -> tuple[Piece, ...]:
    content: list[Piece] = []
    for item in part.items:
        if item.kind == "point":
            _place(walk, item, content)
        elif item.kind == "text":
            content.append(Piece({"text": item.text}, item.route))
        else:
            content.append(Piece(converse_file(item, walk.documents), item.route))
    kinds = {next(iter(piece.block)) for piece in content if piece.block}
    if walk.ask.newest and "document" in kinds and "text" not in kinds:
        content.insert(0, Piece({"text": "See attached document(s)."}, ""))
    return tuple(content)


def _place(walk: Walk, item: Item, content: list[Piece]) -> None:
    if not walk.profile.points:
        walk.notes.append(no_caching(walk.ask, item.route, walk.profile))
        return
    if not walk.ask.newest:
        _place_older(walk, item, content)
        return
    point = Point(item.text, item.route)
    if not content:
        _lead(walk, point)
    elif content[-1].alone:
        raise RefusalError(item.route, _ROW)
    elif walk.profile.claude and _stays(content[-1]):
        content.append(alone(point))
    elif not _before_files(walk, content, point, replace_point=False):
        raise RefusalError(item.route, _ONLY_FILES)


def _place_older(walk: Walk, item: Item, content: list[Piece]) -> None:
    """1.40.0: no ttl, and a line end before a point that would stand behind a file."""
    if not content or content[-1].alone:
        raise RefusalError(item.route, _FIRST)
    _line_end(walk, content, item.route)
    content.append(alone(Point(None, item.route)))
    if item.text == "1h":
        why = "this release sends no ttl to Bedrock, so 1h becomes the default of 5 minutes"
        walk.lose(item.route, why, "update pydantic-ai", "ttl_lost")


def _line_end(walk: Walk, content: list[Piece], route: str) -> None:
    if "text" not in content[-1].block:
        content.append(Piece({"text": "\n"}, route))
        why = "this release puts a line end between a file or a result and the point"
        walk.lose(route, why, "nothing is lost; newer releases leave it out", "moved")


def _lead(walk: Walk, point: Point) -> None:
    """A point that opens a prompt goes to the end of the last turn of the user before it, in place of one there."""
    index = next((at for at in reversed(range(len(walk.turns))) if walk.turns[at].role == "user"), None)
    if index is None:
        raise RefusalError(point.route, _FIRST)
    content = list(walk.turns[index].pieces)
    if content[-1].alone:
        walk.replace_point(content[-1].point, point)
        content[-1] = alone(point)
    else:
        _before_files(walk, content, point, replace_point=True)
    walk.turns[index] = replace(walk.turns[index], pieces=tuple(content))
    why = "a cache point that opens a prompt moves to the end of the user's last message before it"
    walk.lose(point.route, why, "write it at the end of that message", "moved")


def _before_files(walk: Walk, content: list[Piece], point: Point, replace_point: bool) -> bool:
    """Put a point at the end, before documents and videos that end the message; False where they are all of it."""
    start = len(content)
    while start and ("document" in content[start - 1].block or "video" in content[start - 1].block):
        start -= 1
    if start == 0:
        return False
    if start < len(content) and content[start - 1].alone:
        first, second = (content[start - 1].point or point, point)[:: 1 if replace_point else -1]
        walk.replace_point(first, second)
        content[start - 1] = alone(second)
        return True
    if start < len(content):
        why = "the point moves before the documents, because Bedrock takes none behind them"
        walk.lose(point.route, why, "put the document before the text", "moved")
    content.insert(start, alone(point))
    return True


def _stays(piece: Piece) -> bool:
    """A PDF stays where it is, and a point may follow it; other documents Bedrock moves to the front."""
    document = piece.block.get("document")
    return isinstance(document, dict) and (document.get("format") == "pdf" or "citations" in document)


def close_messages(walk: Walk, point: Point | None) -> None:
    users = [at for at, turn in enumerate(walk.turns) if turn.role == "user"]
    if point is None or not walk.profile.points or not users:
        return
    last = walk.turns[users[-1]].pieces
    if not last or last[-1].alone:
        return
    if not walk.ask.newest:
        content = list(last)
        _line_end(walk, content, point.route)
        walk.turns[users[-1]] = replace(walk.turns[users[-1]], pieces=(*content, alone(point)))
        return
    before = previous_end([(turn.role, len(turn.pieces)) for turn in walk.turns])
    for index in (before, users[-1]):
        if index is not None and not walk.turns[index].pieces[-1].alone:
            content = list(walk.turns[index].pieces)
            _close(walk, content, point)
            walk.turns[index] = replace(walk.turns[index], pieces=tuple(content))


def _close(walk: Walk, content: list[Piece], point: Point) -> None:
    if walk.profile.claude:
        if _stays(content[-1]):
            content.append(alone(point))
            return
        start = len(content)
        while start and "document" in content[start - 1].block and not _stays(content[start - 1]):
            start -= 1
        ahead = 0 < start < len(content) and not _stays(content[start - 1])
        if ahead and not any(piece.alone for piece in content):
            content[start - 1 :] = [*content[start:], content[start - 1], alone(point)]
            return
    if not _before_files(walk, content, point, replace_point=False):
        why = "a message of documents alone gets no cache point"
        walk.lose(point.route, why, "put text before the document")
