"""How far back a breakpoint sees: it is the first of the positions that are counted."""

from dataclasses import replace

import pytest

from cachekit.core.cache.simulate import breakpoint_look_up
from cachekit.core.catalog.policy import find_policy
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import Call
from cachekit.core.model.prompt import Block, Mark, Prompt, Scope, Section, Tokens, prefixes
from cachekit.core.model.usage import Usage

POLICY = find_policy("claude-sonnet-4-6", "anthropic")


def prompt(kinds: list[str]) -> Prompt:
    size = Tokens(2000, 2000, 2000)
    blocks = [Block(Section.MESSAGES, f"m[{i}]", kind, "user", f"d{i}", tokens=size) for i, kind in enumerate(kinds)]
    last = blocks[-1]
    blocks[-1] = Block(last.section, last.route, last.kind, last.role, last.digest, tokens=size, mark=Mark("5m", "m"))
    return Prompt(Backend.ANTHROPIC, Scope("anthropic", "anthropic"), tuple(blocks))


def seen_back(kinds: list[str]) -> int:
    found = prompt(kinds)
    [point] = breakpoint_look_up(Call(Usage(known=False), ts=0.0, prompt=found), found, POLICY).points
    assert len(prefixes(found)) == len(kinds)
    return len(point.back)


@pytest.mark.parametrize(("blocks", "back"), [(2, 1), (20, 19), (21, 19), (40, 19)])
def test_twenty_positions_are_seen_the_breakpoint_among_them(blocks, back):
    assert seen_back(["text"] * blocks) == back


def test_a_run_of_tool_calls_is_one_position():
    assert seen_back(["text"] * 5 + ["tool_use"] * 30 + ["text"]) == 35


def test_only_so_many_breakpoints_are_read():
    bare = prompt(["text"] * 6)
    found = replace(bare, blocks=tuple(replace(block, mark=Mark("5m", "m")) for block in bare.blocks))
    look = breakpoint_look_up(Call(Usage(known=False), ts=0.0, prompt=found), found, POLICY)
    assert [point.block for point in look.points] == [2, 3, 4, 5]
