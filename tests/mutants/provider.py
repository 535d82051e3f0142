"""A provider of its own: counts tokens its own way and keeps its caches by the documented rules, on plain asks.

It shares no code with the package, so that what it bills is no echo of what is tested.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from hashlib import sha1

from tests.mutants.asks import Ask

TTL = {"5m": 300.0, "30m": 1800.0, "1h": 3600.0, "12h": 43200.0}
MINIMUM = {"claude-haiku-4-5": 4096, "us.amazon.nova-pro-v1:0": 1000}
IMAGE = 400
HIDDEN = 340
"""What a provider adds for the use of tools, behind the system text."""


@dataclass(frozen=True)
class Unit:
    level: str
    role: str
    kind: str
    text: str
    size: int
    mark: str | None
    message: int


@dataclass
class Entry:
    until: float
    readable: float
    ttl: float
    size: int


@dataclass
class Provider:
    """`rate`: tokens a character."""

    rate: float = 0.25
    entries: dict[str, Entry] = field(default_factory=dict)
    seen: dict[str, tuple[float, float]] = field(default_factory=dict)

    def forget(self) -> None:
        """Drops everything, as under pressure."""
        self.entries.clear()
        self.seen.clear()

    def answer(self, ask: Ask) -> dict | None:
        """Usage in the call log's names; None where the request is refused."""
        units = self.units(ask)
        total = sum(unit.size for unit in units)
        if ask.api in ("chat", "responses") and ask.model.startswith("gpt-4"):
            return self._automatic(ask, units, total)
        points = _points(ask, units)
        if len(points) > 4 and not ask.model.startswith("gpt"):
            return None
        return self._marked(ask, units, points[-4:], total)

    def units(self, ask: Ask) -> list[Unit]:
        out = [self._unit("tools", "", {**tool, "kind": "tool"}, -1) for tool in ask.body["tools"]]
        out += [self._unit("system", "system", part, -1) for part in ask.body["system"]]
        for number, message in enumerate(ask.body["messages"]):
            parts = [p for p in message["parts"] if p["kind"] != "thinking" or ask.api not in ("chat", "responses")]
            out += [self._unit("messages", message["role"], part, number) for part in parts]
        first = next((i for i, unit in enumerate(out) if unit.level == "messages"), None)
        if ask.body["tools"] and first is not None:
            out[first] = replace(out[first], size=out[first].size + HIDDEN)
        return out

    def _unit(self, level: str, role: str, part: dict, message: int) -> Unit:
        text = json.dumps({key: value for key, value in part.items() if key != "mark"})
        size = IMAGE if part["kind"] == "image" else int(len(text) * self.rate) + 3
        return Unit(level, role, part["kind"], text, size, part.get("mark"), message)

    def _marked(self, ask: Ask, units: list[Unit], points: list[tuple[int, str]], total: int) -> dict:
        keys, lengths = _keys(ask, units), _lengths(units)
        low = MINIMUM.get(ask.model, 1024)
        nova = "nova" in ask.model
        good = [(i, ttl) for i, ttl in points if lengths[i] >= low and not (nova and units[i].level == "tools")]
        read = 0
        for index, _ in reversed(good):
            found = next((i for i in _sight(ask, units, index) if self._live(keys[i], ask.at)), None)
            if found is not None:
                read = self.entries[keys[found]].size
                for i in range(found + 1):
                    if (self._live(keys[i], ask.at) and any(i == p for p, _ in good)) or i == found:
                        self.entries[keys[i]].until = ask.at + self.entries[keys[i]].ttl
                break
        usage = {"uncached": 0, "read": read, "output": 40}
        start = read
        for ttl in sorted({ttl for _, ttl in good}, key=lambda name: -TTL[name]):
            end = max(lengths[i] for i, own in good if own == ttl)
            if end > start:
                usage[f"write_{ttl}"] = end - start
                start = end
        for index, ttl in good:
            if lengths[index] > read:
                self.entries[keys[index]] = Entry(ask.at + TTL[ttl], ask.at + ask.first, TTL[ttl], lengths[index])
        usage["uncached"] = total - start
        return usage

    def _live(self, key: str, at: float) -> bool:
        entry = self.entries.get(key)
        return entry is not None and entry.until > at and entry.readable <= at

    def _automatic(self, ask: Ask, units: list[Unit], total: int) -> dict:
        """In steps of 128 tokens, which may end inside a unit."""
        keys, rolling, filled = [], sha1(_head(ask).encode()), 0
        for unit in units:
            rolling.update(f"\0{unit.level}{unit.role}".encode())
            for edge in range((filled // 128 + 1) * 128 - filled, unit.size + 1, 128):
                inner = rolling.copy()
                inner.update(unit.text[: len(unit.text) * edge // unit.size].encode())
                keys.append(inner.hexdigest())
            rolling.update(unit.text.encode())
            filled += unit.size
        depth = 0
        for key in keys:
            until, readable = self.seen.get(key, (0.0, 0.0))
            if until <= ask.at or readable > ask.at:
                break
            depth += 1
        for number, key in enumerate(keys):
            readable = self.seen[key][1] if number < depth else ask.at + ask.first
            self.seen[key] = (ask.at + 300.0, readable)
        read = min(depth * 128, total // 128 * 128)
        read = read if read >= 1024 else 0
        return {"uncached": total - read, "read": read, "output": 40}


def _head(ask: Ask) -> str:
    settings = ask.body["settings"]
    own = [ask.model, settings.get("key"), settings.get("effort") if ask.model.startswith("gpt") else None]
    return json.dumps(own)


def _keys(ask: Ask, units: list[Unit]) -> list[str]:
    settings, rolling, out, level = ask.body["settings"], sha1(_head(ask).encode()), [], ""
    claude = not ask.model.startswith("gpt")
    extra = {
        "system": [settings.get("speed")],
        "messages": [settings.get(name) for name in ("choice", "thinking", "effort")]
        + [any(unit.kind == "image" for unit in units)],
    }
    for unit in units:
        if unit.level != level:
            order = ["tools", "system", "messages"]
            for name in order[order.index(level) + 1 if level else 0 : order.index(unit.level) + 1]:
                if claude and name in extra:
                    rolling.update(json.dumps(extra[name]).encode())
            level = unit.level
        rolling.update(f"\0{unit.level}{unit.role}{unit.text}".encode())
        out.append(rolling.copy().hexdigest())
    return out


def _lengths(units: list[Unit]) -> list[int]:
    out, so_far = [], 0
    for unit in units:
        so_far += unit.size
        out.append(so_far)
    return out


def _points(ask: Ask, units: list[Unit]) -> list[tuple[int, str]]:
    settings = ask.body["settings"]
    points = [(i, unit.mark) for i, unit in enumerate(units) if unit.mark]
    if "auto" in settings:
        last = max(i for i, unit in enumerate(units) if unit.kind != "thinking")
        points += [(last, settings["auto"])] if units[last].mark is None else []
    if ask.model.startswith("gpt"):
        ttl = settings.get("ttl", "30m")
        points = [(i, ttl) for i, _ in points if units[i].level != "tools"]
        if settings.get("mode") != "explicit":
            last = max(i for i, unit in enumerate(units) if unit.role in ("user", "system"))
            points = [*[p for p in points if p[0] != last][-3:], (last, ttl)]
    return sorted(points)


def _sight(ask: Ask, units: list[Unit], index: int) -> list[int]:
    """The ends of prefixes that a breakpoint finds, the nearest first."""
    if ask.model.startswith("gpt"):
        return _sight_of_openai(ask, units, index)
    out, seen, before = [], 0, ""
    for place in range(index, -1, -1):
        unit = units[place]
        run = ask.api == "messages" and unit.kind in ("call", "result") and unit.kind == before
        seen += not run
        if seen > 20:
            break
        out.append(place)
        before = unit.kind
    return out


def _sight_of_openai(ask: Ask, units: list[Unit], index: int) -> list[int]:
    implicit = ask.body["settings"].get("mode") != "explicit"
    out, ends = [index], 0
    for place in range(index - 1, -1, -1):
        unit, after = units[place], units[place + 1]
        end = unit.level != "tools" and (unit.message, unit.level) != (after.message, after.level)
        ends += end
        if unit.mark or (implicit and end and (ends <= 20 or unit.level == "system")):
            out.append(place)
    return out
