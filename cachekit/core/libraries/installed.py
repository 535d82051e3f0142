"""The release of an installed package, by the name of its metadata folder: importlib.metadata answers the same after
10 ms of imports, a tenth of a small audit."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable

_END = ".dist-info"


def release(package: str, folders: Iterable[str] | None = None) -> str | None:
    """The release of a package as the index names it, None where it is not installed. `folders` are those that Python
    imports from, by default; the first that has it counts, as it does for an import."""
    wanted = _canonical(package)
    for folder in sys.path if folders is None else folders:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.endswith(_END):
                found, _, version = name.removesuffix(_END).rpartition("-")
                if _canonical(found) == wanted:
                    return version
    return None


def _canonical(name: str) -> str:
    """Names that differ in case or in dots, hyphens and underscores are the same package (PEP 503)."""
    return re.sub(r"[-_.]+", "_", name).lower()
