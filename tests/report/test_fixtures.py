"""The shop's logs are what their script writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures import make_shop

NAMES = ["logs/shop.ndjson", "logs/shop-unmarked.ndjson", "baselines/shop.json"]


@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_is_what_its_script_writes(name: str, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    make_shop.main(tmp_path)
    kept = Path(make_shop.__file__).parent / name
    assert (tmp_path / name).read_bytes() == kept.read_bytes()
