"""Imported by Python as it starts in a program that `cachekit capture` runs: opens the capture, and steps aside."""

import os
import sys
from importlib.machinery import PathFinder

NAMES = ("cachekit", "orjson")


class _Borrowed:
    """Finds our own modules where this environment has none of its own; it is asked last."""

    @staticmethod
    def find_spec(name, path=None, target=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN205, ARG004
        folders = os.environ.get("_CACHEKIT_CAPTURE_FROM", "").split(os.pathsep)
        return PathFinder.find_spec(name, folders) if name in NAMES else None


def _open() -> None:
    sys.meta_path.append(_Borrowed)
    try:
        from cachekit.capturing.program import join

        join(os.environ)
    except Exception as error:  # the program must run, whatever happens here
        print(f"cachekit: nothing is captured in this process: {type(error).__name__}", file=sys.stderr)


def _step_aside() -> None:
    """Imports the program's own sitecustomize, which stands behind this one."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != here]
    this = sys.modules.pop(__name__)
    try:
        __import__(__name__)
    except ImportError as error:
        if error.name != __name__:
            raise
    sys.modules.setdefault(__name__, this)


_open()
_step_aside()
