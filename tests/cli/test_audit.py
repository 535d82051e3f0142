"""`cachekit audit`: exit codes, comparisons, suggestions, fixes, formats and inputs."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.audits import ASK, LONG, MARK, TEXT, Json, audit, claude, parsed, write

YES, NO = claude(), claude(mark=None)
UNSURE = claude(TEXT * 90)
SUSPECT = claude(f"It is now 2026-11-20T09:41:07Z. {LONG}")
"""Verdict unsure, with warnings and no error."""
HALF = claude(messages=[{**ASK, "cache_control": MARK}])
"""Verdict yes, with an error: one of two breakpoints is not read."""
AUTOMATIC = {"model": "gpt-5.1", "messages": [{"role": "system", "content": LONG * 2}, ASK]}
TOO_SHORT = {"model": "gpt-5.1", "messages": [{"role": "system", "content": TEXT * 90}, ASK]}

CODES = {
    "nothing asked": (NO, "", 0),
    "strict, yes": (YES, "--strict", 0),
    "strict, no": (NO, "--strict", 1),
    "strict, unsure": (UNSURE, "--strict", 1),
    "strict, unsure but possible": (UNSURE, "--strict=possible", 1),
    "strict, best effort": (AUTOMATIC, "--strict", 1),
    "strict, best effort is possible": (AUTOMATIC, "--strict=possible", 0),
    "strict, too short to be possible": (TOO_SHORT, "--strict=possible", 1),
    "strict, possible, no": (NO, "--strict=possible", 1),
    "strict, unsure allowed": (UNSURE, "--strict --allow-unsure", 0),
    "strict, unsure allowed, no": (NO, "--strict --allow-unsure", 1),
    "fail on errors, none": (SUSPECT, "--fail-on error", 0),
    "fail on errors, one": (NO, "--fail-on error", 1),
    "fail on warnings": (SUSPECT, "--fail-on warn", 1),
    "fail on warnings and worse": (NO, "--fail-on warn", 1),
    "fail on anything": (SUSPECT, "--fail-on info", 1),
    "fail on nothing found": (YES, "--fail-on info", 0),
    "fail on a rule": (NO, "--fail-on no-mark", 1),
    "fail on a rule that is quiet": (NO, "--fail-on ttl-order", 0),
    "fail on two": (SUSPECT, "--fail-on ttl-order --fail-on volatile-text", 1),
    "strict looks at the verdict alone": (HALF, "--strict", 0),
    "fail on an error beside a yes": (HALF, "--strict --fail-on error", 1),
    "exit zero": (NO, "--strict --exit-zero", 0),
    "exit zero, findings": (NO, "--fail-on no-mark --exit-zero", 0),
    "a rule that is not shown cannot fail": (NO, "--fail-on no-mark --ignore no-mark", 0),
    "what is not shown is strict all the same": (NO, "--strict --ignore no-mark", 1),
}


@pytest.mark.parametrize(("request_", "arguments", "code"), CODES.values(), ids=CODES)
def test_the_exit_code_is_what_was_asked_about(request_: Json, arguments: str, code: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", request_)
    assert audit(tmp_path, path, *arguments.split()).exit_code == code


WRONG = {
    "a rule nobody knows": ("--fail-on no-such", "no severity and no rule"),
    "a rule to select": ("--select no-such", "no rule 'no-such'"),
    "a rule to ignore": ("--ignore no-such", "no rule 'no-such'"),
    "a backend": ("--backend vertex", "no backend 'vertex'"),
    "a format": ("--format pdf", "no format 'pdf'"),
    "a count": ("--tokens many", "write estimate, exact or a count"),
    "a count of nothing": ("--tokens 0", "write estimate, exact or a count"),
    "unsure without strict": ("--allow-unsure", "only goes with --strict"),
    "in place without a fix": ("--in-place", "only goes with --fix"),
    "a fix in a format": ("--fix --format json", "in no --format"),
    "turns beside requests": ("--turns x.ndjson", "a conversation of its own"),
}


@pytest.mark.parametrize(("arguments", "told"), WRONG.values(), ids=WRONG)
def test_wrong_use_says_what_to_do_and_exits_2(arguments: str, told: str, tmp_path: Path) -> None:
    found = audit(tmp_path, write(tmp_path / "a.json", NO), *arguments.split())
    assert (found.exit_code, found.stdout) == (2, "")
    assert told in found.stderr


def test_no_request_at_all_is_wrong_use(tmp_path: Path) -> None:
    assert audit(tmp_path).exit_code == 2


# --- what is shown --------------------------------------------------------------------------------------------------


def shown(found: list[Json]) -> set[str]:
    return {finding["rule"] for finding in found[0]["findings"]}


def test_select_and_ignore_choose_what_is_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", SUSPECT)
    assert shown(parsed(tmp_path, path)) == {"volatile-text", "nothing-shared"}
    assert shown(parsed(tmp_path, path, "--select", "volatile-text")) == {"volatile-text"}
    assert shown(parsed(tmp_path, path, "--ignore", "volatile-text")) == {"nothing-shared"}


def test_a_verdict_that_rests_on_rules_not_shown_says_so(tmp_path: Path) -> None:
    found = audit(tmp_path, write(tmp_path / "a.json", NO), "--ignore", "no-mark")
    assert "will_cache:        False" in found.stdout
    assert "not shown, though the verdict rests on it: no-mark" in found.stdout


def test_the_plain_lines_stand_as_they_are_documented(tmp_path: Path) -> None:
    lines = audit(tmp_path, write(tmp_path / "a.json", NO), columns=None).stdout.splitlines()
    assert lines[0].startswith("backend:           anthropic")
    assert "will_cache:        False" in lines
    assert "breakpoint_count:  0" in lines
    after = lines[lines.index("reasons:") + 1]
    assert after.startswith("  [error] no-mark: ")
    assert lines[lines.index("recommendations:") + 1].startswith("  - add `cache_control=")


def test_at_80_columns_no_line_is_longer_and_no_number_is_cut(tmp_path: Path) -> None:
    requests = [SUSPECT, NO, claude(tools=[{"name": "t" * 90, "description": LONG, "input_schema": {}}]), HALF]
    out = audit(tmp_path, write(tmp_path / "a.ndjson", *requests), "--suggest").stdout
    own = [line for line in out.splitlines() if str(tmp_path) not in line]
    assert max(map(len, own)) <= 80
    assert "…" not in "".join(line for line in own if "minimum" in line or "$" in line)


def test_in_a_pipe_a_sentence_stays_on_its_line(tmp_path: Path) -> None:
    out = audit(tmp_path, write(tmp_path / "a.json", SUSPECT), columns=None).stdout
    assert max(map(len, out.splitlines())) > 120


def test_no_color_is_kept_and_force_color_is_too(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", NO)
    assert "\x1b[" not in audit(tmp_path, path).stdout
    done = subprocess.run(
        [sys.executable, "-m", "cachekit", "audit", path],
        capture_output=True,
        env={**os.environ, "FORCE_COLOR": "1", "NO_COLOR": ""},
        check=True,
    )
    assert b"\x1b[31m" in done.stdout


def test_a_request_that_is_refused_costs_nothing(tmp_path: Path) -> None:
    five = claude() | {"system": [{"type": "text", "text": f"{n} {LONG}", "cache_control": MARK} for n in range(5)]}
    out = audit(tmp_path, write(tmp_path / "a.json", five)).stdout
    assert "False (the provider refuses the request)" in out
    assert "cost of the input" not in out


def test_a_request_that_the_library_refuses_says_so(tmp_path: Path) -> None:
    request = {"modelId": "us.amazon.nova-pro-v1:0", "system": "text", "messages": []}
    assert "False (the library refuses the request)" in audit(tmp_path, write(tmp_path / "a.json", request)).stdout


COSTS = {
    "cached": (YES, "first call $", "following $"),
    "in doubt": (SUSPECT, "following $", "if it is cached"),
    "not cached": (NO, "a call, nothing of it cached", ""),
    "unpriced": (claude() | {"model": "claude-sonnet-9"}, "unpriced", "claude-sonnet-9"),
}


@pytest.mark.parametrize(("request_", "told", "also"), COSTS.values(), ids=COSTS)
def test_the_cost_is_told_as_far_as_the_verdict_goes(request_: Json, told: str, also: str, tmp_path: Path) -> None:
    out = audit(tmp_path, write(tmp_path / "a.json", request_)).stdout
    cost = " ".join(out[out.index("cost of the input") :].split())
    assert told in cost
    assert also in cost


# --- what the user configured ---------------------------------------------------------------------------------------


def test_the_users_policy_prices_and_models_are_used_and_shown_as_theirs(tmp_path: Path) -> None:
    (tmp_path / "cachekit.toml").write_text(
        '[models]\n"our-claude" = "claude-sonnet-4-6"\n'
        '[policy."claude-sonnet-4-6"]\nminimum = 100000\n'
        '[pricing."claude-sonnet-4-6"]\ninput = 1\ncache_read = 0.5\ncache_write_5m = 2\noutput = 1\n'
    )
    request = write(tmp_path / "a.json", claude() | {"model": "our-claude"})
    out = audit(tmp_path, request).stdout
    assert "our-claude = claude-sonnet-4-6 (yours)" in out
    assert "minimum 100,000 tokens (yours: minimum)" in out
    assert "(prices: yours)" in out
    assert "below the minimum of 100,000" in " ".join(out.split())
    [found] = parsed(tmp_path, request)
    assert found["policy"]["overridden"] == ["minimum"]
    assert found["cost"]["priced_by"] == "yours"


def test_the_users_backend_is_for_requests_that_do_not_tell_their_own(tmp_path: Path) -> None:
    (tmp_path / "cachekit.toml").write_text('[defaults]\nbackend = "litellm"\n')
    plain = write(tmp_path / "a.json", {"model": "anthropic/claude-sonnet-4-5", "messages": [ASK]})
    row = write(tmp_path / "b.json", {"custom_id": "a", "params": claude()})
    assert [found["backend"] for found in parsed(tmp_path, plain, row)] == ["litellm", "anthropic"]


def test_a_count_is_taken_from_the_command(tmp_path: Path) -> None:
    [found] = parsed(tmp_path, write(tmp_path / "a.json", UNSURE), "--tokens", "2000")
    assert (found["verdict"], found["tokens"]) == ("yes", {"low": 2000, "mid": 2000, "high": 2000})


# --- a request against the one before it ----------------------------------------------------------------------------

TOOLS = [{"name": name, "description": "d", "input_schema": {"a": 1, "b": 2}} for name in ("one", "two")]
BEFORE = claude(f"It is now 2026-11-20T09:41:07Z. {LONG}", tools=TOOLS)
CHANGES = {
    "a timestamp": (
        claude(f"It is now 2026-11-20T09:42:19Z. {LONG}", tools=TOOLS),
        "timestamp",
        "system[0]",
        "move the timestamp",
    ),
    "the order of tools": (BEFORE | {"tools": TOOLS[::-1]}, "tool_order", "tools[0]", "sort the tools"),
    "the order of keys": (
        BEFORE | {"tools": [{**TOOLS[0], "input_schema": {"b": 2, "a": 1}}, TOOLS[1]]},
        "key_order",
        "tools[0]",
        "fixed key order",
    ),
    "a tool": (BEFORE | {"tools": TOOLS[1:]}, "removed", "tools[0]", "send the same tools"),
    "the model": (BEFORE | {"model": "claude-opus-4-8"}, "model", "model", "keep a conversation on one model"),
}


@pytest.mark.parametrize(("after", "kind", "route", "hint"), CHANGES.values(), ids=CHANGES)
def test_what_changed_is_named_with_what_it_loses(
    after: Json, kind: str, route: str, hint: str, tmp_path: Path
) -> None:
    before = write(tmp_path / "before.json", BEFORE)
    [found] = parsed(tmp_path, write(tmp_path / "after.json", after), "--against", before)
    first = found["findings"][0]
    assert (first["rule"], first["severity"], first["route"]) == ("prefix-changed", "error", route)
    assert kind in [change["kind"] for change in found["changes"]]
    assert hint in first["recommendation"]
    assert first["tokens"] > 3000
    assert first["usd"] > 0.005
    assert found["verdict"] == "no"


def test_a_change_before_the_only_breakpoint_costs_the_whole_prefix(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": LONG}, {"type": "text", "text": TEXT * 100, "cache_control": MARK}]
    other = [parts[0], {**parts[1], "text": TEXT * 99 + "Other."}]
    before = write(tmp_path / "before.json", claude() | {"system": parts})
    [found] = parsed(tmp_path, write(tmp_path / "after.json", claude() | {"system": other}), "--against", before)
    assert 4000 < found["findings"][0]["tokens"] < 4500


def test_a_changed_setting_loses_only_what_it_spoils(tmp_path: Path) -> None:
    turns = [
        ASK,
        {"role": "assistant", "content": LONG},
        {"role": "user", "content": [{"type": "text", "text": "So?", "cache_control": MARK}]},
    ]
    before = claude(tools=TOOLS, messages=turns)
    after = before | {"tool_choice": {"type": "any"}}
    [found] = parsed(tmp_path, write(tmp_path / "a.json", after), "--against", write(tmp_path / "b.json", before))
    [lost] = [finding for finding in found["findings"] if finding["rule"] == "prefix-changed"]
    assert lost["route"] == "tool_choice"
    assert 3000 < lost["tokens"] < 5000


def test_another_question_is_no_change_of_the_prefix(tmp_path: Path) -> None:
    for name, request in (
        ("claude", claude()),
        ("gpt", {"model": "gpt-4o", "messages": [{"role": "system", "content": LONG}, ASK]}),
    ):
        other = request | {"messages": [*request["messages"][:-1], {"role": "user", "content": "And what else?"}]}
        before = write(tmp_path / f"{name}.json", request)
        [found] = parsed(tmp_path, write(tmp_path / f"{name}-2.json", other), "--against", before)
        assert "prefix-changed" not in {finding["rule"] for finding in found["findings"]}


def test_the_terminal_shows_both_sides_of_a_change_and_files_do_not(tmp_path: Path) -> None:
    before, after = write(tmp_path / "b.json", BEFORE), write(tmp_path / "a.json", CHANGES["a timestamp"][0])
    out = audit(tmp_path, after, "--against", before).stdout
    assert "before: …It is now 2026-11-20T09:41" in out
    assert "now:    …It is now 2026-11-20T09:42" in out
    assert "It is now" not in audit(tmp_path, after, "--against", before, "--format", "json").stdout
    assert "It is now" in audit(tmp_path, after, "--against", before, "--format", "json", "--show-text").stdout


def turn(*texts: str) -> Json:
    """A conversation with a breakpoint at its end."""
    messages: list[Json] = [
        {"role": "assistant" if n % 2 else "user", "content": [{"type": "text", "text": text}]}
        for n, text in enumerate(texts)
    ]
    messages[-1]["content"][0]["cache_control"] = MARK
    return claude() | {"messages": messages}


def test_turns_must_extend_each_other(tmp_path: Path) -> None:
    good = write(
        tmp_path / "good.ndjson", turn("one"), turn("one", "two", "three"), turn("one", "two", "three", "4", "5")
    )
    bad = write(
        tmp_path / "bad.ndjson", turn("one"), turn("ONE", "two", "three"), turn("ONE", "two", "three", "4", "5")
    )
    assert audit(tmp_path, "--turns", good, "--strict").exit_code == 0
    found = parsed(tmp_path, "--turns", bad)
    assert [one["verdict"] for one in found] == ["yes", "yes", "yes"]  # the system's breakpoint is read again
    assert found[1]["changes"][0]["route"] == "messages[0].content[0]"


def test_against_a_file_that_holds_no_request_is_unreadable_input(tmp_path: Path) -> None:
    path, broken = write(tmp_path / "a.json", YES), tmp_path / "b.json"
    broken.write_text("{", encoding="utf-8")
    found = audit(tmp_path, path, "--against", str(broken))
    assert (found.exit_code, found.stdout) == (2, "")
    assert "b.json: cut off: the JSON does not end" in found.stderr


# --- suggestions and fixes ------------------------------------------------------------------------------------------

CONVERSE = {
    "modelId": "us.anthropic.claude-sonnet-4-6",
    "system": [{"text": LONG}],
    "messages": [{"role": "user", "content": [{"text": "And?"}]}],
}
CHAT = {
    "model": "gpt-5.6-sol",
    "messages": [{"role": "system", "content": LONG}, ASK],
    "prompt_cache_options": {"mode": "explicit"},
}
RESPONSES = {
    "model": "gpt-5.6-sol",
    "prompt_cache_options": {"mode": "explicit"},
    "input": [{"role": "developer", "content": LONG}, ASK],
}
FIXABLE = {
    "anthropic": claude(mark=None),
    "openai-chat": CHAT,
    "openai-responses": RESPONSES,
    "bedrock-converse": CONVERSE,
    "bedrock-invoke-anthropic": {
        "modelId": "us.anthropic.claude-sonnet-4-6",
        "body": {**claude(mark=None), "system": LONG},
    },
    "anthropic-bedrock": claude(mark=None) | {"model": "us.anthropic.claude-sonnet-4-6"},
    "anthropic-bedrock-mantle": claude(mark=None) | {"model": "anthropic.claude-opus-5-5"},
    "litellm": {"model": "anthropic/claude-sonnet-4-5", "messages": [{"role": "system", "content": LONG}, ASK]},
}


@pytest.mark.parametrize("backend", FIXABLE)
def test_a_fixed_request_is_a_yes_and_keeps_its_prompt_and_its_formatting(backend: str, tmp_path: Path) -> None:
    source = tmp_path / "a.json"
    source.write_text(json.dumps(FIXABLE[backend], indent=3) + "\n\n", encoding="utf-8")
    [before] = parsed(tmp_path, str(source), "--backend", backend)
    done = audit(tmp_path, str(source), "--backend", backend, "--fix", "-o", "fixed.json", "--strict")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no -> yes" in done.stderr or "unsure -> yes" in done.stderr
    [after] = parsed(tmp_path, "fixed.json", "--backend", backend)
    assert after["verdict"] == "yes"
    assert [block["digest"] for block in after["blocks"]] == [block["digest"] for block in before["blocks"]]
    old, new = source.read_text().splitlines(), (tmp_path / "fixed.json").read_text().splitlines()
    assert len([line for line in new if line in old]) >= len(old) - 2


def test_in_place_changes_the_file_and_nothing_around_the_request(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(NO, indent=2).encode() + b"\r\n")
    assert audit(tmp_path, str(path), "--fix", "--in-place").exit_code == 0
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf{")
    assert data.endswith(b"}\r\n")
    assert b"cache_control" in data
    once = data
    assert "no edit" in audit(tmp_path, str(path), "--fix", "--in-place").stderr
    assert path.read_bytes() == once


def test_without_an_output_the_fixed_request_goes_to_stdout(tmp_path: Path) -> None:
    done = audit(tmp_path, "-", "--fix", stdin=json.dumps(NO))
    assert json.loads(done.stdout)["system"][0]["cache_control"] == {"type": "ephemeral"}


def test_a_record_is_fixed_inside(tmp_path: Path) -> None:
    row = {"custom_id": "a", "params": claude(mark=None)}
    done = audit(tmp_path, write(tmp_path / "row.json", row), "--fix")
    assert json.loads(done.stdout)["params"]["system"][0]["cache_control"]["type"] == "ephemeral"


def test_what_cannot_be_mended_is_written_as_it_is_and_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", claude("Short.", mark=None))
    done = audit(tmp_path, path, "--fix", "--strict")
    assert (done.exit_code, json.loads(done.stdout)) == (1, claude("Short.", mark=None))
    assert "no edit; verdict: no" in done.stderr
    assert "no-mark" in done.stderr


NOT_IN_PLACE = {
    "stdin": (("-",), json.dumps(NO)),
    "one of several": (("a.ndjson",), None),
    "compressed": (("a.json.gz",), None),
}


@pytest.mark.parametrize(("arguments", "stdin"), NOT_IN_PLACE.values(), ids=NOT_IN_PLACE)
def test_a_file_is_only_changed_where_that_is_safe(arguments: tuple[str], stdin: str | None, tmp_path: Path) -> None:
    write(tmp_path / "a.ndjson", NO, YES)
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps(NO).encode()))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    done = audit(tmp_path, *arguments, "--fix", "--in-place", stdin=stdin)
    assert done.exit_code == 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_suggestions_show_in_every_format(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", NO)
    assert parsed(tmp_path, path, "--suggest")[0]["suggestions"][0]["route"] == "system[0]"
    for form in ("text", "sarif", "junit", "github", "markdown"):
        out = audit(tmp_path, path, "--suggest", "--format", form).stdout
        assert "same on every call" in " ".join(out.split()), form


# --- formats --------------------------------------------------------------------------------------------------------

SECRET = "zebra-parade"
PRIVATE = claude(
    f"{SECRET} It is now 2026-11-20T09:41:07Z. {LONG}", mark=None, messages=[{**ASK, "cache_control": MARK}]
)
FORMATS = ("text", "json", "sarif", "junit", "github", "markdown")


@pytest.mark.parametrize("form", FORMATS)
def test_no_prompt_text_stands_in_a_file_that_did_not_ask_for_it(form: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", PRIVATE)
    audit(tmp_path, path, "--suggest", "--format", form, "-o", "out")
    assert SECRET not in (tmp_path / "out").read_text(encoding="utf-8")


def junit(folder: Path, *arguments: str) -> dict[str, str]:
    """The outcome of each test case by its name."""
    root = ElementTree.fromstring(audit(folder, *arguments, "--format", "junit").stdout)
    return {
        case.attrib["name"]: next((child.tag for child in case if child.tag != "system-out"), "passed")
        for case in root.iter("testcase")
    }


def test_junit_fails_on_what_the_command_fails_on(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", SUSPECT)
    assert set(junit(tmp_path, path).values()) == {"skipped", "passed"}
    assert junit(tmp_path, path, "--strict")["will_cache"] == "failure"
    assert junit(tmp_path, path, "--strict", "--allow-unsure")["will_cache"] == "skipped"
    warned = junit(tmp_path, path, "--fail-on", "warn")
    assert (warned["will_cache"], warned["volatile-text system[0]"]) == ("skipped", "failure")
    ruled = junit(tmp_path, path, "--fail-on", "nothing-shared")
    assert (ruled["volatile-text system[0]"], ruled["nothing-shared system[0]"]) == ("passed", "failure")


def test_github_marks_as_errors_what_the_command_fails_on(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", SUSPECT)
    assert "::error" not in audit(tmp_path, path, "--format", "github").stdout
    assert (
        "title=volatile-text"
        in audit(tmp_path, path, "--format", "github", "--fail-on", "warn").stdout.split("::error")[1]
    )
    assert "::error" in audit(tmp_path, path, "--format", "github", "--strict").stdout
    quiet = audit(tmp_path, path, "--format", "github", "--strict", "--select", "ttl-order").stdout
    assert "title=will_cache::will_cache: unsure" in quiet


def test_json_is_versioned_and_tells_sent_read_and_qualifying_apart(tmp_path: Path) -> None:
    request = claude(
        messages=[{**ASK, "cache_control": MARK}], tools=[{"name": "t", "input_schema": {}, "cache_control": MARK}]
    )
    done = json.loads(audit(tmp_path, write(tmp_path / "a.json", request), "--format", "json").stdout)
    assert done["schema"] == "cachekit.audit/1"
    [found] = done["requests"]
    assert len(found["sent"]) == 3
    assert [mark["qualifies"] for mark in found["read"]] == ["no", "yes"]
    assert found["breakpoint_count"] == 2


# --- inputs ---------------------------------------------------------------------------------------------------------


def test_arrays_lines_folders_globs_gzip_and_stdin_are_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "one.json", YES)
    write(tmp_path / "in" / "lines.ndjson", YES, NO)
    (tmp_path / "in" / "array.json").write_text(json.dumps([YES, NO]), encoding="utf-8")
    (tmp_path / "in" / "zip.json.gz").write_bytes(gzip.compress(json.dumps(NO).encode()))
    verdicts = [found["verdict"] for found in parsed(tmp_path, "in")]
    assert sorted(verdicts) == ["no", "no", "no", "yes", "yes", "yes"]
    assert len(parsed(tmp_path, "in/*.json")) == 3
    assert parsed(tmp_path, "-", stdin=json.dumps(YES))[0]["path"] == "-"
    names = [found["name"] for found in parsed(tmp_path, "in/array.json")]
    assert names == ["[0]", "[1]"]


def test_several_requests_end_in_a_summary(tmp_path: Path) -> None:
    out = audit(tmp_path, write(tmp_path / "a.ndjson", YES, NO, SUSPECT)).stdout
    assert out.splitlines()[-1].startswith("3 requests: 1 will cache, 1 will not, 1 unsure")


def test_a_reader_that_goes_away_leaves_no_traceback(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", *[NO] * 60)
    command = f"{sys.executable} -m cachekit audit {path} | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("a") or done.stdout
    assert done.stderr == ""


# --- who serves it ----------------------------------------------------------------------------------------------------


def test_a_host_is_known_by_any_of_its_names_and_a_typo_by_the_nearest(tmp_path: Path) -> None:
    request = {"model": "grok-4", "messages": [{"role": "system", "content": LONG}, ASK]}
    path = write(tmp_path / "grok.json", request)
    [found] = parsed(tmp_path, path, "--backend", "openai-chat", "--host", "xai")
    assert (found["verdict"], [one["rule"] for one in found["findings"]]) == ("unsure", ["best-effort", "cache-key"])
    assert "x-grok-conv-id" in found["findings"][1]["message"]
    wrong = audit(tmp_path, path, "--host", "deepseak")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "did you mean deepseek?" in wrong.stderr


def test_a_breakpoint_is_suggested_where_what_stayed_the_same_ends(tmp_path: Path) -> None:
    def request(day: str) -> Json:
        marked = {"type": "text", "text": f"Today is {day}. {LONG}", "cache_control": MARK}
        return claude() | {"system": [{"type": "text", "text": LONG}, marked]}

    before = write(tmp_path / "before.json", request("Tuesday, 1 December 2026"))
    after = write(tmp_path / "after.json", request("Wednesday, 2 December 2026"))
    [found] = parsed(tmp_path, after, "--against", before, "--suggest")
    assert [one["route"] for one in found["suggestions"]] == ["system[0]", "system[1]"]
    fixed = json.loads(audit(tmp_path, after, "--against", before, "--fix").stdout)
    assert fixed["system"][0]["cache_control"] == MARK


def test_another_tool_gets_the_remedy_of_tools(tmp_path: Path) -> None:
    more = [*TOOLS, {"name": "other", "description": "Another.", "input_schema": {"type": "object"}}]
    before = write(tmp_path / "before.json", claude(tools=TOOLS))
    [found] = parsed(tmp_path, write(tmp_path / "after.json", claude(tools=more)), "--against", before)
    assert "send the same tools on each call" in found["findings"][0]["recommendation"]


def test_what_stands_before_volatile_text_in_its_own_block_is_no_nothing(tmp_path: Path) -> None:
    text = f"{LONG}Current time: 2026-12-01T09:41:00Z. {LONG}"
    [found] = parsed(tmp_path, write(tmp_path / "a.json", claude(text)))
    [shared] = [one for one in found["findings"] if one["rule"] == "nothing-shared"]
    assert "stand before the timestamp in the same block" in shared["message"]
    assert shared["recommendation"].startswith(f"split the block at character {len(LONG) + 14:,}")
    [first] = parsed(tmp_path, write(tmp_path / "b.json", claude(f"It is now 2026-12-01T09:41:00Z. {LONG}")))
    assert "nothing stands before" in " ".join(one["message"] for one in first["findings"])


@pytest.mark.parametrize(
    ("before", "after", "remedy"),
    [
        ({"reasoning_effort": "low"}, {"reasoning_effort": "high"}, "keep one effort"),
        ({"verbosity": "low"}, {"verbosity": "high"}, "keep one verbosity"),
    ],
)
def test_a_setting_gets_the_remedy_that_fits(before: Json, after: Json, remedy: str, tmp_path: Path) -> None:
    request = {"model": "gpt-5.6-sol", "messages": [{"role": "system", "content": LONG}, ASK]}
    first = write(tmp_path / "before.json", request | before)
    [found] = parsed(tmp_path, write(tmp_path / "after.json", request | after), "--against", first)
    assert found["findings"][0]["recommendation"].startswith(remedy)
