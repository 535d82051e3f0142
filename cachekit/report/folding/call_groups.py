"""Calls of our log that differ in their counts and times only: looked up once, summed from then on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from cachekit.core.cache.law import DEFAULT_TTL, within
from cachekit.core.jsonio.inputs import LONGEST_LINE
from cachekit.core.jsonio.json_access import seconds
from cachekit.core.logs.native import billing_of, read_line, scope_of
from cachekit.core.model.calls import BadLine, Billing, Call
from cachekit.core.model.prompt import Scope
from cachekit.report.folding.counting import BEDROCK, Counting, OutOfOrderError, body_of, kind_of, side_of
from cachekit.report.folding.facts import Facts, host_of
from cachekit.report.folding.ledger import NEVER, Sums, Track
from cachekit.report.folding.track import SURE
from cachekit.report.options import LABEL, UNASSIGNED, ReportOptions
from cachekit.report.reading.fingerprint import NOTHING, BlockSlices, Teller
from cachekit.report.reading.keys import CACHEABLE, CellKey, TrackKey
from cachekit.report.reading.line_rows import loaded, row_of_lines
from cachekit.report.reading.lines import AnyLine, Counts, Few, FewLine, Line, WideLine, moment

_PLAIN = frozenset({"family", "model", "day", "provider"})
"""Dimensions that a plain line tells."""

_MOST = 10_000
REFUSED = (msgspec.MsgspecError, ValueError, RecursionError)
"""What the decoders raise for a line that is not as they want it."""

_COST = b'"cost_reported"'
"""A line with a cost of its own goes the way of all other logs. The narrower classes refuse it."""

_decode_few = msgspec.json.Decoder(FewLine).decode
_decode = msgspec.json.Decoder(Line).decode
_decode_wide = msgspec.json.Decoder(WideLine).decode


class Name(NamedTuple):
    """What a group is called where a plain line does not tell it all: its family, the calls whose entries it can read,
    its row, its side of a split, and whether its calls have their requests."""

    family: str
    track: str
    row: str
    side: str
    body: str


class _Kind(NamedTuple):
    """What calls of one day, model and billing share."""

    context: tuple[Billing, Scope]
    host: str
    facts: Facts
    period: int
    midnight: float


class Group:
    """Calls that are summed in one cell and follow one track.

    `edge`: a prompt of more tokens asks for its cell. `automatic`: each prompt asks, for what of it was cacheable is
    counted. `odd`: each call goes the tolerant way. `sums` and `counts` are those of the smallest prompts.
    """

    __slots__ = (
        *("automatic", "bands", "billing", "counts", "day", "edge", "facts", "flags", "is_known", "model", "odd"),
        *("places", "provider", "scope", "sums", "track", "track_key"),
    )

    def __init__(
        self, line: AnyLine, facts: Facts, sums: Sums, track: Track, track_key: TrackKey | None = None
    ) -> None:
        self.model, self.provider, self.day = line.model, line.provider, line.ts[:10]
        self.billing, self.scope = line.billing.copy(), line.scope.copy()
        self.flags, self.is_known = line.flags, line.usage.known
        self.facts, self.sums, self.counts, self.track = facts, sums, sums.counts, track
        self.track_key, self.places = track_key, dict[CellKey, int]()
        self.bands: dict[int, Sums] = {}
        self.odd, self.automatic = False, facts.automatic and line.usage.known
        self.edge = -1 if self.automatic else facts.edges[0] if facts.edges else NEVER


class Groups:
    """The groups of one log. `known` may be read, and is emptied when it is full."""

    def __init__(self, counting: Counting, options: ReportOptions, source: str) -> None:
        window = (options.since, options.until, options.split_at)
        self._open = window == (None, None, None)
        self.plain = options.by in _PLAIN and self._open
        self.decode: Callable[[bytes], AnyLine] = _decode_few if self.plain else _decode_wide
        self._slices = BlockSlices()
        self.known: dict[str | Name, Group] = {}
        self._counting, self._ledger, self._options, self._source = counting, counting.ledger, options, source
        self._row = row_of_lines(options.by)
        self._watched = options.by == "session" or options.by.startswith(LABEL)
        self._kinds: dict[tuple[object, ...], _Kind | None] = {}
        self._turns = counting.turns
        self.sorting = counting.turns is not None
        self._low, self._width, self._before = "", 0, float("-inf")
        self._tied: tuple[str, set[int]] = ("", set())
        self.stamp = ""

    @property
    def few(self) -> bool:
        """Whether lines are read as most logs have them."""
        return self.decode is _decode_few

    def again(self, raw: bytes, number: int) -> AnyLine | None:
        """A line that was refused, read as any line of ours may be; None for one that has gone the tolerant way."""
        if self.few:
            try:
                line = _decode(raw)
            except REFUSED:
                pass
            else:
                self.decode = _decode
                return line
        self.tolerant(raw, number)
        return None

    def tolerant(self, raw: bytes, number: int) -> None:
        """A line the way of all other logs. `stamp` says when its call began, as the lines around it would write it."""
        self.stamp = ""
        if raw.isspace():
            return
        self._make_room()
        if len(raw) > LONGEST_LINE:
            self._counting.add(BadLine(number, f"a line of more than {LONGEST_LINE:,} bytes", self._source))
            return
        call = read_line(number, raw, self._source)
        if self._counting.add(call) and isinstance(call, Call) and call.ts is not None:
            self.stamp = _stamp(call.ts, self._width) if self._width else ""
            self._before = max(self._before, call.ts)

    def check_order(self, group: Group, ts: str, high: str, newest: Group | None) -> str:
        """The latest time after a line that does not simply come later than all before. Raises OutOfOrderError where
        the line should have come before another one, or one of its track has the very same time."""
        if not self._width:
            self._width = len(ts)
            if not self.sorting and moment(ts) <= self._before:
                raise OutOfOrderError
        self._low = min(self._low or ts, ts)
        if self.sorting or not high:
            return max(high, ts)
        if len(ts) != self._width or ts < high:
            raise OutOfOrderError
        if ts == high:
            if self._tied[0] != ts:
                self._tied = (ts, set() if newest is None else {id(newest.track)})
            if id(group.track) in self._tied[1] or newest is None:
                raise OutOfOrderError
            self._tied[1].add(id(group.track))
        return ts

    def _make_room(self) -> None:
        if len(self.known) > _MOST or self._ledger.is_full():
            self.known.clear()
            if self._ledger.is_full():
                self._ledger.settle()

    def name(self, raw: bytes, number: int, line: AnyLine) -> Name | None:
        """The name of a line's group; None for a line that is done with."""
        wide = self._wide(raw, line)
        if wide is None or line.ts[-1:] != "Z" or _COST in bytes(wide.meta) or not self._fingerprinted(wide):
            self.tolerant(raw, number)
            return None
        side = "" if self._open else side_of(self._options, moment(line.ts))
        if side is None:
            self._ledger.tally["left out: outside of the window"] += 1
            return None
        row = self._row(wide)
        if self._watched:
            self._ledger.row(row, moment(wide.ts), wide.labels)
        own_meta = loaded(bytes(wide.meta)) if wide.provider == BEDROCK and not wide.family else None
        body = body_of(wide.provider, wide.family, own_meta)
        wide.request, wide.meta, wide.blocks = None, NOTHING, NOTHING  # raw slices hold the whole line
        return Name(wide.family or UNASSIGNED, wide.family or wide.prefix_id, row, side, body)

    def _fingerprinted(self, line: WideLine) -> bool:
        """Fills in what the line's request tells, as far as it is asked for; False where only the slower way can."""
        by_prefix = self._options.by == "prefix" and not line.prefix_id
        if (line.family and not by_prefix) or (line.request is None and not line.blocks):
            return True
        if line.blocks or line.request is None:
            return False
        teller = Teller(line.provider, line.api, line.model, bytes(line.scope))
        names = self._slices.names(teller, line.request, family=not line.family, prefix=by_prefix)
        if names is not None:
            line.family, line.prefix_id = line.family or names[0], line.prefix_id or names[1]
        return names is not None

    def _wide(self, raw: bytes, line: AnyLine) -> WideLine | None:
        if isinstance(line, WideLine):
            return line
        self.decode = _decode_wide  # lines without a family are mostly not alone
        try:
            return _decode_wide(raw)
        except REFUSED:
            return None

    def group(self, key: str | Name, line: AnyLine) -> Group:
        """The group that a line belongs to, from now on known under its key."""
        self._make_room()
        name = key if isinstance(key, Name) else self._plain_name(key, line)
        kind = self._kind(line)
        if kind is None:
            group = self.known[key] = _odd(line, self._counting.facts(line.model, line.provider))
            return group
        context, host, facts, period = kind.context, kind.host, kind.facts, kind.period
        judged = bool(name.track) and line.usage.known
        cell = CellKey(
            "call",
            line.usage.known,
            judged,
            line.provider,
            line.model,
            host,
            context[0],
            0,
            period,
            name.family,
            name.row,
            name.side,
            name.body,
        )
        scope = context[1]
        track = TrackKey(name.track, line.provider, line.model, host, scope.region, scope.account)
        found = self._ledger.track(track) if judged and not self.sorting else Track()
        group = self.known[key] = Group(line, facts, self._ledger.sums(cell, kind.midnight), found, track)
        return group

    def _kind(self, line: AnyLine) -> _Kind | None:
        """What the rare fields of a line say, looked up once; None where its call is for the tolerant way."""
        own_meta = (
            line.model,
            line.provider,
            line.ts[:10],
            bytes(line.billing),
            bytes(line.scope),
            line.flags,
            line.status,
        )
        if own_meta not in self._kinds:
            if len(self._kinds) >= _MOST:
                self._kinds.clear()
            self._kinds[own_meta] = _kind_of(line, self._counting)
        return self._kinds[own_meta] if line.ts[-1:] == "Z" else None

    def _plain_name(self, family: str, line: AnyLine) -> Name:
        rows = {"family": family, "model": line.model, "day": line.ts[:10], "provider": line.provider}
        return Name(family, family, rows[self._options.by] or UNASSIGNED, "", body_of(line.provider, family, None))

    def special(self, group: Group, total: int) -> list[int]:
        """The counts of the cell for a prompt of so many tokens."""
        band = group.facts.band(total)
        sums = group.bands.get(band)
        if sums is None:
            sums = group.bands[band] = self._ledger.sums(group.sums.key._replace(band=band), group.sums.at)
        if group.automatic:
            sums.counts[CACHEABLE] += group.facts.cacheable(total)
        return sums.counts

    def other_writes(self, counts: list[int], usage: Counts | Few) -> None:
        """Sums the writes that are not for five minutes."""
        counts[4] += usage.write_1h
        counts[5] += usage.write_30m
        counts[6] += usage.write_12h
        counts[7] += usage.write_unknown

    def look(self, group: Group, line: AnyLine, total: int) -> None:
        """A call of so many input tokens that may have missed."""
        sums = group.sums
        if not sums.key.judged:
            return
        if total > group.edge and group.facts.edges:
            sums = group.bands.get(group.facts.band(total)) or sums
        if self.few and _rewritten(line, group.track, sums):
            return
        loss = group.track.look(line.attempt(sums.key))
        if loss is not None:
            sums.lose(loss)

    def wait(self, group: Group, line: AnyLine, total: int) -> None:
        """A call of so many input tokens waits for its turn."""
        key = group.sums.key
        if self._turns is None or not key.judged or group.track_key is None:
            return
        if total > group.edge and group.facts.edges:
            key = key._replace(band=group.facts.band(total))
        place = group.places.get(key)
        if place is None:
            place = group.places[key] = self._turns.place(group.track_key, key)
        self._turns.add(line.attempt(key), line.waited(), place)

    def first(self, group: Group, line: AnyLine) -> None:
        """The first call of a track that leaves an entry: where it read anything, it may have missed."""
        if line.usage.read and group.track.size:
            self.look(group, line, line.total())

    def seen(self, high: str) -> None:
        """The latest time, and the earliest: as text they are in order to the second."""
        if high:
            self._ledger.seen(moment(f"{(self._low or high)[:19]}Z"))
            self._ledger.seen(moment(f"{high[:19]}Z"))


def _stamp(ts: float, width: int) -> str:
    """A time in so many characters, as text that is in order beside others of the same length."""
    try:
        exact = datetime.fromtimestamp(ts, UTC).isoformat(timespec="microseconds")[:26]
    except (ValueError, OverflowError, OSError):
        return ""
    return exact[: width - 1].ljust(width - 1, "0") + "Z"


def _odd(line: AnyLine, facts: Facts) -> Group:
    key = CellKey("call", False, False, "", "", "", billing_of(None), 0, 0, "", "", "")
    group = Group(line, facts, Sums(key, None), Track())
    group.odd, group.edge = True, -1
    return group


def _kind_of(line: AnyLine, counting: Counting) -> _Kind | None:
    billing, scope = billing_of(loaded(bytes(line.billing))), scope_of(loaded(bytes(line.scope)))
    host, midnight = host_of(billing, scope.host, line.provider), seconds(line.ts[:10])
    facts = counting.facts(line.model, host)
    period = None if midnight is None else facts.period_of_day(midnight)
    if midnight is None or period is None or kind_of(line.flags, line.status) != "call":
        return None
    return _Kind((billing, scope), host, facts, period, midnight)


def _rewritten(line: AnyLine, track: Track, sums: Sums) -> bool:
    """The common miss, decided as `Track.look` would and without a detour: nothing was read, all was written again, and
    what the last call left lives and can be read. False for any other."""
    last, usage = track.last, line.usage
    if usage.read or not usage.write_5m or not isinstance(last, (Line, FewLine)):
        return False
    before, now = moment(last.ts), moment(line.ts)
    if before + last.waited() / 1000 > now or not within(DEFAULT_TTL, now - before):
        return False
    sums.lose_written(SURE if last.usage.write_5m else 300, min(track.size, usage.write_5m))
    return True
