"""Imported by Python as it starts in a program that `cachekit capture` or `cachekit run` starts: switches on what the
environment names, and steps aside."""

import os
import sys
from importlib import import_module
from importlib.machinery import PathFinder

NAMES = ("cachekit", "orjson", "msgspec", "xxhash", "genai_prices", "platformdirs")


class _Borrowed:
    """Finds our own modules where this environment has none of its own; it is asked last."""

    @staticmethod
    def find_spec(name, path=None, target=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN205, ARG004
        folders = os.environ.get("_CACHEKIT_FROM", "").split(os.pathsep)
        return PathFinder.find_spec(name, folders) if name in NAMES else None


def _open() -> None:
    sys.meta_path.append(_Borrowed)
    try:
        module, _, function = os.environ["_CACHEKIT_OPEN"].partition(":")
        getattr(import_module(module), function)(os.environ)
    except Exception as error:  # the program must run, whatever happens here
        print(f"cachekit: no call is seen in this process: {type(error).__name__}", file=sys.stderr)


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
