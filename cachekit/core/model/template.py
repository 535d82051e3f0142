"""The template of a block: what stays the same of it from call to call.

Volatile text is masked, and a sentence that tells the moment or an id is left out altogether: so a prompt that got one
keeps the template that it had without. Runs of white space, escaped line ends included, are one space, and none at the
edges of a text.
"""

from __future__ import annotations

import re

from cachekit.core.model.volatile import mask

_SPACE = re.compile(r"(?:\s|\\[nrt])+")

_VOLATILE = re.compile(r"\x01(?:timestamp|date|time|uuid|hex|id|number)\x01")
_COUNTED = re.compile(
    r"(?:(?:\b|_)(?:request|turn|step|message|call|visit|visitor|query|iteration|attempt|session|run|ticket|user|counter|count"
    r"|build|depth|number|time|now|clock|timestamp|generated|updated)s?(?:\b|_)[^.!?\x01\"]{0,12}|#)$",
    re.IGNORECASE,
)
_SO_FAR = re.compile(
    r"\s(?:[\w-]+\s){0,3}(?:so far|until now|today|remain(?:s|ing)?|left|open|unread|pending|online|waiting|queued)\b",
    re.IGNORECASE,
)
"""What stands before and behind a number that counts what happens, and is not of the matter itself."""

_STOP = re.compile(r'[.!?;\])>](?=\s|\\[nrt]|(?<!\\)"|$)|\\[nrt]|(?<!\\)"')
"""Where a sentence ends, or a line, or the text."""

_NEXT = re.compile(r",?(?:\s|\\[nrt])+(?=[A-Z])")
"""Where another sentence begins at once: a header line that was put before a text has no stop."""

_REACH = 200
"""Characters of a sentence on each side of what is volatile in it."""

_MOST = 64
"""Volatile places beyond which a text is data, and its sentences are kept."""

_LEAST, _SHARE = 400, 4
"""Characters that must be left, and the part of a text that may be left out at most (one in so many)."""


def template_text(source: str) -> str:
    """The template of a block's compact JSON."""
    masked = mask(source)
    if "\x01" in masked:
        masked = _without_sentences(masked)
    for escaped in ("\\n", "\\r", "\\t"):
        masked = masked.replace(escaped, " ")
    return " ".join(masked.split()).replace('" ', '"').replace(' "', '"')


def _without_sentences(masked: str) -> str:
    found = list(_VOLATILE.finditer(masked))
    if len(found) > _MOST:
        return masked
    parts, end = [], 0
    for token in found:
        if token.group() == "\x01number\x01" and not _counts(masked, token):
            continue
        span = _sentence(masked, token.start(), token.end())
        if span is not None and span[1] > end:
            parts.append(masked[end : max(end, span[0])])
            end = span[1]
    left = "".join(parts) + masked[end:]
    enough = len(left) >= _LEAST and (len(masked) - len(left)) * _SHARE <= len(masked)
    return left if enough else masked


def _counts(masked: str, token: re.Match[str]) -> bool:
    labelled = _COUNTED.search(masked, max(0, token.start() - 40), token.start())
    return labelled is not None or _SO_FAR.match(masked, token.end()) is not None


def _sentence(masked: str, start: int, end: int) -> tuple[int, int] | None:
    """From behind the stop before to behind the one after; None for one that is too long."""
    before = list(_STOP.finditer(masked, max(0, start - _REACH), start + 1))  # a tag around it is of its sentence
    after = _NEXT.match(masked, end) or _STOP.search(masked, end, end + _REACH)
    if not before or after is None:
        return None
    begin = before[-1].end()
    space = _SPACE.match(masked, begin)
    return space.end() if space else begin, after.start() if after.group()[0] in '\\"' else after.end()
