"""Whether another prompt took the place of one, or came to stand beside it: what follows in the log tells.

The first call of a second tenant, of a second set of tools or of a second model under one system prompt looks like a
change. Where both go on being used in turn, nothing broke: it was a cold start. So an explanation of such a change
waits until that shows, or until enough calls have passed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from cachekit.core.explain.causes import Cause
from cachekit.core.explain.due import Due, Earlier
from cachekit.core.explain.explanation import Explanation, cold

_CALLS = 200
"""Calls of the same family after which a change is what it seems."""

_WAITING = 1_000
"""Explanations that wait at most, in all."""

_CHANGES = frozenset({Cause.PREFIX_CHANGED, Cause.MODEL_CHANGED, Cause.KEY_CHANGED, Cause.PARAMS_CHANGED})
_NEVER_MEANT = frozenset({"timestamp", "date", "time", "uuid", "id", "tool_order", "key_order", "whitespace"})
"""Kinds of change that are meant nowhere, whether or not both forms are in use: text of the moment in a shared prefix,
and the same content in another form."""


@dataclass(slots=True)
class _Waiting:
    """An explanation in its place in the order; `own` and `other` name what may both be in use."""

    found: Explanation
    own: str = ""
    other: str = ""
    calls: int = 0
    back: bool = False
    waits: bool = False
    dropped: bool = False

    def see(self, call: Earlier) -> None:
        """Another call of one of the two families. The other one, and then this one again: both are in use."""
        self.calls += 1
        names = _names(call)
        self.back = self.back or self.other in names
        if self.back and self.own in names:
            self.waits, start = False, cold(self.found.call)
            if start is None:
                self.dropped = True
            else:
                self.found = start
        elif self.calls >= _CALLS:
            self.waits = False


@dataclass(slots=True)
class DeferredDecisions:
    """Explanations on their way out, in order. Bounded."""

    _queue: deque[_Waiting] = field(default_factory=deque)
    _open: dict[str, list[_Waiting]] = field(default_factory=dict)

    def add(self, found: Explanation | None, due: Due | None, own: Earlier) -> Iterator[Explanation]:
        """Takes what was found of a call, and gives what has settled."""
        family = own.call.family
        for waiting in self._open.get(family, ()):
            waiting.see(own)
        if family in self._open:
            self._open[family] = [each for each in self._open[family] if each.waits]
            if not self._open[family]:
                del self._open[family]
        if found is not None:
            self._queue.append(self._placed(found, due, own))
        while self._queue and (not self._queue[0].waits or len(self._queue) > _WAITING):
            first = self._queue.popleft()
            first.waits = False
            if not first.dropped:
                yield first.found

    def _placed(self, found: Explanation, due: Due | None, own: Earlier) -> _Waiting:
        if due is None or not _may_stand_beside(found, due, own):
            return _Waiting(found)
        level = _MODEL if found.cause is Cause.MODEL_CHANGED else _VARIANT
        waiting = _Waiting(found, _names(own)[level], _names(due.earlier)[level], waits=True)
        for family in {own.call.family, due.earlier.call.family}:
            self._open.setdefault(family, []).append(waiting)
        return waiting

    def rest(self) -> Iterator[Explanation]:
        """What still waits at the end of the log."""
        yield from (waiting.found for waiting in self._queue if not waiting.dropped)


_VARIANT, _MODEL = 0, 1


def _names(call: Earlier) -> tuple[str, str]:
    return f"variant {call.variant}", f"model {call.call.model}"


def _may_stand_beside(found: Explanation, due: Due, own: Earlier) -> bool:
    """Whether a change may turn out to be none: of tools, system text, model or key, and of none that nobody means."""
    shared = due.static or own.prompt is None
    differs = own.variant != due.earlier.variant
    return shared and differs and found.cause in _CHANGES and found.kind not in _NEVER_MEANT
