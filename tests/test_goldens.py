"""Every command prints what its golden file shows. `make goldens` writes them again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden import GOLDENS, cases, normal, written


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.relative_to(GOLDENS).with_suffix("").as_posix())
def test_a_command_prints_what_its_golden_file_shows(path: Path) -> None:
    assert written(path) == path.read_text(encoding="utf-8")


def test_release_numbers_and_paths_of_this_machine_are_no_part_of_a_golden_file() -> None:
    assert normal(f"cachekit 1.22.3 at {GOLDENS}, claude-sonnet-4-6, $1.25") == (
        "cachekit <version> at <root>/tests/goldens, claude-sonnet-4-6, $1.25"
    )
