"""The user's configuration: the nearest `cachekit.toml`, or `[tool.cachekit]` in `pyproject.toml`, and the environment.

An option of a command wins over the environment (CACHEKIT_BACKEND and the like), which wins over the file. A key that
is not known is an error: a typo must not silently leave a threshold off.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cachekit.core.config.values import FILE, PREFIX, PROJECT, Config


def load_config(start: Path, env: Mapping[str, str]) -> Config:
    """The configuration that holds in a folder: of the nearest file upwards, under the environment."""
    return _config(find_file(start), env)


def read_config(path: Path, env: Mapping[str, str]) -> Config:
    """The configuration of one file, under the environment. A `pyproject.toml` without our table configures nothing."""
    return _config(path, env)


def find_file(start: Path) -> Path | None:
    """The nearest file that configures us, from a folder upwards; in one folder `cachekit.toml` comes first."""
    folder = start.absolute()
    for place in (folder, *folder.parents):
        if (place / FILE).is_file():
            return place / FILE
        if (place / PROJECT).is_file() and _is_ours(place / PROJECT):
            return place / PROJECT
    return None


def _is_ours(project: Path) -> bool:
    """Whether a pyproject.toml has our table. One that never names us is not parsed: if it is broken, others say so."""
    try:
        text = project.read_bytes()
    except OSError:
        return False
    if b"cachekit" not in text:
        return False
    from cachekit.core.config.read import has_our_table

    return has_our_table(project, text)


def _config(path: Path | None, env: Mapping[str, str]) -> Config:
    if path is None and not any(name.startswith(PREFIX) for name in env):
        return Config()  # most audits: nothing to read, so the reader is not even imported
    from cachekit.core.config.read import configured

    return configured(path, env)
