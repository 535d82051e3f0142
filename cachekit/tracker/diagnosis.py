"""Native diagnosis: each request names the answer before it, and the provider says why the cache missed.

Anthropic takes `diagnostics.previous_message_id`, OpenAI's Responses API `prompt_cache_options.comparison_response_id`
(on models with breakpoints; older ones refuse the field). It adds a field to the request, so it is off by default.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

from cachekit.core.catalog.policy import find_policy
from cachekit.core.explain.prefix_history import conversation_of
from cachekit.core.jsonio.json_access import mapping
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import Call
from cachekit.core.model.digests import compact
from cachekit.core.model.prompt import Prompt
from cachekit.core.model.usage import Usage
from cachekit.tracker.lifecycle import renewed_in_children
from cachekit.tracker.metrics import CallMetrics, Cost
from cachekit.tracker.observation import Sent
from cachekit.tracker.reading import family_label, read_request

_REMEMBERED = 10_000


class Diagnosis:
    """The id of the last answer of each family, and of each conversation in it: the nearer one is named."""

    def __init__(self) -> None:
        self.fresh()
        renewed_in_children(self)
        self._last: OrderedDict[str, str] = OrderedDict()

    def fresh(self) -> None:
        """Start over in a forked process, with a lock that nobody holds."""
        self._lock = threading.Lock()

    def remember(self, call: Call, _: CallMetrics, __: Cost) -> None:
        """Keep the id of an answer."""
        if not call.id or "error" in call.flags:
            return
        with self._lock:
            for key in (_conversation_key(call, call.prompt), call.family):
                self._last.pop(key, None)
                self._last[key] = call.id
            while len(self._last) > _REMEMBERED:
                self._last.popitem(last=False)

    def name_last_answer(
        self, body: Mapping[str, object], sent: Sent, labels: Mapping[str, str]
    ) -> Mapping[str, object]:
        """The body with the answer before it named; as it is where the API has no such field or the user set it.

        Anthropic gets `null` where there is none before it, which requests a diagnosis from here on.
        """
        if sent.backend is Backend.ANTHROPIC and sent.host == "anthropic" and "diagnostics" not in body:
            return {**body, "diagnostics": {"previous_message_id": self._last_answer(body, sent, labels)}}
        if sent.backend is Backend.OPENAI_RESPONSES and sent.host == "openai":
            options = mapping(body.get("prompt_cache_options"))
            takes_it = find_policy(str(body.get("model") or ""), "openai").implicit
            if takes_it and "comparison_response_id" not in options and (last := self._last_answer(body, sent, labels)):
                return {**body, "prompt_cache_options": {**options, "comparison_response_id": last}}
        return body

    def _last_answer(self, body: Mapping[str, object], sent: Sent, labels: Mapping[str, str]) -> str | None:
        prompt = read_request(Sent(compact(dict(body)), sent.backend, sent.provider, sent.host)).prompt
        if prompt is None:
            return None
        family = family_label(prompt, labels)
        call = Call(Usage(), family=family, labels=labels)
        with self._lock:
            return self._last.get(_conversation_key(call, prompt)) or self._last.get(family)


def _conversation_key(call: Call, prompt: Prompt | None) -> str:
    return f"{call.family}\0{conversation_of(call, prompt)}"
