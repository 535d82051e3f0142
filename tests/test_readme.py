"""What the README shows is what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.readme import README, Example, begins_with, examples, run, with_rules

TEXT = README.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the fixtures, in which commands may write files; later examples read what earlier ones wrote."""
    here = tmp_path_factory.mktemp("readme")
    (here / "fixtures").symlink_to(README.parent / "fixtures")
    return here


@pytest.mark.parametrize("example", list(examples(TEXT)), ids=lambda example: example.command)
def test_a_command_of_the_readme_prints_what_is_shown(example: Example, folder: Path) -> None:
    printed = run(example.command, folder)
    assert begins_with(printed.splitlines(), example.shown), printed


def test_the_table_of_rules_is_the_rules() -> None:
    assert with_rules(TEXT) == TEXT, "run `make goldens`"


BLOCKS = """
```console
$ cachekit a
one

$ make b
two
$ cachekit c
```

```console no-run
$ cachekit d
```

```python
$ cachekit e
```
"""


def test_only_console_blocks_are_examples() -> None:
    assert list(examples(BLOCKS)) == [Example("cachekit a", ("one", "")), Example("cachekit c", ())]


MATCHES = [
    pytest.param([], True, id="nothing shown"),
    pytest.param(["a", "b"], True, id="the first lines"),
    pytest.param(["a", "...", "d"], True, id="an ellipsis in between"),
    pytest.param(["...", "d", "..."], True, id="ellipses around"),
    pytest.param(["a  ", ""], True, id="spaces at the end"),
    pytest.param(["b"], False, id="not the first line"),
    pytest.param(["a", "...", "x"], False, id="a line that never comes"),
    pytest.param(["a", "c"], False, id="a line left out in silence"),
]


@pytest.mark.parametrize(("shown", "same"), MATCHES)
def test_shown_output_is_how_the_real_one_begins(shown: list[str], same: bool) -> None:
    assert begins_with(["a", "b", "c", "d"], shown) is same
