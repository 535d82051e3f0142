"""The README's examples of the tracker, run as they stand."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re

from tests.readme import README

_BLOCK = re.compile(r"^```python[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)


def example(sign: str) -> str:
    """The one Python block of the tracker's section that holds these words."""
    section = README.read_text(encoding="utf-8").partition("\n## CacheTracker")[2].partition("\n## ")[0]
    (block,) = [block for block in _BLOCK.findall(section) if sign in block]
    return block


def lines(block: str) -> int:
    """Lines that are no import, nor empty."""
    told = (line for line in block.splitlines() if not line.startswith(("from ", "import ")))
    return sum(bool(line.strip()) for line in told)


def run(block: str, names: dict[str, object]) -> None:
    """Run an example with these names; it may await."""
    code = compile(block, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    waiting = eval(code, names)
    if inspect.iscoroutine(waiting):

        async def main() -> None:
            await waiting

        asyncio.run(main())
