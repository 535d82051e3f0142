"""CONTRIBUTING.md says what each kind of change touches. Each test adds a toy in a copy of the package, in just the
places that the guide names, and sees it at work."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = "The keeper of the harbour reads the ledger of the valve aloud. " * 400


@dataclass(frozen=True, slots=True)
class House:
    """A copy of the package that a test may change."""

    root: Path

    def write(self, path: str, text: str) -> None:
        """A new file."""
        target = self.root / "cachekit" / path
        assert not target.exists()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def change(self, path: str, before: str, after: str) -> None:
        """A line of a file, found by how it begins."""
        target = self.root / "cachekit" / path
        text = target.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times in {path}"
        target.write_text(text.replace(before, after), encoding="utf-8")

    def run(self, *arguments: str) -> str:
        """What a command of the copy prints."""
        env = {**os.environ, "PYTHONPATH": str(self.root), "XDG_CACHE_HOME": str(self.root / "cache")}
        command = [sys.executable, "-m", "cachekit", *arguments]
        done = subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def file(self, name: str, value: object) -> str:
        """A JSON file beside the copy."""
        (self.root / name).write_text(json.dumps(value), encoding="utf-8")
        return name


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    shutil.copytree(ROOT / "cachekit", tmp_path / "cachekit", ignore=shutil.ignore_patterns("__pycache__"))
    yield House(tmp_path)
    shutil.rmtree(tmp_path, ignore_errors=True)


def claude(model: str = "claude-sonnet-4-6") -> dict[str, object]:
    """A request with a long marked system prompt."""
    block = {"type": "text", "text": TEXT, "cache_control": {"type": "ephemeral"}}
    return {"model": model, "max_tokens": 9, "system": [block], "messages": [{"role": "user", "content": "Which?"}]}


PATHS = re.compile(r"`((?:cachekit/|core/|cli/|client/|auditing/|report/|warm/|tracker/)[\w/]*(?:/|\.py|\.json))`")


@pytest.mark.parametrize("paper", ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"])
def test_a_place_that_a_paper_names_is_there(paper: str) -> None:
    named = set(PATHS.findall((ROOT / paper).read_text(encoding="utf-8")))
    toys = {path for path in named if path.endswith(("/x.py", "/x/"))}
    places = {path: ROOT / "cachekit" / path.removeprefix("cachekit/") for path in named - toys}
    assert not [path for path, place in places.items() if not place.exists()]


RULE = '''"""Rule loud-harbour."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity
from cachekit.core.model.prompt import Prompt


@rule(Severity.INFO)
def loud_harbour(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A harbour that is read aloud."""
    for block in prompt.blocks:
        if "harbour" in str(block.raw):
            yield Hit("a harbour is read aloud here", block.route)
'''


def test_a_rule_is_a_module_and_a_line(house: House) -> None:
    house.write("core/auditors/rules/loud_harbour.py", RULE)
    house.change(
        "core/auditors/rules/__init__.py",
        "RULES: tuple[Rule, ...] = (\n",
        "from cachekit.core.auditors.rules.loud_harbour import loud_harbour\n\n"
        "RULES: tuple[Rule, ...] = (\n    loud_harbour,\n",
    )
    assert "a harbour is read aloud here" in house.run("audit", house.file("request.json", claude()))
    assert "A harbour that is read aloud." in house.run("rules", "loud-harbour")


LIBRARY = '''"""Toy: a library that sends what it is given, but for breakpoints of one hour, which it drops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cachekit.core.libraries.library import Library
from cachekit.core.libraries.placing import Edits, Place, place_for_anthropic
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Note


def detect(request: Mapping[str, object]) -> tuple[Backend, ...] | None:
    """By the key that only its requests have."""
    return (Backend.TOY,) if "toy" in request else None


def translate(request: Mapping[str, object], version: str) -> Wire:
    """All but its own key."""
    body = {key: value for key, value in request.items() if key != "toy"}
    note = Note("dropped", "toy", f"Toy {version} has a mind of its own", "leave `toy` out")
    return Wire(Backend.ANTHROPIC, body, notes=(note,))


TOY = Library(
    name="toy",
    backends=(Backend.TOY,),
    measured=("1.0.0",),
    detect=detect,
    place_breakpoint=place_for_anthropic,
    translate="cachekit.core.libraries.toy:translate",
    observe="cachekit.auditing.observe.native:run",
)
'''


def test_a_library_is_a_folder_a_value_and_a_backend(house: House) -> None:
    house.write("core/libraries/toy/__init__.py", LIBRARY)
    registry = "core/libraries/__init__.py"
    house.change(registry, "LIBRARIES = (\n", "LIBRARIES = (\n    TOY,\n")
    after = "from cachekit.core.libraries.library import Library\n"
    house.change(registry, after, f"{after}from cachekit.core.libraries.toy import TOY\n")
    house.change("core/model/backends.py", '    LITELLM = "litellm"\n', '    LITELLM = "litellm"\n    TOY = "toy"\n')
    shown = house.run("audit", house.file("request.json", {**claude(), "toy": True}))
    assert "toy (toy 1.0.0)" in shown
    assert "Toy 1.0.0 has a mind of its own" in shown
    assert "leave `toy` out" in shown


def test_a_library_that_forgets_a_part_fails_at_once_with_its_name(house: House) -> None:
    house.write("core/libraries/toy/__init__.py", LIBRARY.replace("    detect=detect,\n", ""))
    house.change("core/model/backends.py", '    LITELLM = "litellm"\n', '    LITELLM = "litellm"\n    TOY = "toy"\n')
    env = {**os.environ, "PYTHONPATH": str(house.root)}
    command = [sys.executable, "-c", "import cachekit.core.libraries.toy"]
    done = subprocess.run(command, cwd=house.root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "'detect'" in done.stderr


REFUSAL = {
    "id": "toy-point",
    "rule": "provider-refuses",
    "when": "mark_in_section",
    "values": {"section": "system"},
    "hosts": ["anthropic"],
    "message": "the toy host takes no breakpoint in the system text",
    "hint": "take it out",
    "ground": "documented",
    "source": ["A-PC"],
    "checked": "2026-12-01",
}


def test_what_a_provider_refuses_is_a_row(house: House) -> None:
    house.change("core/catalog/refusals/refusals.json", '"rows": [\n', f'"rows": [\n    {json.dumps(REFUSAL)},\n')
    shown = " ".join(house.run("audit", house.file("request.json", claude())).split())
    assert "the toy host takes no breakpoint in the system text" in shown
    assert "will_cache: False" in shown


FORMAT = '''"""The toy log: `{"toy": model, "plain": tokens, "hit": tokens, "out": tokens}`."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.jsonio.json_access import count, number, text
from cachekit.core.logs.format import Format, Record, Skip, record_reader
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage


def calls(record: Record) -> Iterator[Call | Skip]:
    """The call of one line."""
    usage = Usage(uncached=count(record.get("plain")) or 0, read=count(record.get("hit")) or 0, known=True)
    yield Call(provider="anthropic", model=text(record.get("toy")) or "", usage=usage, ts=number(record.get("at")))


FORMAT = Format(
    name="toy",
    title="the toy log",
    dedup="none",
    sniff=lambda record: "toy" in record,
    read=record_reader("toy", calls),
)
'''


def test_a_log_format_is_a_module_and_a_line(house: House) -> None:
    house.write("core/logs/toy.py", FORMAT)
    house.change("core/logs/sniff.py", "MODULES = (\n", 'MODULES = (\n    "toy",\n')
    log = house.file("toy.json", {"toy": "claude-sonnet-4-6", "at": 1_790_000_000, "plain": 1000, "hit": 3000})
    found = json.loads(house.run("report", log, "--format", "json"))
    assert (found["total"]["calls"], found["total"]["tokens"]["read"]) == (1, 3000)


NEW_MODEL = {
    "id": "claude-sonnet-9-1",
    "maker": "anthropic",
    "family": "claude",
    "line": "sonnet",
    "version": [9, 1],
    "policies": [{"host": "anthropic", "minimum": 2048, "source": ["A-PC"], "checked": "2026-12-01"}],
    "prices": [
        {
            "host": "anthropic",
            "rates": {"input": "2", "read": "0.2", "write": "2.5", "long": "4", "output": "10"},
            "source": ["A-PRICE"],
            "checked": "2026-12-01",
            "why": "newer than genai-prices",
        }
    ],
}


def test_a_new_model_with_its_price_and_its_policy_is_one_row(house: House) -> None:
    house.change("core/catalog/models.json", '"models": [\n', f'"models": [\n    {json.dumps(NEW_MODEL)},\n')
    shown = house.run("audit", house.file("request.json", claude("claude-sonnet-9-1")))
    assert "claude-sonnet-9-1 on anthropic, minimum 2,048 tokens" in shown
    assert "following $" in shown
    usage = {"input_tokens": 1_000_000, "cache_read_input_tokens": 0, "output_tokens": 0}
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-9-1", "usage": usage}
    found = json.loads(house.run("report", house.file("log.json", answer), "--format", "json"))
    assert float(found["total"]["cost_usd"]) == 2.0
