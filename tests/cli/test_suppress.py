"""Findings that fail nothing: known ones, of a baseline, and suppressed ones, each with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.audits import Json, audit, claude, parsed, write

DATED = "It is 2026-11-20T10:00:00Z. "
"""Text that changes at each call."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a request that fails: its prompt begins with the time of the moment."""
    (tmp_path / "requests").mkdir()
    write(tmp_path / "requests/a.json", claude(DATED + claude()["system"][0]["text"]))
    assert audit(tmp_path, "requests", "--strict").exit_code == 1
    return tmp_path


def baseline(folder: Path, *paths: str) -> Json:
    """The baseline as `--update-baseline` writes it."""
    assert audit(folder, *paths, "--baseline-findings", "known.json", "--update-baseline").exit_code == 0
    found: Json = json.loads((folder / "known.json").read_text())
    return found


KNOWN = ("--strict", "--fail-on", "warn", "--baseline-findings", "known.json")


def test_known_findings_fail_nothing_and_are_still_shown(folder: Path) -> None:
    rows = baseline(folder, "requests")["findings"]
    assert {row["path"] for row in rows} == {"requests/a.json"}
    done = audit(folder, "requests", *KNOWN)
    assert done.exit_code == 0
    assert "will_cache:        False" in done.stdout  # what is known is no less true
    assert "known, in known.json" in " ".join(done.stdout.split())


@pytest.mark.parametrize("named", ["./requests/a.json", "requests/../requests/a.json", "{folder}/requests/a.json"])
def test_a_file_is_the_same_however_it_is_named(named: str, folder: Path) -> None:
    baseline(folder, "requests")
    assert audit(folder, named.format(folder=folder), *KNOWN).exit_code == 0


def test_a_new_finding_fails(folder: Path) -> None:
    baseline(folder, "requests")
    write(folder / "requests/a.json", claude(DATED + claude()["system"][0]["text"], mark=None))
    assert audit(folder, "requests", *KNOWN).exit_code == 1


def test_a_new_request_fails(folder: Path) -> None:
    baseline(folder, "requests")
    write(folder / "requests/b.json", claude(mark=None))
    assert audit(folder, "requests", *KNOWN).exit_code == 1
    assert audit(folder, "requests/a.json", *KNOWN).exit_code == 0


def test_a_verdict_that_got_worse_fails(folder: Path) -> None:
    write(folder / "requests/a.json", claude("A prompt at the minimum. " * 170))  # 1,020 tokens, give or take
    assert parsed(folder, "requests")[0]["verdict"] == "unsure"
    baseline(folder, "requests")
    assert audit(folder, "requests", *KNOWN).exit_code == 0
    write(folder / "requests/a.json", claude("A prompt below it. " * 9))
    assert parsed(folder, "requests")[0]["verdict"] == "no"
    assert audit(folder, "requests", *KNOWN).exit_code == 1


def test_what_is_gone_is_said_and_taken_out(folder: Path) -> None:
    baseline(folder, "requests")
    write(folder / "requests/a.json", claude())
    done = audit(folder, "requests", *KNOWN)
    assert (done.exit_code, "known findings are gone" in done.stderr) == (0, True)
    rows = baseline(folder, "requests")["findings"]
    assert {row["rule"] for row in rows} & {"volatile-text", "will-cache"} == set()


def test_an_update_keeps_what_it_did_not_look_at(folder: Path) -> None:
    write(folder / "requests/b.json", claude(mark=None))
    baseline(folder, "requests")
    rows = baseline(folder, "requests/b.json")["findings"]
    assert {row["path"] for row in rows} == {"requests/a.json", "requests/b.json"}
    (folder / "requests/a.json").unlink()
    rows = baseline(folder, "requests/b.json")["findings"]
    assert {row["path"] for row in rows} == {"requests/b.json"}


def test_a_baseline_holds_no_prompt_text(folder: Path) -> None:
    baseline(folder, "requests")
    assert "harbour" not in (folder / "known.json").read_text()


BAD = {"not there": None, "no JSON": "{", "another's": '{"schema": "x", "findings": []}', "a list": "[]"}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_baseline_that_is_none_ends_in_2(text: str | None, folder: Path) -> None:
    if text is not None:
        (folder / "known.json").write_text(text)
    done = audit(folder, "requests", *KNOWN)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "known.json" in done.stderr


def test_nothing_is_written_where_not_all_could_be_read(folder: Path) -> None:
    (folder / "requests/torn.json").write_text('{"model": ')
    assert audit(folder, "requests", "--baseline-findings", "known.json", "--update-baseline").exit_code == 2
    assert not (folder / "known.json").exists()


def test_an_update_needs_its_file(folder: Path) -> None:
    assert audit(folder, "requests", "--update-baseline").exit_code == 2


# --- suppressions ---------------------------------------------------------------------------------------------------


def suppress(rule: str, reason: str = "once a day is fine", **more: str) -> str:
    keys = {"rule": rule, "reason": reason, **more}
    return "[[suppress]]\n" + "".join(f'{key} = "{value}"\n' for key, value in keys.items())


def rules_of(folder: Path) -> set[str]:
    """The rules that speak about the request, each of which would have to be suppressed."""
    return {finding["rule"] for finding in parsed(folder, "requests")[0]["findings"]}


def test_a_suppression_in_the_configuration_lets_pass(folder: Path) -> None:
    text = "".join(suppress(rule) for rule in sorted({*rules_of(folder), "will-cache"}))
    (folder / "cachekit.toml").write_text(text)
    done = audit(folder, "requests", "--strict", "--fail-on", "warn")
    assert (done.exit_code, "once a day is fine" in done.stdout) == (0, True)
    shown = parsed(folder, "requests")[0]["findings"]
    assert all(finding["suppressed"] == "once a day is fine" for finding in shown)


def test_one_beside_the_request_is_about_that_request_only(folder: Path) -> None:
    write(folder / "requests/b.json", json.loads((folder / "requests/a.json").read_text()))
    text = "".join(suppress(rule) for rule in sorted({*rules_of(folder), "will-cache"}))
    (folder / "requests/a.json.cachekit.toml").write_text(text)
    assert audit(folder, "requests/a.json", "--strict").exit_code == 0
    assert audit(folder, "requests/b.json", "--strict").exit_code == 1


@pytest.mark.parametrize(
    ("path", "code"), [("requests", 0), ("requests/*.json", 0), ("requests/a.json", 0), ("other/*.json", 1)]
)
def test_a_path_is_a_file_a_folder_or_a_pattern(path: str, code: int, folder: Path) -> None:
    (folder / "cachekit.toml").write_text(suppress("will-cache", path=path))
    assert audit(folder, "requests", "--strict").exit_code == code


def test_a_suppressed_doubt_leaves_the_others(folder: Path) -> None:
    (folder / "cachekit.toml").write_text(suppress("ttl-order"))
    done = audit(folder, "requests", "--strict")
    assert done.exit_code == 1
    assert "suppresses nothing any more: ttl-order" in done.stderr


def test_what_a_run_did_not_look_at_is_not_called_needless(folder: Path) -> None:
    (folder / "cachekit.toml").write_text(suppress("ttl-order", path="other/*.json"))
    assert "suppresses nothing" not in audit(folder, "requests", "--strict").stderr


WRONG = {
    "no reason": ('[[suppress]]\nrule = "ttl-order"\n', "suppress[0] has no reason"),
    "no rule": ('[[suppress]]\nreason = "why"\n', "suppress[0] has no rule"),
    "no such rule": (suppress("ttl-ordr"), "did you mean ttl-order?"),
    "no such key": (suppress("ttl-order", rout="x"), "did you mean route?"),
    "no list": ('[suppress]\nrule = "ttl-order"\n', "[[suppress]]"),
    "an empty reason": (suppress("ttl-order", reason=" "), "reason"),
}


@pytest.mark.parametrize("name", ["cachekit.toml", "requests/a.json.cachekit.toml"])
@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_suppression_that_is_wrong_ends_in_2(text: str, message: str, name: str, folder: Path) -> None:
    (folder / name).write_text(text)
    done = audit(folder, "requests")
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


def test_a_file_beside_holds_suppressions_only(folder: Path) -> None:
    (folder / "requests/a.json.cachekit.toml").write_text('[defaults]\nlog = "x"\n')
    assert audit(folder, "requests").exit_code == 2


@pytest.mark.parametrize("form", ["github", "gitlab", "checkstyle", "rdjson"])
def test_what_is_suppressed_is_no_issue(form: str, folder: Path) -> None:
    text = "".join(suppress(rule) for rule in sorted({*rules_of(folder), "will-cache"}))
    (folder / "cachekit.toml").write_text(text)
    assert "system" not in audit(folder, "requests", "--strict", "--format", form).stdout


def test_other_formats_keep_it_with_its_reason(folder: Path) -> None:
    baseline(folder, "requests")
    sarif = json.loads(audit(folder, "requests", *KNOWN, "--format", "sarif").stdout)
    results = sarif["runs"][0]["results"]
    assert {r["suppressions"][0]["justification"] for r in results} == {"known, in known.json"}
    junit = ElementTree.fromstring(audit(folder, "requests", *KNOWN, "--format", "junit").stdout)
    assert junit.get("failures") == "0"
