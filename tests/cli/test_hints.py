"""A name that is none is answered with the nearest; a thousand equal errors are one line."""

import pytest
from typer.testing import CliRunner

from cachekit.cli.app import app
from cachekit.core.logs.native_write import to_line
from tests.cli.audits import audit, claude, write
from tests.report.logs import call
from tests.report.logs import write as write_log


def run(*words: str):
    return CliRunner().invoke(app, list(words))


WRONG = {
    "--by": ("report", "LOG", "--by", "famly", "family"),
    "a format of logs": ("report", "LOG", "--input-format", "langfus", "langfuse"),
    "a format of reports": ("report", "LOG", "--format", "htm", "html"),
    "a strategy": ("replay", "LOG", "--strategy", "sugested", "suggested"),
    "a severity": ("audit", "REQUEST", "--fail-on", "eror", "error"),
    "a rule": ("audit", "REQUEST", "--select", "lookbak", "lookback"),
    "a backend": ("audit", "REQUEST", "--backend", "litelm", "litellm"),
    "a format of audits": ("audit", "REQUEST", "--format", "jsn", "json"),
    "a host": ("audit", "REQUEST", "--host", "deepseak", "deepseek"),
}


@pytest.mark.parametrize("words", WRONG.values(), ids=WRONG)
def test_the_nearest_name_is_offered(words, tmp_path) -> None:
    files = {
        "LOG": str(write_log(tmp_path / "log.ndjson", [call(0)])),
        "REQUEST": write(tmp_path / "request.json", claude()),
    }
    *command, meant = words
    done = run(*(files.get(word, word) for word in command))
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"did you mean {meant}?" in done.stderr


def test_equal_errors_are_one_line_with_a_count(tmp_path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_bytes(to_line(call(0)) * 500)
    done = audit(tmp_path, str(path))
    assert done.exit_code == 2
    [line] = done.stderr.splitlines()
    assert "500 lines from 1 to 500" in line
    assert "`cachekit report` reads logs" in line


def test_a_few_are_named_one_by_one(tmp_path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_bytes(to_line(call(0)) * 2)
    assert len(audit(tmp_path, str(path)).stderr.splitlines()) == 2
