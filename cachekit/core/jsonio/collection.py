"""Reading long logs without the search for reference cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Calls and blocks never refer to themselves: looking for cycles among them would cost a tenth to half of the time.
    Switched on again at the end, where it was on."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
