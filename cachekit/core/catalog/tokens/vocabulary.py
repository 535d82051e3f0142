"""A tokenizer's vocabulary, where one is at hand. Nothing is ever fetched: without a file there is no vocabulary.

Looked for in this order: `CACHEKIT_VOCABULARY` (a file, or a folder of files under the names that tiktoken gives them),
then the folders in which tiktoken keeps what it has downloaded. A file counts by its content, never by its name.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.errors import UsageError

VARIABLE = "CACHEKIT_VOCABULARY"
_PIECE = 20_000
"""Characters that are encoded at once: an encoder needs much time and stack for one very long word."""

Encode = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A vocabulary that is known by name: its file in tiktoken's cache, its content, and how a text is cut."""

    name: str
    file: str
    sha256: str
    split: str


@lru_cache(maxsize=1)
def known_vocabularies() -> Mapping[str, Vocabulary]:
    """The vocabularies of vocabularies.json by name."""
    data = mapping(json.loads(Path(__file__).with_name("vocabularies.json").read_bytes()))
    rows = map(mapping, items(data.get("vocabularies")))
    return {vocabulary.name: vocabulary for vocabulary in map(_vocabulary, rows)}


def _vocabulary(row: Mapping[str, object]) -> Vocabulary:
    name, file, content = (text(row.get(key)) or "" for key in ("name", "file", "sha256"))
    return Vocabulary(name, file, content, "|".join(map(str, items(row.get("split")))))


def encoder(name: str, environment: Mapping[str, str] = os.environ) -> Encode | None:
    """What counts the tokens of a text in a vocabulary; None where it is not at hand.

    Raises UsageError where `CACHEKIT_VOCABULARY` is set and cannot serve: a setting is never ignored in silence.
    """
    setting = environment.get(VARIABLE)
    if setting:
        return _from_file(Path(setting), known_vocabularies()[name])
    if not _has_tiktoken():
        return None
    for folder in _cache_folders(environment):
        path = folder / known_vocabularies()[name].file
        if path.is_file():
            return load(path, known_vocabularies()[name])
    return None


def _from_file(path: Path, vocabulary: Vocabulary) -> Encode | None:
    """The vocabulary that the user named. A file of another known vocabulary is no error: it serves other models."""
    if not _has_tiktoken():
        raise UsageError("needs tiktoken", where=VARIABLE, hint="pip install 'llm-cachekit[tokens]'")
    if path.is_dir():
        inside = path / vocabulary.file
        return load(inside, vocabulary) if inside.is_file() else None
    if not path.is_file():
        raise UsageError("no such file or folder", where=VARIABLE, hint="give a vocabulary file, or unset it")
    digest = _digest(path, path.stat().st_mtime_ns)
    if digest not in {known.sha256 for known in known_vocabularies().values()}:
        names = ", ".join(f"{known}_base.tiktoken" for known in known_vocabularies())
        raise UsageError("not a vocabulary that is known here", where=VARIABLE, hint=f"known are {names}")
    return load(path, vocabulary) if digest == vocabulary.sha256 else None


def _cache_folders(environment: Mapping[str, str]) -> tuple[Path, ...]:
    for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if variable in environment:
            return (Path(environment[variable]),) if environment[variable] else ()
    import tempfile  # imported where it is used: every audit starts through this module

    return (Path(tempfile.gettempdir()) / "data-gym-cache",)


@lru_cache(maxsize=1)
def _has_tiktoken() -> bool:
    from importlib.util import find_spec

    return find_spec("tiktoken") is not None


def load(path: Path, vocabulary: Vocabulary) -> Encode | None:
    """The counter of a vocabulary file; None where its content is another, or cannot be read."""
    try:
        return _load(path, path.stat().st_mtime_ns, vocabulary)
    except OSError:
        return None


@lru_cache(maxsize=8)
def _digest(path: Path, changed: int) -> str:  # noqa: ARG001  a changed file is read again
    return sha256(path.read_bytes()).hexdigest()


@lru_cache(maxsize=8)
def _load(path: Path, changed: int, vocabulary: Vocabulary) -> Encode | None:
    if _digest(path, changed) != vocabulary.sha256:
        return None
    import tiktoken

    lines = (line.split() for line in path.read_bytes().splitlines() if line)
    ranks = {b64decode(token): int(rank) for token, rank in lines}
    encoding = tiktoken.Encoding(vocabulary.name, pat_str=vocabulary.split, mergeable_ranks=ranks, special_tokens={})
    return lambda prose: sum(
        len(encoding.encode_ordinary(prose[start : start + _PIECE])) for start in range(0, len(prose), _PIECE)
    )
