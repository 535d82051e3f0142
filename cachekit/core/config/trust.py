"""What a configuration may do that somebody else wrote: a file is found by walking upwards from the working folder, and
that folder may have been cloned. It must not send a key to its own address, nor reach files outside of its folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from cachekit.core.config.values import Config, WarmScope
from cachekit.core.model.errors import UsageError

FILE_NAME = "allowed.json"


def check_allowed(config: Config, *, scopes: bool, log: bool, allowed: Path) -> None:
    """Raises UsageError for what a file may only do once its user allowed it. `scopes`, `log`: what of it is used;
    `allowed`: where the allowed files are kept, see `allowed_path`."""
    found = list(reaches_out(config, scopes=scopes, log=log))
    if found and not is_allowed(config, allowed):
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise UsageError(
            f"the configuration was found and not named, and {found[0]}{more}",
            where=str(config.file),
            hint="read it, then run `cachekit config allow`, or pass --allow-config",
        )


def reaches_out(config: Config, *, scopes: bool = True, log: bool = True) -> Iterator[str]:
    """What leaves the machine, or the folder of the file, because the file says so."""
    if config.file is None:
        return
    folder = config.file.resolve().parent
    ours = log and config.log is not None and config.origin.get("defaults.log") == str(config.file)
    if ours and config.log is not None and not config.log.resolve().is_relative_to(folder):
        yield "its defaults.log is outside of its folder"
    for number, scope in enumerate(config.scopes if scopes else ()):
        yield from _of_scope(scope, f"warm.scope[{number}]", folder)


def _of_scope(scope: WarmScope, name: str, folder: Path) -> Iterator[str]:
    if scope.base_url is not None:
        yield f"its {name}.base_url says where requests and keys are sent"
    if scope.request is not None and not scope.request.resolve().is_relative_to(folder):
        yield f"its {name}.request is outside of its folder"


def allowed_path() -> Path:
    """Where a user keeps the files that were allowed."""
    from platformdirs import user_config_path

    return user_config_path("cachekit", appauthor=False) / FILE_NAME


def is_allowed(config: Config, allowed: Path) -> bool:
    """Whether the file was allowed as it is now: one that changed since is asked for again."""
    return config.file is not None and _read(allowed).get(str(config.file.resolve())) == _digest(config.file)


def allow(config: Config, allowed: Path) -> None:
    """Remembers the file as it is now. Raises OSError where that cannot be written."""
    if config.file is None:
        return
    entries = {**_read(allowed), str(config.file.resolve()): _digest(config.file)}
    allowed.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(allowed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        json.dump(entries, file, indent=1)


def _read(allowed: Path) -> dict[str, object]:
    try:
        found = json.loads(allowed.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""
