"""What changed between two prompts that should share a prefix, in cache order."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest

import orjson

from cachekit.core.jsonio.json_access import mapping
from cachekit.core.model.digests import compact
from cachekit.core.model.prompt import Block, Param, Prompt, Section, compare
from cachekit.core.model.volatile import kind_at, mask, sightings
from cachekit.core.providers.draft import texts, without_markers

EXCERPT = 40
"""Characters of prompt text that are shown on each side of a divergence, where showing text is allowed."""

_STRETCH, _AROUND = 240, 80
"""Characters that a volatile sentence has at most, and beside a difference those that may tell what it is."""

_A_SENTENCE = 40
"""Characters that two texts have in common at least, where one is the other with something put in."""

_DIGIT = re.compile(r"\d")
_LETTERS = re.compile(r"[^\W\d_]{2}")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `cause`: a cause of a miss (`model_changed`, `key_changed`, `params_changed`, `prefix_changed`).
    `kind` says what sort of difference: timestamp, date, time, uuid, id, counter, key_order, tool_order, whitespace,
    image, text, inserted, removed, or the name of the param. `index` counts blocks of the later prompt, `offset`
    characters of the block's text (-1 where the text is not at hand). Excerpts hold prompt text: in memory only."""

    cause: str
    kind: str
    section: str
    route: str
    index: int
    offset: int
    detail: str
    before: str = ""
    after: str = ""


def changes(before: Prompt, after: Prompt) -> tuple[Change, ...]:
    """All differences that break the prefix, the first one in cache order first. Empty when the later prompt extends
    or repeats the earlier one."""
    found = [*_scope_changes(before, after), *_param_changes(before, after)]
    prefix = prefix_change(before, after)
    if prefix is not None:
        found.append(prefix)
    return tuple(sorted(found, key=lambda change: change.index))


def _scope_changes(before: Prompt, after: Prompt) -> list[Change]:
    found = []
    for name, cause in (
        ("model", "model_changed"),
        ("key", "key_changed"),
        ("region", "params_changed"),
        ("account", "params_changed"),
        ("host", "params_changed"),
    ):
        old, new = getattr(before.scope, name), getattr(after.scope, name)
        if old != new:
            label = "prompt_cache_key" if name == "key" else name
            found.append(Change(cause, label, "request", label, -1, -1, f"{label} changed"))
    return found


def _param_changes(before: Prompt, after: Prompt) -> list[Change]:
    old, new = {_key(p) for p in before.params}, {_key(p) for p in after.params}
    levels = {p.name: p.level for p in (*before.params, *after.params)}
    names = sorted({name for name, _ in old ^ new})
    return [
        Change("params_changed", name, levels[name], name, _level_start(after, levels[name]), -1, f"{name} changed")
        for name in names
    ]


def _key(param: Param) -> tuple[str, str]:
    return param.name, param.digest


def _level_start(prompt: Prompt, level: Section) -> int:
    """The first block that a param of this level can spoil."""
    order = tuple(Section)
    later = order[order.index(level) :]
    return next((i for i, block in enumerate(prompt.blocks) if block.section in later), len(prompt.blocks))


def prefix_change(before: Prompt, after: Prompt) -> Change | None:
    """The first block in which the later prompt departs from the earlier one; None when it extends or repeats it."""
    split = compare(before, after)
    if split is None:
        if len(after.blocks) >= len(before.blocks):
            return None
        gone = before.blocks[len(after.blocks)]
        return Change(
            "prefix_changed",
            "removed",
            gone.section,
            gone.route,
            len(after.blocks),
            -1,
            "blocks at the end were removed",
        )
    old, new = split.before, split.after
    if old is None or new is None:
        return None
    kind, offset = _kind(before, after, split.index)
    detail = _image_detail(old, new) if kind == "image" else ""
    shown = (_text(old), _text(new))
    return Change(
        "prefix_changed",
        kind,
        new.section,
        new.route,
        split.index,
        offset,
        detail or _DETAIL.get(kind, f"{kind} changed").format(route=new.route),
        *(_excerpt(text, offset) for text in shown),
    )


def _image_detail(old: Block, new: Block) -> str:
    """What to say of two images of which only the settings differ; empty where the picture does."""
    pair = [(mapping(block.raw), mapping(mapping(block.raw).get("image_url"))) for block in (old, new)]
    (before, inner), (after, inner_now) = pair
    for was, now, around in ((before, after, (inner, inner_now)), (inner, inner_now, ({}, {}))):
        settings = [key for key in ("detail", "mediaType", "media_type") if was.get(key) != now.get(key)]
        rest = [{name: value for name, value in fields.items() if name not in settings} for fields in (was, now)]
        if settings and rest[0] == rest[1] and around[0] == around[1]:
            name = settings[0]
            values = [str(fields.get(name))[:12] for fields in (was, now)]
            return f"the same picture with another `{name}`: {values[0]} before, {values[1]} now"
    return ""


_DETAIL = {
    "tool_order": "the same tools in another order",
    "key_order": "the same content with its keys in another order",
    "whitespace": "only white space differs",
    "inserted": "a new block was put before what followed",
    "removed": "a block was taken out",
    "text": "the text differs",
    "image": "the image differs (another encoding counts as another image)",
    "volatile": "the text differs in its volatile parts only",
}


def _kind(before: Prompt, after: Prompt, index: int) -> tuple[str, int]:
    old, new = before.blocks[index], after.blocks[index]
    if new.section is Section.TOOLS and _same_multiset(before, after):
        return "tool_order", -1
    moved = _moved(before.blocks[index:], after.blocks[index:])
    if moved:
        return moved, -1
    if old.raw is None or new.raw is None:
        if "image" in old.kind and "image" in new.kind:
            return "image", -1
        return ("volatile" if old.template and old.template == new.template else "text"), -1
    if _canonical(old) == _canonical(new):
        return ("key_order" if compact(old.raw) != compact(new.raw) else "text"), -1  # equal: less than all is at hand
    if "image" in old.kind and "image" in new.kind:
        return "image", -1
    return _text_kind(_text(old), _text(new))


def _same_multiset(before: Prompt, after: Prompt) -> bool:
    old, new = (Counter(b.digest for b in p.blocks if b.section is Section.TOOLS) for p in (before, after))
    return old == new


def _moved(old: tuple[Block, ...], new: tuple[Block, ...]) -> str:
    """`inserted` or `removed` where dropping one block makes the rest match for at least a block."""
    if len(new) > 1 and new[1].digest == old[0].digest and new[1].section == old[0].section:
        return "inserted"
    if len(old) > 1 and old[1].digest == new[0].digest and old[1].section == new[0].section:
        return "removed"
    return ""


def _canonical(block: Block) -> bytes:
    try:
        return orjson.dumps(orjson.loads(compact(without_markers(block.raw))), option=orjson.OPT_SORT_KEYS)
    except (ValueError, TypeError, RecursionError):  # nested deeper than the serialiser goes
        return compact(block.raw)


def _text(block: Block) -> str:
    """What is compared character by character: the shown text, or for a tool its JSON."""
    if block.raw is None:
        return ""
    if block.section is Section.TOOLS or not texts(block.raw):
        return compact(without_markers(block.raw)).decode("utf-8", "replace")
    return texts(block.raw)


def alike(before: Block, after: Block) -> bool:
    """Whether two texts are the same but for a stretch of a tenth of their length at most, for something that was put
    in or taken out, or for white space. False where their text is not at hand."""
    old, new = _text(before), _text(after)
    if not old or not new:
        return False
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    common, short, long = head + tail, *sorted((len(old), len(new)))
    put_in = common == short >= _A_SENTENCE
    return put_in or common * 10 >= 9 * long or "".join(old.split()) == "".join(new.split())


def _common(old: str, new: str) -> int:
    """How many characters two texts begin alike with."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if old[low:middle] == new[low:middle] else (low, middle - 1)
    return low


def _text_kind(old: str, new: str) -> tuple[str, int]:
    offset = next((i for i, (a, b) in enumerate(zip_longest(old, new)) if a != b), -1)
    if "".join(old.split()) == "".join(new.split()):
        return "whitespace", offset
    if mask(old) == mask(new):
        return kind_at(new, offset) or kind_at(old, offset) or "volatile", offset
    return _replaced(old, new) or "text", offset


def _replaced(old: str, new: str) -> str:
    """The kind of volatile text that was put in, taken out or replaced in an otherwise equal text; empty where
    something else differs."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    stretches = [(text, head, len(text) - tail) for text in (new, old) if len(text) - tail > head]
    if any(end - start > _STRETCH for _, start, end in stretches):
        return ""
    kinds = [_volatile_in(*stretch) for stretch in stretches]
    return kinds[0] if all(kinds) else ""


def _volatile_in(text: str, start: int, end: int) -> str:
    """The kind of the first volatile text that lies in or across a stretch."""
    left = max(0, start - _AROUND)
    for seen in sightings(text[left : end + _AROUND]):
        if left + seen.offset < end and left + seen.offset + len(seen.text) > start:
            return seen.kind
    words = _LETTERS.search(text[start:end]) is not None  # a sentence that holds a number counts nothing
    kinds = (kind_at(text, start + digit.start()) for digit in _DIGIT.finditer(text[start:end]))
    return next((kind for kind in kinds if kind and not (words and kind == "counter")), "")


def _excerpt(text: str, offset: int) -> str:
    return text[max(0, offset - EXCERPT) : offset + EXCERPT] if offset >= 0 else ""
