"""What the style guide asks of the whole package: one direction of imports, quick starts, small functions."""

from __future__ import annotations

import ast
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

NOUNS = ("backends", "errors", "shape", "routes", "usage", "prompt", "findings", "calls")
"""The values that everything stands on; each may only import those before it."""


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


@pytest.mark.parametrize("noun", NOUNS)
def test_the_values_of_core_stand_on_earlier_ones_only(noun: str) -> None:
    allowed = {f"cachekit.core.{name}" for name in NOUNS[: NOUNS.index(noun)]}
    ours = [i for i in IMPORTS if i.path == ROOT / "cachekit" / "core" / f"{noun}.py" and layer_of_module(i.module)]
    wrong = [i for i in ours if i.module.rpartition(".")[0] not in allowed]
    assert not wrong, "\n".join(map(str, wrong))


LONG_ON_PURPOSE = {
    # the loop over the lines of a log: a call costs as much there as summing a line does, so it makes none
    ("cachekit/report/lean.py", "_fold"),
}


def test_no_function_has_more_than_60_lines() -> None:
    long = [
        function
        for function in FUNCTIONS
        if function.length > 60 and (str(function.path.relative_to(ROOT)), function.name) not in LONG_ON_PURPOSE
    ]
    assert not long, "\n".join(map(str, long))


@pytest.mark.parametrize(("share", "lines"), [(0.75, 20), (0.95, 40)])
def test_most_functions_are_short(share: float, lines: int) -> None:
    longer = sorted((f for f in FUNCTIONS if f.length > lines), key=lambda f: -f.length)
    assert len(longer) <= (1 - share) * len(FUNCTIONS), "\n".join(map(str, longer))


def test_no_file_has_more_than_300_lines() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert not {str(path): length for path, length in lengths.items() if length > 300}


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
