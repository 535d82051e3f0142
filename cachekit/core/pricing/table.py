"""The price table: compiled once for each version of genai-prices, kept in the user's cache folder, read in parts.

The file has a header (format, key, checksum) and one line for each section; only the sections asked for are parsed. A
file that is missing, older or damaged is compiled again; where the folder cannot be written, the table stays in memory.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from cachekit.core.catalog import models
from cachekit.core.jsonio.json_access import count, items, mapping
from cachekit.core.pricing import overlay
from cachekit.core.pricing.rows import Row, decode_row

FORMAT = 1
"""To be raised when the form of the file or the way it is compiled changes."""


@dataclass(frozen=True, slots=True)
class Table:
    """The sections as text, parsed when first asked. `problem` says why there are none."""

    lines: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    problem: str = ""
    _parsed: dict[str, Mapping[str, object]] = field(default_factory=dict, compare=False, repr=False)

    def __contains__(self, section: str) -> bool:
        return section in self.lines

    def row(self, section: str, name: str) -> Row | None:
        """The row under a name in a section."""
        if section not in self._parsed:
            self._parsed[section] = mapping(json.loads(self.lines.get(section, "{}")))
        parsed = self._parsed[section]
        index, rows = count(mapping(parsed.get("names")).get(name)), items(parsed.get("rows"))
        return decode_row(rows[index]) if index is not None and index < len(rows) else None


@lru_cache(maxsize=4)
def load_table(folder: Path | None = None) -> Table:
    """The price table, from its file or compiled. `folder` is where the file lives: the user's cache folder."""
    folder = cache_folder() if folder is None else folder
    version = installed_version()
    key = f"{FORMAT}-{version}-{_checksum_of_data():08x}"
    path = folder / f"prices-{key}.txt" if folder is not None else None
    lines = _read(path, key) if path is not None else None
    if lines is not None:
        return Table(lines, version)
    compiled, problem = _compiled()
    if path is not None and not problem:
        _write(path, key, compiled)
    return Table(compiled, version, problem)


def cache_folder() -> Path | None:
    """The user's cache folder for cachekit, as platformdirs has it; None where there is no home.

    platformdirs takes longer to import than a price takes to find, so on Linux its rule is applied here.
    """
    if not sys.platform.startswith("linux"):
        from platformdirs import user_cache_path

        return user_cache_path("cachekit", appauthor=False)
    base = os.environ.get("XDG_CACHE_HOME", "").strip() or os.path.expanduser("~/.cache")
    return Path(base) / "cachekit" if os.path.isabs(base) else None


def installed_version() -> str:
    """The installed version of genai-prices, by the name of its metadata folder: importing it takes 0.2 s, and
    importlib.metadata takes 25 ms. Without metadata, the size and time of its data; empty where it is missing."""
    spec = find_spec("genai_prices")
    if spec is None or spec.origin is None:
        return ""
    package = Path(spec.origin).parent
    start, end = "genai_prices-", ".dist-info"
    found = [name for name in os.listdir(package.parent) if name.startswith(start) and name.endswith(end)]
    if len(found) == 1:
        return found[0][len(start) : -len(end)]
    state = (package / "data.py").stat()
    return f"{state.st_size:x}.{state.st_mtime_ns:x}"


def _checksum_of_data() -> int:
    return zlib.crc32(models.PATH.read_bytes(), zlib.crc32(overlay.PATH.read_bytes()))


def _read(path: Path, key: str) -> Mapping[str, str] | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    head, _, body = content.partition(b"\n")
    if head != _head(key, body):
        return None
    pairs = (line.split("\t", 1) for line in body.decode().splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _head(key: str, body: bytes) -> bytes:
    return f"cachekit prices {key} {zlib.crc32(body):08x}".encode()


def _compiled() -> tuple[Mapping[str, str], str]:
    try:
        from cachekit.core.pricing.compile import compiled_sections

        return dict(compiled_sections()), ""
    except (ImportError, AttributeError, TypeError, ValueError, KeyError) as error:
        # a genai-prices that is missing, or newer than this code, leaves calls unpriced; it must not end an audit
        return {}, f"genai-prices could not be read ({type(error).__name__}): every call is unpriced"


def _write(path: Path, key: str, lines: Mapping[str, str]) -> None:
    """Write beside the place and move over it, so that no reader sees half a file. Failing is no loss."""
    body = "".join(f"{name}\t{line}\n" for name, line in lines.items()).encode()
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(_head(key, body) + b"\n" + body)
        beside.replace(path)
    except OSError:
        return
