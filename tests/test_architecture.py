"""What the style guide asks of the whole package: one direction of imports, quick starts, rooms of a size."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "cachekit").rglob("*.py"))

SDKS = frozenset(
    {"anthropic", "openai", "boto3", "botocore", "httpx", "litellm", "strands", "pydantic_ai", "langchain_core"}
)
HEAVY = SDKS | {"rich", "pydantic", "genai_prices", "tiktoken"}
NOT_IN_CORE = SDKS | {"typer", "rich"}
"""What no module of core may import before it is used."""

ROOMS = (
    *("model", "jsonio", "catalog", "pricing", "cache", "providers", "libraries", "explain", "auditors", "logs"),
    "config",
)
"""The rooms of core; each may use those before it."""

MOST_MODULES = 15
CROWDED_ON_PURPOSE = {"cachekit/core/auditors/rules", "cachekit/core/logs"}
"""Folders in which each module is one of many of a kind."""


@dataclass(frozen=True, slots=True)
class Import:
    """A module imported by a file, `inside` a function or not."""

    path: Path
    line: int
    module: str
    inside: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.module}"


@dataclass(frozen=True, slots=True)
class Function:
    """A function and how long it is, its decorators left out."""

    path: Path
    name: str
    line: int
    length: int

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} {self.name} has {self.length} lines"


def imports_of(path: Path) -> Iterator[Import]:
    """Every import of a file, but those that only the type checker sees."""
    yield from _imports(ast.parse(path.read_text(encoding="utf-8")), path, inside=False)


def _imports(node: ast.AST, path: Path, inside: bool) -> Iterator[Import]:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return
    if isinstance(node, ast.Import):
        yield from (Import(path, node.lineno, alias.name, inside) for alias in node.names)
    if isinstance(node, ast.ImportFrom) and node.module:
        yield from (Import(path, node.lineno, f"{node.module}.{alias.name}", inside) for alias in node.names)
    inside = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, path, inside)


def functions() -> Iterator[Function]:
    """Every function of the package, inner ones too."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield Function(path, node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)


IMPORTS = [found for path in FILES for found in imports_of(path)]
FUNCTIONS = list(functions())


def layer(path: Path) -> str:
    """Where a file stands: cli, features or core. The package's own __init__ only hands out names."""
    parts = path.relative_to(ROOT / "cachekit").with_suffix("").parts
    if parts[0] in ("cli", "core"):
        return parts[0]
    return "cli" if parts[0] in ("__main__", "__init__") else "features"


def layer_of_module(module: str) -> str:
    """The layer that a module of ours belongs to; empty for others."""
    parts = module.split(".")
    if parts[0] != "cachekit" or len(parts) < 2:
        return ""
    return parts[1] if parts[1] in ("cli", "core") else "features"


BELOW = {"cli": {"cli", "features", "core"}, "features": {"features", "core"}, "core": {"core"}}


def test_imports_run_from_commands_to_features_to_core() -> None:
    wrong = [i for i in IMPORTS if (of := layer_of_module(i.module)) and of not in BELOW[layer(i.path)]]
    assert not wrong, "\n".join(map(str, wrong))


def test_core_imports_no_typer_no_rich_and_no_sdk_before_they_are_used() -> None:
    wrong = [i for i in IMPORTS if layer(i.path) == "core" and not i.inside and i.module.split(".")[0] in NOT_IN_CORE]
    assert not wrong, "\n".join(map(str, wrong))


def test_nobody_imports_click() -> None:
    wrong = [i for i in IMPORTS if i.module.split(".")[0] == "click" or i.module.startswith("typer._click")]
    assert not wrong, "\n".join(map(str, wrong))


def module_of(path: Path) -> str:
    """The dotted name of a file of ours."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_no_two_files_need_each_other() -> None:
    modules = {module_of(path) for path in FILES}
    needs: dict[str, set[str]] = {module: set() for module in modules}
    for found in IMPORTS:
        whole = found.module if found.module in modules else found.module.rpartition(".")[0]
        needs[module_of(found.path)] |= {whole} & modules - {module_of(found.path)}
    TopologicalSorter(needs).prepare()  # raises CycleError, with the circle


def room(module: str) -> str:
    """The room of core that a module belongs to; empty outside."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["cachekit", "core"] and len(parts) > 2 else ""


def test_each_room_of_core_uses_those_before_it_only() -> None:
    ours = [(i, room(module_of(i.path)), room(i.module)) for i in IMPORTS]
    wrong = [i for i, here, there in ours if here and there and ROOMS.index(there) > ROOMS.index(here)]
    assert not wrong, "\n".join(map(str, wrong))


def test_core_is_rooms_without_loose_modules() -> None:
    core = ROOT / "cachekit" / "core"
    assert {path.name for path in core.glob("*.py")} == {"__init__.py"}
    assert {path.parent.name for path in core.glob("*/__init__.py")} == set(ROOMS)


def folder_of(module: str) -> str:
    """The folder of a module; a folder inside another belongs to it."""
    parts = module.split(".")
    return ".".join(parts[: 3 if parts[1:2] == ["core"] else 2])


def test_no_two_folders_need_each_other() -> None:
    needs: dict[str, set[str]] = {}
    for found in IMPORTS:
        here, there = folder_of(module_of(found.path)), folder_of(found.module)
        if layer_of_module(found.module) and here != there and here != "cachekit":
            needs.setdefault(here, set()).add(there)
    TopologicalSorter(needs).prepare()  # raises CycleError, with the circle


def test_no_folder_is_crowded() -> None:
    sizes: dict[str, int] = {}
    for path in FILES:
        if path.name != "__init__.py":
            folder = str(path.parent.relative_to(ROOT))
            sizes[folder] = sizes.get(folder, 0) + 1
    assert not {f: n for f, n in sizes.items() if n > MOST_MODULES and f not in CROWDED_ON_PURPOSE}


LONG_ON_PURPOSE = {
    ("cachekit/cli/warm/command.py", "warm"),  # a line an option, twice, and nothing else
    ("cachekit/cli/audit/command.py", "audit"),  # the same
    # the loop over the lines of a log: a call costs as much there as summing a line does, so it makes none
    ("cachekit/report/reading/fast_fold.py", "_fold"),
}


def test_no_function_has_more_than_60_lines() -> None:
    long = [
        function
        for function in FUNCTIONS
        if function.length > 60 and (str(function.path.relative_to(ROOT)), function.name) not in LONG_ON_PURPOSE
    ]
    assert not long, "\n".join(map(str, long))


def loaded_by(code: str) -> set[str]:
    """The names of all top-level modules that an interpreter has after running code."""
    script = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint('\\n', *sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stderr.split()}


SMALL = "fixtures/audit/no-mark/clean.anthropic.json"

STARTS = [
    pytest.param("import cachekit", HEAVY | {"typer", "msgspec", "orjson"}, id="import cachekit"),
    pytest.param("from cachekit.cli.app import app; app(['--help'])", HEAVY | {"msgspec"}, id="cachekit --help"),
    pytest.param("from cachekit.cli.app import app; app(['rules'])", HEAVY | {"msgspec"}, id="cachekit rules"),
    pytest.param("from cachekit.cli.app import app; app(['config'])", HEAVY | {"msgspec"}, id="cachekit config"),
    pytest.param(
        f"from cachekit.cli.app import app; app(['audit', '{SMALL}'])",
        HEAVY | {"msgspec"},
        id="cachekit audit small.json",
    ),
]


@pytest.mark.parametrize(("code", "heavy"), STARTS)
def test_a_small_start_loads_nothing_heavy(code: str, heavy: frozenset[str]) -> None:
    assert not loaded_by(code) & heavy


PRIVATE_WORDS = frozenset("told said asked given held wish mend judgement purse settling stakes anew".split())
"""Words that say nothing of the value they name."""


def words_of(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_names_are_the_words_of_the_field() -> None:
    wrong = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [getattr(node, kind, None) for kind in ("id", "attr", "arg", "name")]
            found = {name for name in names if isinstance(name, str) and words_of(name) & PRIVATE_WORDS}
            wrong |= {f"{path.relative_to(ROOT)}: {name}" for name in found - {"held_back"}}
    assert not wrong, "\n".join(sorted(wrong))
