"""The release of a package is what importlib.metadata says, only sooner."""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

import pytest

from cachekit.core.libraries.installed import release

INSTALLED = {d.name: d.version for d in distributions() if str(getattr(d, "_path", "")).endswith(".dist-info")}

FOLDERS = [
    pytest.param("pydantic-ai-slim", "2.68.0", id="a hyphen for an underscore"),
    pytest.param("PyYAML", "6.0.2", id="capitals"),
    pytest.param("zope.interface", "7.2", id="a dot"),
    pytest.param("pydantic-ai", None, id="the beginning of another name"),
    pytest.param("slim", None, id="the end of another name"),
    pytest.param("local", "1.0+cpu", id="a local release"),
]


@pytest.mark.parametrize(("package", "version"), FOLDERS)
def test_a_package_is_found_by_the_name_of_its_metadata(package: str, version: str | None, tmp_path: Path) -> None:
    for name in ("pydantic_ai_slim-2.68.0", "pyyaml-6.0.2", "zope_interface-7.2", "local-1.0+cpu"):
        (tmp_path / f"{name}.dist-info").mkdir()
    (tmp_path / "notes.txt").touch()
    assert release(package, [str(tmp_path / "none"), str(tmp_path)]) == version


@pytest.mark.parametrize("package", sorted(INSTALLED))
def test_what_is_installed_here_has_the_release_that_python_says(package: str) -> None:
    assert release(package) == INSTALLED[package]


def test_the_first_folder_counts(tmp_path: Path) -> None:
    for folder, version in (("a", "1.0"), ("b", "2.0")):
        (tmp_path / folder / f"x-{version}.dist-info").mkdir(parents=True)
    assert release("x", [str(tmp_path / "a"), str(tmp_path / "b")]) == "1.0"
