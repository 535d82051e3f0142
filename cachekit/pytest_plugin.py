"""The pytest fixture `cachekit_capture`. Nothing of cachekit is imported before a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cachekit.core.model.captured import Captured


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line("markers", "cachekit_send: let the calls that cachekit_capture sees go out")


@pytest.fixture
def cachekit_capture(request: pytest.FixtureRequest) -> Iterator[list[Captured]]:
    """The calls of models that the test makes. They are answered here, without network or key; with the marker
    `cachekit_send` they are sent."""
    from cachekit.capturing import capture

    with capture(send=request.node.get_closest_marker("cachekit_send") is not None) as seen:
        yield seen
