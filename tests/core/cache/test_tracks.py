"""Prompts told by counters: which calls of a session share a prefix."""

from __future__ import annotations

from cachekit.core.cache.tracks import Tracks
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage


def call(number, read, written, *, session="s", agent="", model="claude-sonnet-4-6"):
    labels = {"session": session, **({"agent": agent} if agent else {})}
    usage = Usage(uncached=3, read=read, write_5m=written)
    at = 1.79e9 + number * 10
    return Call(usage, at, f"c{number}", provider="anthropic", model=model, labels=labels)


def prefix(prompt):
    """The digests up to the breakpoint, without the tail."""
    return [block.digest for block in prompt.blocks if block.mark or block is not prompt.blocks[-1]]


def test_a_call_goes_on_from_what_the_one_before_it_wrote():
    tracks = Tracks()
    first, second = (tracks.prompt_of(one) for one in (call(0, 0, 5000), call(1, 5000, 700)))
    assert prefix(second)[:1] == prefix(first)
    assert [block.tokens.mid for block in second.blocks] == [5000, 700, 3]


def test_a_sub_agent_that_reads_all_of_its_parent_goes_on_from_it():
    tracks = Tracks()
    parent = [tracks.prompt_of(one) for one in (call(0, 0, 5000), call(1, 5000, 700))][-1]
    child = tracks.prompt_of(call(2, 5700, 90, agent="compact"))
    assert prefix(child)[:2] == prefix(parent)


def test_a_read_that_ends_within_a_piece_is_nobodys():
    tracks = Tracks()
    parent = tracks.prompt_of(call(0, 0, 5000))
    child = tracks.prompt_of(call(1, 4000, 90, agent="compact"))
    assert not set(prefix(child)) & set(prefix(parent))


def test_equal_counts_of_another_session_or_model_are_no_shared_prefix():
    tracks = Tracks()
    first = tracks.prompt_of(call(0, 0, 5000))
    others = [call(1, 5000, 90, session="t"), call(2, 5000, 90, agent="a", model="claude-opus-4-6")]
    for other in others:
        assert not set(prefix(tracks.prompt_of(other))) & set(prefix(first))
