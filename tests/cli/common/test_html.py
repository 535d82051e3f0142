"""Pages: one valid file each, all figures in it, nothing fetched, nothing of a name that could be markup."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachekit.cli.common.html import Cell, Part, cards, heading, key, lead, notes, page, table, warning
from cachekit.cli.common.text import Column
from tests.golden import ROOT, run

LOG = "fixtures/logs/calls.ndjson"
VOID = {"meta"}
ALLOWED = set(
    "html head meta title style body header main footer h1 h2 p strong span dl div dt dd ul li i table thead tbody "
    "tfoot tr th td".split()
)
KINDS = [
    pytest.param(("report", LOG), id="report"),
    pytest.param(("report", LOG, "--by", "model", "--split-at", "2026-11-18", "--fail-under", "0.9"), id="a gate"),
    pytest.param(("report", LOG, "--by", "cause"), id="report by cause"),
    pytest.param(("replay", LOG, "--strategy", "none", "--by", "family"), id="replay"),
    pytest.param(("replay", LOG, "--best"), id="the best replay"),
]


class Page(HTMLParser):
    """What a browser would see: its text by tag, the attributes, and whether every tag is closed in its place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.attributes: list[tuple[str, str | None]] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)
            if "tr" in self.open and self.rows[-1]:
                self.rows[-1][-1] += data


def made(*arguments: str) -> str:
    done = run(*arguments, "--format", "html")
    assert done.exit_code in (0, 1), done.stderr
    return done.stdout


@pytest.mark.parametrize("arguments", KINDS)
def test_a_page_is_one_valid_file_that_fetches_and_runs_nothing(arguments: tuple[str, ...]) -> None:
    text = made(*arguments)
    found = Page(text)
    assert text.startswith("<!DOCTYPE html>\n<html lang=")
    assert set(found.tags) <= ALLOWED
    assert [found.tags.count(tag) for tag in ("html", "head", "body", "title", "h1", "main")] == [1] * 6
    assert not {"src", "href", "srcset", "action"} & {name for name, _ in found.attributes}
    assert not any(name.startswith("on") for name, _ in found.attributes)
    assert "url(" not in text
    assert "@import" not in text
    assert "://" not in text
    assert "prefers-color-scheme: dark" in text


def test_the_same_log_gives_the_same_page() -> None:
    assert made("report", LOG) == made("report", LOG)


def test_the_page_holds_the_figures_of_the_report() -> None:
    found = Page(made("report", LOG))
    report = json.loads(run("report", LOG, "--format", "json").stdout)
    assert found.texts["strong"] == [f"${report['avoidable_usd_a_month']:.2f} a month"]
    assert f"{report['total']['hit_ratio'] * 100:.1f} %" in found.texts["dd"]
    total = dict(zip(found.rows[0], found.rows[-1], strict=True))
    assert total["family"] == "total"
    assert total["calls"] == f"{report['total']['calls']:,}"
    assert total["read"] == f"{report['total']['tokens']['read']:,}"
    assert total["cost"] == f"${report['total']['cost_usd']:.2f}"
    assert [row[0] for row in found.rows[1:-1]] == [row["name"] for row in report["rows"]]


def test_the_page_of_a_replay_holds_every_strategy() -> None:
    found = Page(made("replay", LOG, "--strategy", "none", "--strategy", "as-sent+ttl=1h"))
    names = [row[0] for row in found.rows]
    assert {"recorded", "as-sent", "none", "as-sent+ttl=1h"} <= set(names)


def test_what_a_threshold_says_stands_on_the_page() -> None:
    assert "failed: " in made("report", LOG, "--fail-under", "0.99")


NASTY = "<script>alert(1)</script>&\"'><img src=x onerror=alert(1)>\u202e"


@pytest.fixture
def nasty(tmp_path: Path) -> Path:
    """A log whose names are markup and whose request holds a prompt."""
    block = {"type": "text", "text": "SECRET PROMPT " * 900, "cache_control": {"type": "ephemeral"}}
    asked = [{"role": "user", "content": "SECRET QUESTION"}]
    request = {"model": NASTY, "max_tokens": 9, "system": [block], "messages": asked}
    lines = [
        {
            "v": 1,
            "ts": f"2026-11-16T09:0{minute}:00Z",
            "provider": "anthropic",
            "api": "messages",
            "model": NASTY if minute else "claude-sonnet-4-6",
            "family": NASTY,
            "labels": {"team": NASTY},
            "usage": {"uncached": 9, "read": 0, "write_5m": 3000, "output": 5},
            "request": request,
        }
        for minute in range(4)
    ]
    path = tmp_path / "calls.ndjson"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


NASTY_KINDS = [
    pytest.param(("report",), id="report"),
    pytest.param(("report", "--by", "model"), id="by model"),
    pytest.param(("report", "--by", "label.team", "--split-at", "2026-11-16T09:02:00Z"), id="by label"),
    pytest.param(("report", "--by", "cause"), id="by cause"),
    pytest.param(("replay", "--by", "family", "--strategy", "none", "--best"), id="replay"),
]


@pytest.mark.parametrize("arguments", NASTY_KINDS)
def test_names_are_text_and_prompts_are_not_there(arguments: tuple[str, ...], nasty: Path) -> None:
    text = made(*arguments, str(nasty))
    found = Page(text)
    assert set(found.tags) <= ALLOWED
    assert "<script" not in text
    assert "onerror" not in {name for name, _ in found.attributes}
    assert "\u202e" not in text
    assert "SECRET" not in text


@pytest.mark.parametrize("arguments", NASTY_KINDS)
def test_names_are_text_in_markdown_too(arguments: tuple[str, ...], nasty: Path) -> None:
    done = run(*arguments, str(nasty), "--format", "markdown")
    assert done.exit_code == 0
    assert "<script" not in done.stdout.replace("\\<", "")


def test_unknown_figures_are_words_and_not_bars(tmp_path: Path) -> None:
    line = {"v": 1, "ts": "2026-11-16T09:00:00Z", "provider": "openai", "model": "nobody-knows", "usage": {"output": 3}}
    path = tmp_path / "calls.ndjson"
    path.write_text(f"{json.dumps(line)}\n", encoding="utf-8")
    found = Page(made("report", str(path)))
    row = dict(zip(found.rows[0], found.rows[-1], strict=True))
    assert found.texts["strong"] == ["not established"]
    assert (row["hit ratio"], row["cost"]) == ("unknown", "unpriced")
    assert found.tags.count("i") == 0


def test_a_page_is_written_to_a_file(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    done = run("report", LOG, "--format", "html", "-o", str(target))
    assert (done.exit_code, done.stdout) == (0, "")
    assert target.read_text(encoding="utf-8") == made("report", LOG)


TEXT = st.text(max_size=30)
COLUMNS = (Column("name"), Column("count", number=True), Column("words", wrap=True))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=4), TEXT, st.floats(-1, 10))
def test_no_text_and_no_share_breaks_a_page(rows: list[tuple[str, str, str]], word: str, share: float) -> None:
    cells = [[Cell(text, (Part(share, "read"),)) for text in row] for row in rows]
    parts = [lead(word, word, word), cards([(word, word)]), heading(word), notes([word]), warning(word)]
    found = Page(
        page(word, word, [*parts, key([("read", word)]), table(COLUMNS, cells, cells[0] if cells else ())], [word])
    )
    assert set(found.tags) <= ALLOWED
    assert all(0 <= float(value[6:-1]) <= 100 for name, value in found.attributes if name == "style" and value)


def test_the_styles_come_with_the_package() -> None:
    assert (ROOT / "cachekit" / "cli" / "common" / "page.css").is_file()
