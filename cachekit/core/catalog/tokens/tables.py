"""The numbers behind the estimates: estimates.json, read once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cachekit.core.jsonio.json_access import dig, mapping


@lru_cache(maxsize=1)
def _data() -> Mapping[str, object]:
    return mapping(json.loads(Path(__file__).with_name("estimates.json").read_bytes()))


def table(*path: str) -> Mapping[str, object]:
    """The table under the keys; empty where there is none."""
    return mapping(dig(_data(), *path))
