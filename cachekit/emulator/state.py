"""The emulator's state: its caches, the calls it has seen, and the faults it injects."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from random import Random

from cachekit.core.cache.law import Lookup
from cachekit.core.cache.simulate import Caches
from cachekit.core.model.prompt import Prompt
from cachekit.emulator.faults import Fault, check_rates, draw, over, parse_fault
from cachekit.emulator.values import Look, Served


class Clock:
    """Seconds since 1970 UTC: the real time, or with `start` a time that stands still. Tests move either of them."""

    __slots__ = ("_ahead", "_start")

    def __init__(self, start: float | None = None) -> None:
        self._start, self._ahead = start, 0.0

    def now(self) -> float:
        """The moment."""
        return (time.time() if self._start is None else self._start) + self._ahead

    def advance(self, seconds: float) -> None:
        """Moves the clock; entries age, nobody waits."""
        self._ahead += seconds


@dataclass(frozen=True, slots=True)
class Stored:
    """What is kept of an answer for later requests that name it: the prompt without its text, its cached part, and for
    Responses the items of the conversation so far."""

    prompt: Prompt
    cached: int
    reach: int
    items: tuple[object, ...] = ()


@dataclass(slots=True)
class Emulator:
    """One account at all providers. `faults` maps words of `emulator.faults` to rates between 0 and 1, drawn from a
    generator seeded with `seed`, from which the ids come too. `first_event_ms` and `latency_ms` are waited for in real
    time, whatever the clock: entries can be read once the first event is sent. `models` names the model behind a
    deployment, an alias or an ARN, and `policy` sets minimums and lifetimes, both as in the config file. `history`: how
    many calls and answers are remembered."""

    clock: Clock = field(default_factory=Clock)
    seed: int = 0
    faults: Mapping[str, float] = field(default_factory=dict)
    first_event_ms: float | None = None
    latency_ms: float | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    policy: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    history: int = 10_000
    caches: Caches = field(default_factory=Caches, init=False)
    stored: OrderedDict[str, Stored] = field(default_factory=OrderedDict, init=False)
    holding: bool = field(default=False, init=False)
    _calls: deque[Served] = field(init=False)
    _next: deque[Fault] = field(default_factory=deque, init=False)
    _random: Random = field(init=False)
    _count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        check_rates(self.faults)
        self._calls, self._random = deque(maxlen=self.history), Random(self.seed)

    @property
    def calls(self) -> tuple[Served, ...]:
        """All calls in the order in which they came, refused calls too."""
        return tuple(self._calls.copy())

    def inject(self, *faults: str) -> None:
        """Faults for the next requests, one each; an empty word lets one pass. They come before those at a rate."""
        self._next.extend([parse_fault(words, self._random) for words in faults])

    def evict(self) -> None:
        """Forgets all cached prefixes, as if the provider had dropped them."""
        self.caches = Caches()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """No answer begins inside: calls that come now are all in flight together, and go on afterwards."""
        self.holding = True
        try:
            yield
        finally:
            self.holding = False

    # --- for the server -------------------------------------------------------------------------------------------

    def draw_fault(self, words: str) -> Fault:
        """What goes wrong with the next answer; `words` are those of its header, which weigh most."""
        usual = Fault(first_event=_seconds(self.first_event_ms), latency=_seconds(self.latency_ms))
        fault = over(usual, draw(self.faults, self._random))
        if self._next:
            fault = over(usual, self._next.popleft())
        return over(fault, parse_fault(words, self._random))

    def new_key(self) -> str:
        """The next id: 24 hex digits, the same for the same seed and place in the order of requests."""
        self._count += 1
        return blake2b(f"{self.seed} {self._count}".encode(), digest_size=12).hexdigest()

    def record(self, served: Served) -> None:
        """Adds to `calls`."""
        self._calls.append(served)

    def begin(self, look: Look | None) -> None:
        """An answer begins: what its call wrote can be read from now on."""
        if isinstance(look, Lookup):
            self.caches.breakpoints.begin(look, self.clock.now())
        elif look is not None:
            self.caches.automatic.begin(look, self.clock.now())

    def store(self, name: str, stored: Stored) -> None:
        """Keeps an answer for later requests that name it; the oldest are forgotten."""
        bare = tuple(replace(block, raw=None) for block in stored.prompt.blocks)
        self.stored[name] = replace(stored, prompt=replace(stored.prompt, blocks=bare, body={}))
        while len(self.stored) > self.history:
            self.stored.popitem(last=False)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
