"""Text that changes from call to call: what it looks like, and how to mask it.

A template is a text with everything volatile masked. Two blocks with equal templates and unequal digests differ in
volatile text only, which is how a broken prefix is told from a new prompt.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)"
)
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?(?:\s?[AaPp]\.?[Mm]\b\.?)?"
_ZONE = r"(?:\s?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
_MONTH_DIGITS = r"(?:0?[1-9]|1[0-2])"
_DAY_DIGITS = r"(?:0?[1-9]|[12]\d|3[01])"
_DAY = (
    rf"(?:\d{{4}}[-/.]{_MONTH_DIGITS}[-/.]{_DAY_DIGITS}|{_DAY_DIGITS}[./]{_MONTH_DIGITS}[./]\d{{4}}"
    rf"|{_MONTH_DIGITS}/{_DAY_DIGITS}/\d{{4}})"
)
_WORD_DAY = rf"(?:{_MONTH}\.?\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}}|\d{{1,2}}(?:st|nd|rd|th)?\s{_MONTH}\.?,?\s\d{{4}})"

_ALONE, _END = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_KINDS: tuple[tuple[str, str], ...] = (
    ("uuid", _ALONE + "-".join(r"[0-9a-fA-F]{%d}" % n for n in (8, 4, 4, 4, 12)) + _END),  # noqa: UP031  braces
    ("timestamp", rf"(?<![\d.])(?:{_DAY}|{_WORD_DAY})(?:[T,]\s?|\s+(?:at\s)?){_CLOCK}{_ZONE}(?!\d)"),
    ("date", rf"(?<![\d./-])(?:{_DAY}|{_WORD_DAY})(?![\d/-])"),
    ("time", rf"(?<![\d:.]){_CLOCK}{_ZONE}(?![\d:])"),
    (
        "hex",
        rf"{_ALONE}(?:(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{{8,}}"
        rf"|(?=[0-9A-F]*\d)(?=[0-9A-F]*[A-F])[0-9A-F]{{8,}}){_END}",
    ),
    (
        "id",
        rf"{_ALONE}(?:[a-z]{{2,8}}[_-](?=[0-9A-Za-z]*\d)(?=[0-9A-Za-z]*[A-Za-z])[0-9A-Za-z]{{10,}}"
        rf"|01(?=[0-9A-HJKMNP-TV-Z]*[A-HJKMNP-TV-Z])[0-9A-HJKMNP-TV-Z]{{24}}){_END}",
    ),
    ("number", r"(?<![A-Za-z_])\d+(?:[.,]\d+)*"),
)
_PATTERN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _KINDS))
_MASKS = {name: f"\x01{name}\x01" for name, _ in _KINDS}


_WEEKDAY = (
    r"(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?"
    r"|(?:Mon|Diens|Donners|Frei|Sams|Sonn)tag|Mittwoch)\b"
)
_FOREIGN_MONTH = (
    r"(?:Januar|Februar|M\u00e4rz|Mai|Juni|Juli|Oktober|Dezember|janvier|f\u00e9vrier|mars|avril|mai|juin|juillet"
    r"|ao\u00fbt|septembre|octobre|novembre|d\u00e9cembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto"
    r"|septiembre|octubre|noviembre|diciembre)"
)
_LONG_DAY = (
    rf"(?:{_WEEKDAY},?\s(?:the\s)?\d{{1,2}}(?:st|nd|rd|th)?\.?\s(?:of\s)?(?:{_MONTH}|{_FOREIGN_MONTH})\b\.?(?:,?\s\d{{4}})?"
    rf"|{_WEEKDAY},?\s{_MONTH}\.?\s\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s\d{{4}})?"
    rf"|\d{{1,2}}\.?\s(?:de\s)?(?:{_MONTH}|{_FOREIGN_MONTH})\s(?:de\s)?\d{{4}}"
    r"|\d{4}\s?[\u5e74\ub144]\s?\d{1,2}\s?[\u6708\uc6d4]\s?\d{1,2}\s?[\u65e5\uc77c]"
    rf"|(?<=today is ){_MONTH}\.?\s\d{{1,2}}(?:st|nd|rd|th)?\b)"
)
_LONG = re.compile(
    rf"(?P<timestamp>{_LONG_DAY}(?:,|\sum|\sat|\s\u00e0)?\s{_CLOCK}{_ZONE}(?!\d))|(?P<date>{_LONG_DAY})"
    r"|(?<![\d:.])(?P<time>(?:[01]?\d|2[0-3])\s?h\s?[0-5]\d)(?!\w)",
    re.IGNORECASE,
)
"""Dates with a weekday and in other languages. They are no part of a template, which stays what logs hold."""

_SAYS_THE_DAY = (
    *("Today is ", "today is ", "Today's a ", "It is ", "it is ", "Heute ist ", "heute ist ", "Hoy es ", "hoy es "),
    *("Nous sommes le ", "nous sommes le ", "Oggi \u00e8 ", "\u4eca\u65e5\u306f", "\u4eca\u5929\u662f"),
)
_DAY_OF_WEEK = re.compile(
    rf"(?:a\s|now\s)?(?P<day>{_WEEKDAY}|(?:lun|mar|mercre|jeu|vendre|same)di\b|dimanche\b|lunes\b|martes\b"
    r"|mi\u00e9rcoles\b|jueves\b|viernes\b|s\u00e1bado\b|domingo\b|[\u6708\u706b\u6c34\u6728\u91d1\u571f\u65e5]\u66dc"
    r"|\u661f\u671f[\u4e00-\u65e5])",
    re.IGNORECASE,
)
"""The day of the week, where a text says that it is today's: the one volatile thing without a digit."""

_DIGITS = re.compile(r"\d\S*")
_NEXT_WORDS = re.compile(r"(?:\s+\S+){0,2}")
"""What a time may end in behind its last digit: `10:00 p.m. UTC`."""


def mask(text: str) -> str:
    """The template of a text: timestamps, dates, times, UUIDs, ids and numbers replaced by their kind."""
    parts, end = [], 0
    for start, stop in _near_digits(text):
        parts.append(text[end:start])
        parts.append(_PATTERN.sub(_masked, text[start:stop]))
        end = stop
    return "".join(parts) + text[end:] if parts else text


def _masked(match: re.Match[str]) -> str:
    return _MASKS[match.lastgroup or "number"]


def _near_digits(text: str) -> Iterator[tuple[int, int]]:
    """Where volatile text can be: around digits, for all of it has one. From the start of the word before (a month) to
    the end of the two words behind. Looking nowhere else is five times faster."""
    start = stop = -1
    for found in _DIGITS.finditer(text):
        if found.start() > stop:
            left = _word_start(text, _word_start(text, found.start()))
            if left > stop >= 0:
                yield start, stop
            start = left if stop < 0 or left > stop else start
        tail = _NEXT_WORDS.match(text, found.end())
        stop = max(stop, tail.end() if tail else found.end())
    if stop >= 0:
        yield start, stop


def _word_start(text: str, offset: int) -> int:
    """Where the word begins that ends before an offset or stands at it."""
    before = max(offset - 1, 0)
    return max(text.rfind(" ", 0, before), text.rfind("\n", 0, before)) + 1


_EPOCH = re.compile(r"1[6-9]\d{8}(?:\d{3}|[.]\d{1,9})?")
"""Seconds or milliseconds since 1970, from 2020 on."""


def kind_at(text: str, offset: int) -> str | None:
    """The kind of volatile text that covers a character, or ends or begins at it; None where there is none. A plain
    number is a counter: what else differs in a number alone from call to call."""
    start = max(0, offset - 80)
    for match in _PATTERN.finditer(text, start, offset + 80):
        if match.start() <= offset <= match.end():
            kind = match.lastgroup or "number"
            if _EPOCH.fullmatch(match.group()):
                return "timestamp"
            return {"number": "counter", "hex": "id"}.get(kind, kind)
    return None


@dataclass(frozen=True, slots=True)
class Sighting:
    """Volatile text at `offset` (characters), of a kind: timestamp, date, time, uuid, id, counter or statistic."""

    kind: str
    offset: int
    text: str


# A label that says the value after it belongs to one call: then even a plain number or an opaque token is volatile.
_ID_OWNERS = "request session trace span correlation conversation thread run message transaction invocation call"
_COUNTED = "turn step request call message iteration attempt retry counter visit query"
_LIVE = (
    "cpu memory disk load uptime balance queue active\\susers users\\sonline unread pending latency temperature "
    "tokens\\s(?:used|left|remaining) credits open\\stickets battery"
)


def _either(words: str) -> str:
    return "(?:" + "|".join(words.split()) + ")"


_LABELLED = re.compile(
    rf"\b{_either(_ID_OWNERS)}[\s_-]?id\b[\"']?\s*[:=]\s*[\"']?(?P<id>(?=[\w.:-]*\d)[0-9A-Za-z][\w.:-]{{5,}})"
    r"|\b(?:nonce|request|trace(?:parent)?|cache[\s_-]?bust(?:er)?)\b[\"']?\s*[:=]\s*[\"']?(?P<nonce>(?=[\w-]*\d)[\w-]{8,})"
    rf"|\b{_either(_COUNTED)}(?:\s?(?:number|no\.?|count|index))?\s?(?:[#:=]|\bnumber\b|\bno\.)\s?"
    r"(?P<counter>\d+)\b(?!\s?[:)])"
    rf"|\b{_either(_LIVE)}\b[^\n.;{{}}]{{0,24}}?(?:[:=]|\bis\b|\bat\b)\s?"
    r"(?P<statistic>\$?\d[\d.,]*\s?(?:%|ms|s|gb|mb|kb|°)?)",
    re.IGNORECASE,
)
_EPOCH = re.compile(r"(?<![\d.])1[6-9]\d{8}(?:\d{3}|\d{6})?(?:\.\d+)?(?!\d)")
_EPOCH_LABEL = re.compile(
    r"\b(?:ts|time|epoch|unix|now|iat|exp|nbf)\b|time(?:stamp)?\b|(?:\b|_)(?:at|since|until)\b", re.IGNORECASE
)
_NOW = re.compile(
    r"\b(?:now|today|current(?:ly)?|as of|generated|time(?:stamp)?|date(?:time)?|updated|rendered|started|built|session"
    r"|clock|nous sommes|estamos|heute|aktuell|stand|datum|jetzt|hoy|fecha|oggi|snapshot)\b|aujourd'hui"
    r"|\u4eca\u65e5|\u672c\u65e5|\u73fe\u5728|\u4eca\u5929|\u5f53\u524d|\uc624\ub298",
    re.IGNORECASE,
)

_EXAMPLE = re.compile(
    r"\b(?:e\.?g|examples?|format(?:ted)?|such as|like|iso|rfc|pattern|default|sample|deadline|since)\b", re.IGNORECASE
)


def sightings(text: str) -> Iterator[Sighting]:
    """Volatile text in a prompt, in order of offset, overlaps left out.

    A timestamp with a time of day and a UUID count as volatile wherever they stand. A bare date does only near a word
    such as today, now, current or as of: prompts are full of dates that never change. Numbers do only behind a label
    that names a counter, a live statistic or a time (an epoch); opaque ids only behind a label that ends in id.
    """
    found: list[Sighting] = []
    for start, stop in _with_labels(text):
        found += (*_plain(text, start, stop), *_labelled(text, start, stop), *_epochs(text, start, stop))
    dates = [seen.offset for seen in found]
    found += [day for day in _weekdays(text) if not any(0 <= at - day.offset < _DATE_BEHIND for at in dates)]
    end = -1
    for seen in sorted(found, key=lambda s: (s.offset, -len(s.text))):
        if seen.offset >= end:
            yield seen
            end = seen.offset + len(seen.text)


_DATE_BEHIND = 20
"""Characters in which a date may begin that a day of the week belongs to."""


def _weekdays(text: str) -> Iterator[Sighting]:
    for phrase in _SAYS_THE_DAY:
        start = text.find(phrase)
        while start >= 0:
            if day := _DAY_OF_WEEK.match(text, start + len(phrase)):
                yield Sighting("date", day.start("day"), day["day"])
            start = text.find(phrase, start + len(phrase))


_LABEL = 64
"""Characters before a value in which its label may begin."""


def _with_labels(text: str) -> list[tuple[int, int]]:
    """Where volatile text and its labels can be: all of it has a digit."""
    return _merged([(max(0, start - _LABEL), stop) for start, stop in _near_digits(text)])


def _plain(text: str, start: int, stop: int) -> Iterator[Sighting]:
    for match in (*_LONG.finditer(text, start, stop), *_PATTERN.finditer(text, start, stop)):
        kind = match.lastgroup or ""
        of_now = kind == "time" and _is_the_time(text, match)
        of_today = kind == "date" and (
            _speaks_of_now(text, match.start()) or _AS_OF_NOW.match(text, match.end()) is not None
        )
        if kind in ("hex", "id") and _TEMPORARY.search(text, max(0, match.start() - 80), match.start()):
            yield Sighting("id", match.start(), match[0])
        if kind in ("timestamp", "uuid") or of_now or of_today:
            yield Sighting(kind, match.start(), match[0])


_TIME_NOW = re.compile(
    r"\b(?:now|current(?:ly)?|today|as of|local time|system time|rendered|generated|heute|jetzt|uhrzeit"
    r"|maintenant|heure actuelle|ahora|hora actual)\b"
    r"[^.;!?]*$",
    re.IGNORECASE,
)
_AS_OF_NOW = re.compile(r"\s?(?:[\uff08(][^\uff09)]{1,4}[\uff09)])?\s?(?:\u73fe\u5728|\u65f6\u70b9|\u6642\u70b9)")
"""What Japanese and Chinese put behind a date that is of the moment."""

_TEMPORARY = re.compile(r"(?:/tmp/|/var/folders/|[\\/]Temp[\\/])[\w.\\/-]*$")
"""The folder of a run, in which a program makes files of its own."""

_IT_IS = re.compile(r"\bit(?:'s| is)\s(?:now\s|currently\s|about\s|exactly\s|almost\s|just\s)?$", re.IGNORECASE)
_RIGHT_NOW = re.compile(r"\s(?:right\s)?now\b", re.IGNORECASE)


def _is_the_time(text: str, match: re.Match[str]) -> bool:
    """Whether a time of day is that of the moment. Opening hours, deadlines and schedules stand behind the word `time`
    too, so that only words for the moment itself count."""
    before = _line_before(text, match.start())
    return any((_TIME_NOW.search(before), _IT_IS.search(before), _RIGHT_NOW.match(text, match.end())))


def _epochs(text: str, start: int, stop: int) -> Iterator[Sighting]:
    for match in _EPOCH.finditer(text, start, stop):
        if _EPOCH_LABEL.search(_line_before(text, match.start())):
            yield Sighting("timestamp", match.start(), match[0])


def _speaks_of_now(text: str, offset: int) -> bool:
    """Whether the same line, shortly before, says that the value is of the moment."""
    return _NOW.search(_line_before(text, offset)) is not None


def _line_before(text: str, offset: int) -> str:
    return text[max(0, offset - 40) : offset].rpartition("\n")[2]


def suspects(text: str, *, tool: bool = False) -> list[Sighting]:
    """Sightings that are likely to change from call to call.

    Left out: what is introduced as an example or a format, what stands in a code block, and bare timestamps and UUIDs
    in a text that holds three or more of a kind, for such a text is a record of the past and not of the moment. A
    `tool` definition is written by programmers: a bare timestamp or UUID in it is a default or an example. What is said
    to be of this very moment counts wherever it stands.
    """
    seen = [s for s in sightings(text) if not _EXAMPLE.search(_line_before(text, s.offset))]
    if not seen:
        return []
    shown = _examples(text)
    now = {s.offset for s in seen if _speaks_of_now(text, s.offset)}
    seen = [s for s in seen if s.offset in now or not _inside(s.offset, shown)]
    bare = [s.kind for s in seen if s.kind in _BARE]
    few = {kind for kind in _BARE if bare.count(kind) < 3 and not tool}
    printed = {s.offset for s in seen if tool and bare.count(s.kind) < 3 and _is_printed(text, s)}
    return [s for s in seen if s.kind not in _BARE or s.offset in now or s.offset in printed or s.kind in few]


_RFC = re.compile(r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d")
_PATH = re.compile(r"(?<![:\w/])/[\w./-]*$")


def _is_printed(text: str, seen: Sighting) -> bool:
    """Whether a program put the value into the text and no writer would: an epoch, the date line of a mail header, an
    id inside the path of a file."""
    epoch = _EPOCH.fullmatch(seen.text) or _RFC.match(seen.text)
    return bool(epoch or (seen.kind == "uuid" and _PATH.search(text, max(0, seen.offset - 80), seen.offset)))


_BARE = ("timestamp", "uuid")
_FENCE = re.compile(r"```")
_TAG = re.compile(r"<[\w-]*(?:example|sample|shot|schema|template)[\w-]*>", re.IGNORECASE)
_HEADING = re.compile(r"^#{1,6}[ \t][^\n]*", re.MULTILINE)
_INTRODUCTION = re.compile(r"^[^\n]*:[ \t]*\n", re.MULTILINE)
_SHOWS = re.compile(r"\b(?:examples?|samples?|formats?|few[- ]shots?|demonstrations?)\b", re.IGNORECASE)


def _examples(text: str) -> list[tuple[int, int]]:
    """The stretches of a text that show how something looks: code blocks, tags, sections and paragraphs of examples."""
    fences = [match.start() for match in _FENCE.finditer(text)]
    found = list(zip(fences[::2], [*fences[1::2], len(text)], strict=False))
    for match in _TAG.finditer(text):
        found.append((match.start(), _until(text, f"</{match[0][1:]}", match.end())))
    headings = list(_HEADING.finditer(text))
    ends = [*(match.start() for match in headings[1:]), len(text)]
    found += [(match.start(), end) for match, end in zip(headings, ends, strict=False) if _SHOWS.search(match[0])]
    introduced = (match for match in _INTRODUCTION.finditer(text) if _SHOWS.search(match[0]))
    found += [(match.start(), _until(text, "\n\n", match.end())) for match in introduced]
    return _merged(found)


def _merged(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


def _inside(offset: int, stretches: list[tuple[int, int]]) -> bool:
    """Whether one of the stretches, sorted and apart, holds the offset."""
    before = bisect(stretches, (offset, sys.maxsize))
    return before > 0 and offset < stretches[before - 1][1]


def _until(text: str, sign: str, start: int) -> int:
    end = text.find(sign, start)
    return len(text) if end < 0 else end


def _labelled(text: str, start: int, stop: int) -> Iterator[Sighting]:
    for match in _LABELLED.finditer(text, start, stop):
        kind = match.lastgroup or "id"
        yield Sighting("id" if kind == "nonce" else kind, match.start(kind), match[kind])
