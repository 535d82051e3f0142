"""Each breakpoint under the policy: is it read there, does its prefix qualify?"""

from __future__ import annotations

from dataclasses import dataclass

from cachekit.core.cache.law import holds
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.backends import Backend
from cachekit.core.model.findings import Verdict
from cachekit.core.model.prompt import Block, Mark, Prompt, Section, Tokens


@dataclass(frozen=True, slots=True)
class MarkVerdict:
    """A breakpoint, the tokens up to its end, its effective ttl, and whether that prefix is cached, with the reason.

    `counting` is the band that the minimum sees: that of the prefix, from the tokens that it counts for certain to all
    of them."""

    index: int
    block: Block
    mark: Mark
    ttl: str
    prefix: Tokens
    verdict: Verdict
    reason: str
    counting: Tokens = Tokens()


_OPENAI = (Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES)
_MOST = 4
"""Breakpoints in one request, where the model is unknown: every provider with breakpoints says four."""


def takes_marks(prompt: Prompt, policy: Policy) -> bool:
    """Whether the request is one whose breakpoints matter: by the policy, or for an unknown model by its form."""
    return policy.style == "breakpoints" if policy.known else prompt.backend not in _OPENAI


def most_marks(policy: Policy) -> int:
    """How many breakpoints a request may have."""
    return policy.max_marks if policy.known else _MOST


def caches_by_itself(policy: Policy) -> bool:
    """Whether prompts may be cached without any breakpoint, as best effort: Bedrock does so for all text prompts of
    Nova (AWS's prompt caching guide). A recorded call of 27 tokens was read from its cache."""
    return policy.known and policy.host == "bedrock" and policy.model.startswith("nova")


def judge_marks(prompt: Prompt, policy: Policy) -> tuple[MarkVerdict, ...]:
    """A verdict for each breakpoint of the prompt, in cache order."""
    running = prompt.running()
    out = []
    for index, block, mark in prompt.marked():
        counting = _counting(prompt, index, running[index], policy)
        verdict, reason = _judge(block.section, counting, policy)
        ttl = mark.ttl or policy.default_ttl or "5m"
        out.append(MarkVerdict(index, block, mark, ttl, running[index], verdict, reason, counting))
    return tuple(out)


def _counting(prompt: Prompt, index: int, prefix: Tokens, policy: Policy) -> Tokens:
    """From GPT-5.6 on the minimum counts visible tokens: what the provider adds by itself may count or not."""
    if not policy.implicit:
        return prefix
    visible = sum(block.tokens.low for block in prompt.blocks[: index + 1])
    return Tokens(max(visible, prefix.low - prompt.hidden.high), prefix.mid, prefix.high)


def _judge(section: Section, prefix: Tokens, policy: Policy) -> tuple[Verdict, str]:
    if not policy.known:
        return Verdict.UNSURE, "unknown model"
    if policy.style == "none":
        return Verdict.NO, "the model does not cache"
    if section.value not in policy.fields:
        return Verdict.NO, f"not read in {section.value}"
    found = holds(policy, prefix)
    if found is Verdict.NO:
        return found, f"below the minimum of {policy.minimum:,}"
    return found, "qualifies" if found is Verdict.YES else f"near the minimum of {policy.minimum_high:,}"


def positions(blocks: tuple[Block, ...], policy: Policy) -> int:
    """How many lookback positions a run of blocks takes: one a block, or one for a whole run of tool uses or of tool
    results where the host counts so."""
    count, before = 0, ""
    for block in blocks:
        run = block.kind in ("tool_use", "tool_result") and policy.tool_runs_once
        if not (run and block.kind == before):
            count += 1
        before = block.kind
    return count
