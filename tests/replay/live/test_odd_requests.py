"""Whatever JSON a log holds as a request: it is planned or counted, and what is rendered stands."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.catalog.policy import find_policy
from cachekit.core.model.backends import NATIVE
from cachekit.core.model.calls import Call
from cachekit.core.model.errors import InputError, UsageError
from cachekit.core.model.prompt import prefixes
from cachekit.core.model.usage import Usage
from cachekit.replay.live import LiveOptions, Timing, plan_live
from cachekit.replay.live.rendering import prompt_of
from cachekit.replay.live.sendable import outgoing_of, with_bytes
from cachekit.replay.strategies import PLACERS, parse_strategy
from tests.replay.strategies import JSON, REQUEST

OBJECT = st.dictionaries(st.text(max_size=8), JSON, max_size=4) | REQUEST
NAMES = st.sampled_from([None, *PLACERS, "suggested+ttl=1h:static,5m:rest"])


@pytest.mark.parametrize("backend", sorted(NATIVE))
@given(OBJECT, NAMES, st.sampled_from(["claude-sonnet-4-6", "gpt-5.6-sol", "gpt-4o", "us.amazon.nova-pro-v1:0"]))
@settings(max_examples=100, deadline=None)
def test_any_request_is_planned_or_counted(backend, request_, name, model) -> None:
    provider = backend.partition("-")[0] if "bedrock" not in backend else "bedrock"
    call = Call(Usage(uncached=100, output=10), ts=1.0, provider=provider, api=backend, model=model, request=request_)
    strategy = parse_strategy(name) if name else None
    wish = LiveOptions(Decimal(10**9), strategy=strategy, timing=Timing.ASAP, base_url="http://127.0.0.1:9")
    try:
        plan = plan_live(lambda: iter([call, replace(call, ts=None)]), wish)
    except (InputError, UsageError):
        return
    assert plan.calls == len(plan.sends) + sum(plan.left_out.values())
    policy = find_policy(model, provider)
    for send in plan.sends:
        assert 0 <= send.costs.least <= send.costs.cold <= send.costs.most
        plain = outgoing_of(call, "", wish.base_url)
        assert prefixes(prompt_of(send.outgoing, policy)) == prefixes(prompt_of(with_bytes(plain), policy))
        if name == "none" and policy.style == "breakpoints":
            assert not prompt_of(send.outgoing, policy).marked()
