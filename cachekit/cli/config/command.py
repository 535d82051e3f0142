"""`cachekit config`: the effective configuration, and where each value comes from."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from time import time
from typing import Annotated
from urllib.parse import urlsplit

import typer

from cachekit.cli.common.about import DISTRIBUTION, NAME, foreign_package
from cachekit.cli.common.boundary import say
from cachekit.cli.common.emit import emit
from cachekit.cli.common.text import printable, styled
from cachekit.core.config.find import load_config, read_config
from cachekit.core.config.keys import SINGLE
from cachekit.core.config.read import dotted, unknown_variables
from cachekit.core.config.values import FILE, Config
from cachekit.core.jsonio.dump import dump_json
from cachekit.core.model.errors import UsageError
from cachekit.core.pricing.ages import OLD_DAYS, ages


class Format(StrEnum):
    """How the values are written."""

    TEXT = "text"
    JSON = "json"


class Action(StrEnum):
    """What to do with the configuration."""

    SHOW = "show"
    INIT = "init"
    ALLOW = "allow"
    SCHEMA = "schema"


def config(
    action: Annotated[
        Action,
        typer.Argument(
            help="show: the values that hold; init: write a commented cachekit.toml; allow: let the file found here"
            " send to its base_url and reach outside of its folder; schema: the JSON schema, for editors."
        ),
    ] = Action.SHOW,
    path: Annotated[
        Path | None, typer.Option("--path", metavar="FILE", help="Read this file, not the nearest one upwards.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How to write the values.")] = Format.TEXT,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file.")] = None,
) -> None:
    """Show the effective configuration and where each value comes from; begin one; allow one.

    Read from the nearest cachekit.toml, or [tool.cachekit] in pyproject.toml, upwards from here. An option of a command
    wins over the environment (CACHEKIT_BACKEND and the like), which wins over the file.
    """
    if action is Action.INIT:
        _init(output or Path(FILE))
    elif action is Action.SCHEMA:
        _schema(output)
    elif action is Action.ALLOW:
        _allow(read_config(path, os.environ) if path else load_config(Path.cwd(), os.environ))
    else:
        _show(read_config(path, os.environ) if path else load_config(Path.cwd(), os.environ), form, output)


def _show(found: Config, form: Format, output: Path | None) -> None:
    for name, near in unknown_variables(os.environ):
        say(f"{name} is not used" + (f" (did you mean {near}?)" if near else ""))
    if (other := foreign_package()) is not None:
        remedy = f"pip uninstall {NAME} {DISTRIBUTION}, then pip install {DISTRIBUTION}"
        say(f"another package named {NAME} ({other}) is installed over this one: {remedy}")
    emit(_json(found) if form is Format.JSON else _text(found), output)
    oldest = max(days for _, _, days in ages(time()))
    if oldest >= OLD_DAYS and sys.stderr.isatty():  # for people: what a script prints must not depend on the day
        say(f"some of these facts are {oldest} days old: pip install --upgrade {DISTRIBUTION}")


def _init(target: Path) -> None:
    from cachekit.core.config.template import TEMPLATE

    if target.exists():
        raise UsageError(f"{target} is there already", hint="name another file with -o")
    emit(TEMPLATE, target)
    say(f"wrote {target}; take the # away from what you need")


def _schema(output: Path | None) -> None:
    from cachekit.core.config.template import schema

    emit(f"{dump_json(schema(), indent=2)}\n", output)


def _allow(found: Config) -> None:
    from cachekit.core.config.trust import allow, allowed_path, reaches_out

    if found.file is None:
        raise UsageError("no configuration was found here", hint="`cachekit config init` writes one")
    for sentence in reaches_out(found):
        say(sentence)
    allow(found, allowed_path())
    say(f"allowed until it changes: {found.file}")


def _values(found: Config) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every value that is set or could be, with its key path."""
    for name, kinds in SINGLE.items():
        for key in kinds:
            yield (name, key), getattr(found, key)
    for name, rows in (("pricing", found.pricing), ("policy", found.policy)):
        for model, row in rows.items():
            for key, value in row.items():
                yield (name, model, key), value
    for name, flat in (("models", found.models), ("labels", found.labels)):
        for key, word in flat.items():
            yield (name, key), word
    for index, scope in enumerate(found.scopes):
        for key in scope.__slots__:
            if (value := getattr(scope, key)) is not None:
                yield ("warm", f"scope[{index}]", key), _without_password(value) if key == "base_url" else value
    yield from _suppressed(found)


def _suppressed(found: Config) -> Iterator[tuple[tuple[str, ...], object]]:
    for index, entry in enumerate(found.suppressions):
        for key in ("rule", "path", "route", "reason"):
            if value := getattr(entry, key):
                yield (f"suppress[{index}]", key), value


def _text(found: Config) -> str:
    lines = [
        f"file: {found.file or 'none'}",
        f"facts: {', '.join(f'{name} of {day}' for name, day, _ in ages(time()))}",
        "",
        *(_line(dotted(keys), value, found) for keys, value in _values(found)),
    ]
    return "".join(f"{line}\n" for line in lines)


def _line(key: str, value: object, found: Config) -> str:
    """`key = value  (where it is from)`; a value is never cut, however long."""
    if value is None:
        return styled(f"{printable(key)}: not set", "dim")
    shown = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    shown = f"{value:g}" if isinstance(value, float) else printable(shown)
    origin = found.origin[key]
    source = found.file.name if found.file and origin == str(found.file) else origin
    return f"{printable(key)} = {styled(shown, 'bold')}  ({source})"


def _json(found: Config) -> str:
    from cachekit.cli.common.json_form import envelope

    values = [
        {"key": dotted(keys), "value": value, "from": found.origin.get(dotted(keys))} for keys, value in _values(found)
    ]
    return envelope("config/1", {"file": found.file, "values": values})


def _without_password(address: object) -> str:
    """An address without the name and password that may stand before its host."""
    parts = urlsplit(str(address))
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
