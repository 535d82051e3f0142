"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

TESTS = """
import os
import pytest
from cachekit import audit

def ask():
    import anthropic
    text = {"type": "text", "text": "word " * 2000, "cache_control": {"type": "ephemeral"}}
    turns = [{"role": "user", "content": "hi"}]
    anthropic.Anthropic().messages.create(model="claude-sonnet-4-6", max_tokens=1, system=[text], messages=turns)

def test_calls_are_answered(cachekit_capture):
    ask()
    audit(cachekit_capture[0]).assert_caches()

def test_each_test_has_its_own(cachekit_capture):
    assert cachekit_capture == []

@pytest.mark.cachekit_send
def test_nothing_is_lent_where_calls_are_sent(cachekit_capture):
    assert "OPENAI_API_KEY" not in os.environ

def test_without_the_fixture_nothing_is_changed():
    assert "OPENAI_API_KEY" not in os.environ
"""


def test_the_fixture_answers_calls_and_is_new_for_each_test(tmp_path: Path) -> None:
    (tmp_path / "test_app.py").write_text(TESTS)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC_", "OPENAI_"))}
    plugin = ["-p", "cachekit.pytest_plugin", "--strict-markers", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(tmp_path), *plugin, str(tmp_path)],
        cwd=ROOT,
        env={**env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )
    assert "4 passed" in done.stdout, done.stdout


def test_the_plugin_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"cachekit": "cachekit.pytest_plugin"}


def test_importing_the_plugin_imports_nothing_of_ours() -> None:
    show = "import sys, cachekit.pytest_plugin; print([m for m in sys.modules if m.startswith('cachekit.')])"
    done = subprocess.run([sys.executable, "-c", show], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['cachekit.pytest_plugin']"
