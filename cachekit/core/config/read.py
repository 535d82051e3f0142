"""Reading the configuration: a TOML file and the environment, every key checked. find.py says what wins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from cachekit.core.config.keys import BY_MODEL, FREE, PATH, SINGLE, SUPPRESS, WARM_SCOPE, Kind
from cachekit.core.config.values import PREFIX, PROJECT, Config, Suppression, WarmScope
from cachekit.core.model.errors import InputError, UsageError

ELSEWHERE = frozenset({"CACHEKIT_DIGEST_KEY"})
"""Variables that are read where they are used, and never shown."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A value as read: its key path and where it comes from."""

    path: tuple[str, ...]
    value: object
    source: str


def configured(path: Path | None, env: Mapping[str, str]) -> Config:
    """The configuration of a file, if there is one, under the environment."""
    values = list(_from_file(path)) if path else []
    values += _from_environment(env)
    return _assembled(values, path)


def read_suppressions(path: Path) -> tuple[Suppression, ...]:
    """The suppressions of a file beside a request, which holds nothing else."""
    tree = _tree(path)
    for name in tree:
        _check_key(name, ("suppress",), path, ())
    return _assembled(list(_suppressions(path, tree.get("suppress", []))), path).suppressions


def has_our_table(path: Path, text: bytes) -> bool:
    """Whether a pyproject.toml has `[tool.cachekit]`."""
    return "cachekit" in _table(_parse(path, text), "tool")


def _tree(path: Path) -> Mapping[str, object]:
    try:
        return _parse(path, path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None


def _from_file(path: Path) -> Iterator[_Value]:
    tree = _tree(path)
    if path.name == PROJECT:
        tree = _table(_table(tree, "tool"), "cachekit")
    known = (*SINGLE, *BY_MODEL, *FREE, "warm", "suppress")
    for name, table in tree.items():
        _check_key(name, known, path, ())
        if name == "suppress":
            yield from _suppressions(path, table)
            continue
        if not isinstance(table, dict):
            raise _wrong(path, (name,), "a table", table)
        yield from _from_table(path, name, table)


def _from_table(path: Path, name: str, table: Mapping[str, object]) -> Iterator[_Value]:
    if name in SINGLE:
        yield from _fixed(path, (name,), table, SINGLE[name])
    elif name in FREE:
        yield from _fixed(path, (name,), table, dict.fromkeys(table, FREE[name]))
    elif name in BY_MODEL:
        for model, row in table.items():
            if not isinstance(row, dict):
                raise _wrong(path, (name, model), "a table", row)
            yield from _fixed(path, (name, model), row, BY_MODEL[name])
    else:
        yield from _scopes(path, table)


def _scopes(path: Path, table: Mapping[str, object]) -> Iterator[_Value]:
    for key in table:
        _check_key(key, ("scope",), path, ("warm",))
    for index, scope in enumerate(_tables(path, ("warm", "scope"), table.get("scope", []))):
        yield from _fixed(path, ("warm", f"scope[{index}]"), scope, WARM_SCOPE)


def _suppressions(path: Path, listed: object) -> Iterator[_Value]:
    for index, entry in enumerate(_tables(path, ("suppress",), listed)):
        name = f"suppress[{index}]"
        for key in ("rule", "reason"):
            if key not in entry:
                hint = "a suppression names its rule, and says why"
                raise UsageError(f"{name} has no {key}", where=str(path), hint=hint)
        yield from _fixed(path, (name,), entry, SUPPRESS)


def _tables(path: Path, keys: tuple[str, ...], listed: object) -> list[Mapping[str, object]]:
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise _wrong(path, keys, f"a list of tables, each under [[{'.'.join(keys)}]]", listed)
    return listed


def _fixed(
    path: Path, above: tuple[str, ...], table: Mapping[str, object], kinds: Mapping[str, Kind]
) -> Iterator[_Value]:
    """The values of a table whose keys are known."""
    for key, value in table.items():
        _check_key(key, tuple(kinds), path, above)
        read = kinds[key].read(value)
        if read is None:
            raise _wrong(path, (*above, key), kinds[key].name, value)
        if kinds[key] is PATH:
            read = path.absolute().parent / Path(str(read)).expanduser()
        yield _Value((*above, key), read, str(path))


def _from_environment(env: Mapping[str, str]) -> Iterator[_Value]:
    for table, kinds in SINGLE.items():
        for key, kind in kinds.items():
            name = f"{PREFIX}{key.upper()}"
            if not env.get(name):
                continue
            read = kind.read(_as_number(env[name])) if kind.read(env[name]) is None else kind.read(env[name])
            if read is None:
                raise UsageError(f"expects {kind.name}", where=name)
            yield _Value((table, key), Path(str(read)).expanduser().absolute() if kind is PATH else read, name)


def unknown_variables(env: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Variables of ours by their prefix that mean nothing to us, each with the one that may have been meant, or ""."""
    known = [name.removeprefix(PREFIX).lower() for name in ELSEWHERE] + [
        key for kinds in SINGLE.values() for key in kinds
    ]
    ours = {name: name.removeprefix(PREFIX).lower() for name in sorted(env) if name.startswith(PREFIX)}
    near = {name: _nearest(key, tuple(known)) for name, key in ours.items() if key not in known}
    return tuple((name, f"{PREFIX}{key.upper()}" if key else "") for name, key in near.items())


def _as_number(text: str) -> object:
    """Text as TOML would read it: a whole number, a decimal, or the text itself."""
    if re.fullmatch(r"\d+", text):
        return int(text) if len(text) < 20 else None
    return Decimal(text) if re.fullmatch(r"\d*\.?\d+", text) else text


def _parse(path: Path, text: bytes) -> Mapping[str, object]:
    """TOML as a tree, numbers exact. What is wrong with it is recognised by line, without quoting it."""
    import tomllib

    try:
        return tomllib.loads(text.decode("utf-8-sig"), parse_float=Decimal)
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise InputError("is not UTF-8", where=f"{path}:{line}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place = re.search(r"line (\d+), column (\d+)", str(error))
        where = f"{path}:{place[1]}:{place[2]}" if place else f"{path}:{text.count(bytes([10])) + 1}"
        raise InputError("is not valid TOML", where=where, hint="look at this line and the one before") from None


def _table(tree: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = tree.get(key)
    return value if isinstance(value, dict) else {}


def _check_key(key: str, known: tuple[str, ...], path: Path, above: tuple[str, ...]) -> None:
    if key in known:
        return
    near = _nearest(key, known)
    hint = f"did you mean {near}?" if near else f"known: {', '.join(known)}"
    raise UsageError(f"unknown key {dotted((*above, key))}", where=str(path), hint=hint)


def _nearest(key: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    return next(iter(get_close_matches(key.lower(), known, 1) or get_close_matches(key, known, 1)), "")


def _wrong(path: Path, keys: tuple[str, ...], expected: str, value: object) -> UsageError:
    """A value of the wrong kind. Numbers are shown; of all else only the type, since it may be private."""
    names = {bool: "true or false", str: "this text", list: "a list", dict: "a table"}
    shown = f"{value}"[:20] if type(value) in (int, float, Decimal) else names.get(type(value), "a date")
    return UsageError(f"{dotted(keys)} expects {expected}, not {shown}", where=str(path))


def dotted(keys: tuple[str, ...]) -> str:
    """A key path as in TOML: `pricing."claude-x".input`."""
    return ".".join(key if re.fullmatch(r"[\w\[\]-]+", key) else f'"{key}"' for key in keys)


def _assembled(values: list[_Value], path: Path | None) -> Config:
    """Later values win."""
    single = {value.path[1]: value.value for value in values if value.path[0] in SINGLE}
    tables: dict[str, dict[str, dict[str, object]]] = {name: {} for name in BY_MODEL}
    free: dict[str, dict[str, object]] = {name: {} for name in FREE}
    scopes: dict[str, dict[str, object]] = {}
    suppressions: dict[str, dict[str, object]] = {}
    for value in values:
        head, key = value.path[:2]
        if head in tables:
            tables[head].setdefault(key, {})[value.path[2]] = value.value
        elif head in free:
            free[head][key] = value.value
        elif head == "warm":
            scopes.setdefault(key, {})[value.path[2]] = value.value
        elif head not in SINGLE:
            suppressions.setdefault(head, {"origin": value.source})[key] = value.value
    return Config(
        **single,  # type: ignore[arg-type]  # each was read by the kind of its key
        **tables,  # type: ignore[arg-type]
        **free,  # type: ignore[arg-type]
        scopes=tuple(WarmScope(**scope) for scope in scopes.values()),  # type: ignore[arg-type]
        suppressions=tuple(Suppression(**entry) for entry in suppressions.values()),  # type: ignore[arg-type]
        file=path,
        origin={dotted(value.path): value.source for value in values},
    )
