"""Calls of a conversation share the digests of what they repeat: nobody may notice."""

from hypothesis import given
from hypothesis import strategies as st

from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Block, Mark, Param, Prompt, Scope, Section, chain, equal_start, prefixes

SECTIONS = list(Section)
BLOCKS = st.builds(
    lambda section, digest, marked: Block(section, "", "text", "user", digest, mark=Mark("5m", "") if marked else None),
    st.sampled_from(SECTIONS),
    st.sampled_from("abc"),
    st.booleans(),
)
PARAMS = st.lists(st.builds(Param, st.sampled_from(SECTIONS), st.sampled_from("xy"), st.sampled_from("12")), max_size=2)
PROMPTS = st.builds(
    lambda blocks, params: Prompt(Backend.ANTHROPIC, Scope("anthropic"), tuple(blocks), tuple(params)),
    st.lists(BLOCKS, max_size=8),
    PARAMS,
)


def rolled_alone(prompt: Prompt) -> list[str]:
    """The digests, written as the docstring of `prefixes` says it."""
    seeds = {}
    for level in SECTIONS:
        named = sorted(f"{p.name}={p.digest}" for p in prompt.params if p.level is level)
        seeds |= {level: chain(*named)} if named else {}
    digest, out = "", []
    for block in prompt.blocks:
        for level in [known for known in seeds if SECTIONS.index(known) <= SECTIONS.index(block.section)]:
            digest = chain(digest, "params", seeds.pop(level))
        digest = chain(digest, block.section, block.role, block.digest)
        out.append(digest)
    return out


@given(st.lists(PROMPTS, max_size=6))
def test_digests_do_not_depend_on_the_prompts_before(prompts):
    assert [list(prefixes(prompt)) for prompt in prompts] == [rolled_alone(prompt) for prompt in prompts]


@given(st.lists(st.sampled_from("ab"), max_size=9), st.lists(st.sampled_from("ab"), max_size=9))
def test_an_equal_start_is_as_long_as_it_can_be(before, after):
    length = equal_start(before, after)
    assert before[:length] == after[:length]
    assert before[length : length + 1] != after[length : length + 1] or length == min(len(before), len(after))
