"""Many logs in one pull: a TOML file of roles, regions and groups or buckets.

    [[source]]
    name = "shop"                                       # for messages; optional, as all keys are
    role_arn = "arn:aws:iam::111122223333:role/reader"  # or profile = "shop"
    region = ["us-east-1", "eu-west-1"]
    log_group = "/bedrock/calls"                        # or s3 = "s3://bucket/prefix"; neither: as Bedrock is set up

Each key takes a text or a list of texts; a list stands for a source each, and several lists for all combinations.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import product
from pathlib import Path

from cachekit.core.errors import InputError, UsageError
from cachekit.pull.wish import Place, PullSource

KEYS = ("name", "role_arn", "profile", "region", "log_group", "s3")
_LISTS = KEYS[1:]


def read_sources(path: Path) -> tuple[PullSource, ...]:
    """The sources of a file, in its order. Raises InputError for a file that is no TOML, and UsageError for one that
    says something else."""
    try:
        tree = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except (ValueError, RecursionError) as error:
        place = re.search(r"line (\d+)", str(error))
        where = f"{path}:{place[1]}" if place else str(path)
        raise InputError("is not valid TOML", where=where, mend="look at this line and the one before") from None
    _check_keys(tree, ("source",), path)
    tables = tree.get("source")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise UsageError("names no sources", where=str(path), mend="write each under [[source]]")
    found = tuple(source for table in tables for source in _sources(table, path))
    if len(set(found)) < len(found):
        raise UsageError("names a source twice", where=str(path))
    return found


def _sources(table: Mapping[str, object], path: Path) -> Iterator[PullSource]:
    """The sources of one table: every combination of what it lists."""
    _check_keys(table, KEYS, path)
    name = table.get("name", "")
    if not isinstance(name, str):
        raise UsageError("name expects text", where=str(path))
    lists = [_texts(table, key, path) for key in _LISTS]
    many = any(len(texts) > 1 for texts in lists)
    for role, profile, region, group, s3 in product(*lists):
        told = " ".join(part for part in (name, region, group or s3, role, profile) if part) if many and name else name
        yield PullSource(Place(region, profile, role), group, s3, told)


def _texts(table: Mapping[str, object], key: str, path: Path) -> tuple[str | None, ...]:
    value = table.get(key)
    if value is None:
        return (None,)
    listed = value if isinstance(value, list) else [value]
    texts = tuple(text for text in listed if isinstance(text, str) and text)
    if not texts or len(texts) < len(listed):
        raise UsageError(f"{key} expects a text or a list of texts", where=str(path))
    return texts


def _check_keys(table: Mapping[str, object], known: tuple[str, ...], path: Path) -> None:
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, 1)
            mend = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise UsageError(f"unknown key {key[:40]}", where=str(path), mend=mend)
