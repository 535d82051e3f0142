"""The app: help, completion, colours, and an exit code for whatever goes wrong."""

from __future__ import annotations

import errno
import io
import os
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cachekit.cli.app import COMMANDS, app, coloured, load
from cachekit.cli.common.boundary import boundary
from cachekit.cli.common.emit import emit
from cachekit.cli.common.text import percent, styled
from cachekit.core.model.errors import InputError, OutsideError, UsageError
from tests.golden import run

PROMPT = "You are the keeper of the launch codes"


def ended(error: BaseException) -> int:
    """The exit code with which an error leaves the boundary."""
    with pytest.raises(typer.Exit) as caught, boundary():
        raise error
    return caught.value.exit_code


ERRORS = [
    pytest.param(UsageError("no", where="x", hint="do"), 2, "cachekit: error: x: no (do)", id="wrong use"),
    pytest.param(InputError("not JSON", where="a.json:3"), 2, "cachekit: error: a.json:3: not JSON", id="bad input"),
    pytest.param(OutsideError("AWS said no"), 3, "cachekit: error: AWS said no", id="the outside"),
    pytest.param(FileNotFoundError(2, "No such file", "a"), 2, "cachekit: error: a: No such file", id="a missing file"),
    pytest.param(OSError(errno.ENOSPC, "No space left"), 3, "cachekit: error: No space left", id="a full disk"),
    pytest.param(KeyboardInterrupt(), 130, "cachekit: interrupted", id="Ctrl-C"),
    pytest.param(typer.Abort(), 130, "cachekit: interrupted", id="a question not answered"),
    pytest.param(BrokenPipeError(32, "Broken pipe"), 141, "", id="nobody reads on"),
]


@pytest.mark.parametrize(("error", "code", "line"), ERRORS)
def test_an_error_is_one_line_and_an_exit_code(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(error) == code
    assert capsys.readouterr().err == (f"{line}\n" if line else "")


@pytest.mark.parametrize("code", [0, 1, 2])
def test_an_exit_of_a_command_passes(code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(typer.Exit(code)) == code
    assert capsys.readouterr().err == ""


def test_a_bug_tells_its_type_and_place_and_no_text_of_the_prompt(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, boundary():
        percent(PROMPT)  # type: ignore[arg-type]
    line = capsys.readouterr().err
    assert caught.value.exit_code == 70
    assert line.startswith("cachekit: internal error: TypeError at cachekit/cli/common/text.py:")
    assert "(percent); please report this line" in line
    assert PROMPT not in line


def test_a_bug_outside_of_our_code_is_told_without_a_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(KeyError(PROMPT)) == 70
    assert (
        capsys.readouterr().err == "cachekit: internal error: KeyError at an unknown place; please report this line\n"
    )


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_every_command_of_the_table_exists_and_explains_itself(entry) -> None:
    assert getattr(import_module(f"cachekit.cli.{entry.name}.command"), entry.name).__doc__
    outcome = run(entry.name, "--help")
    assert outcome.exit_code == 0
    assert f"cachekit {entry.name}" in outcome.stdout
    assert all(param.help for param in load(entry.name).params if param.param_type_name == "option")


def test_help_lists_the_commands_in_their_order() -> None:
    shown = run("--help").stdout
    places = [shown.index(f"\n  {entry.name} ") for entry in COMMANDS]
    assert places == sorted(places)


USES = [
    pytest.param(["nope"], "No such command 'nope'", id="an unknown command"),
    pytest.param(["ruls"], "Did you mean 'rules'?", id="a typo in a command"),
    pytest.param(["rules", "--nope"], "No such option: --nope", id="an unknown option"),
    pytest.param(["config", "--format", "xml"], "Invalid value for '--format'", id="an unknown format"),
    pytest.param(["rules", "a", "b"], "unexpected extra argument", id="too many arguments"),
    pytest.param([], "Usage: cachekit", id="no command"),
]


@pytest.mark.parametrize(("arguments", "message"), USES)
def test_wrong_use_is_told_on_stderr_with_code_2(arguments: list[str], message: str) -> None:
    outcome = run(*arguments)
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert message in outcome.stderr


COLOURS = [
    pytest.param({}, None, id="the terminal decides"),
    pytest.param({"NO_COLOR": "1"}, False, id="NO_COLOR"),
    pytest.param({"NO_COLOR": ""}, None, id="an empty NO_COLOR says nothing"),
    pytest.param({"FORCE_COLOR": "1"}, True, id="FORCE_COLOR"),
    pytest.param({"FORCE_COLOR": "0"}, None, id="FORCE_COLOR of zero forces nothing"),
    pytest.param({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, id="NO_COLOR wins"),
    pytest.param({"TERM": "dumb"}, False, id="a dumb terminal"),
]


@pytest.mark.parametrize(("env", "wanted"), COLOURS)
def test_the_environment_decides_about_colours(env: dict[str, str], wanted: bool | None) -> None:
    assert coloured(env) is wanted


SHOWN = [
    pytest.param(["rules", "no-mark"], {}, False, id="no terminal, no colours"),
    pytest.param(["rules", "no-mark"], {"FORCE_COLOR": "1"}, True, id="forced"),
    pytest.param(["--no-color", "rules", "no-mark"], {"FORCE_COLOR": "1"}, False, id="the option wins"),
    pytest.param(["rules", "no-mark", "--no-color"], {"FORCE_COLOR": "1"}, False, id="behind the command too"),
]


@pytest.mark.parametrize(("arguments", "env", "colours"), SHOWN)
def test_colours_are_written_where_wanted(arguments: list[str], env: dict[str, str], colours: bool) -> None:
    unset = dict.fromkeys(("NO_COLOR", "FORCE_COLOR", "TERM"))
    result = CliRunner().invoke(app, arguments, env={**unset, **env})
    assert ("\x1b[" in result.stdout) is colours


def test_a_file_never_holds_colours(tmp_path: Path) -> None:
    emit(styled("text\n", "red"), tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_bytes() == b"text\n"


def test_half_a_character_does_not_end_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    emit("a\ud800b\n")
    emit("a\ud800b\n", tmp_path / "out.txt")
    assert capsys.readouterr().out == "a\\ud800b\n"
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "a\\ud800b\n"


def test_a_file_is_replaced_whole_and_keeps_its_permissions(tmp_path: Path) -> None:
    target, link = tmp_path / "out.txt", tmp_path / "link.txt"
    target.write_text("before", encoding="utf-8")
    target.chmod(0o640)
    link.symlink_to(target)
    emit("after\n", link)
    assert (target.read_text(encoding="utf-8"), target.stat().st_mode & 0o777) == ("after\n", 0o640)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.txt", "out.txt"]


def test_a_file_that_cannot_be_written_is_named_as_it_was_asked_for(tmp_path: Path) -> None:
    outcome = run("rules", "-o", str(tmp_path / "none" / "out.txt"))
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith(f"cachekit: error: {tmp_path / 'none' / 'out.txt'}: ")


def shell(line: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a line in bash with the real program, whose exit code counts in a pipe."""
    script = f"set -o pipefail; {line.replace('cachekit', f'{shlex.quote(sys.executable)} -m cachekit')}"
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env={**os.environ, **env}, check=False, timeout=60
    )


@pytest.mark.parametrize("arguments", ["rules", "--help", "config --format json"])
def test_a_reader_that_goes_away_is_nothing_to_talk_about(arguments: str) -> None:
    done = shell(f"cachekit {arguments} | (exec <&-; sleep 1)")
    assert (done.returncode, done.stderr) == (141, "")


def test_closed_streams_are_no_crash() -> None:
    assert shell("cachekit rules >&- 2>&-").returncode in (0, 141)


def test_the_program_and_the_module_are_the_same() -> None:
    assert shell("cachekit --version").stdout.startswith("cachekit ")
    assert "Usage: cachekit [OPTIONS]" in shell("cachekit --help").stdout


def test_completion_knows_commands_and_options() -> None:
    done = shell("cachekit", _CACHEKIT_COMPLETE="complete_bash", COMP_WORDS="cachekit rul", COMP_CWORD="1")
    assert done.stdout.split() == ["rules"]
    done = shell("cachekit", _CACHEKIT_COMPLETE="complete_bash", COMP_WORDS="cachekit config --pa", COMP_CWORD="2")
    assert done.stdout.split() == ["--path"]


def test_text_that_a_stream_cannot_encode_is_escaped() -> None:
    done = shell("cachekit rules lookback --format markdown", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.isascii()


def test_a_stream_without_a_file_behind_it_can_break_too(capsys: pytest.CaptureFixture[str]) -> None:
    class Gone(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    stdout, sys.stdout = sys.stdout, Gone()
    try:
        with pytest.raises(typer.Exit) as caught, boundary():
            pass
    finally:
        sys.stdout = stdout
    assert caught.value.exit_code == 141
