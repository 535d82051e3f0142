"""OpenAI's models by deployments of Azure, with the same clients."""

from __future__ import annotations

import asyncio

import openai
import pytest

from tests.tracker.test_openai import CHATS, RESPONSES, on
from tests.tracker.test_openai_async import ACHATS, ARESPONSES
from tests.tracker.tracked import last, tracker_of


@pytest.mark.parametrize("call", CHATS + RESPONSES, ids=lambda call: call.__name__)
def test_azure_by_deployment(call, url, emulator):
    tracker = tracker_of(emulator, models={"chat-prod": "gpt-5.6-sol"})
    azure = openai.AzureOpenAI(azure_endpoint=url, api_version="2026-01-01", api_key="any")
    whole = tracker.instrument(azure)

    def tracked(path):
        method = on(whole, path)
        return lambda **body: method(**body | {"model": "chat-prod"})

    call(tracked)
    told = last(tracker, emulator)
    assert (told.provider, told.model) == ("azure", "gpt-5.6-sol")
    assert told.usage.written > 1024
    assert told.cost_usd > 0
    call(tracked)
    assert last(tracker, emulator).hit_ratio == 1.0


@pytest.mark.parametrize("call", ACHATS + ARESPONSES, ids=lambda call: call.__name__)
def test_azure_with_the_async_twin(call, url, emulator):
    tracker = tracker_of(emulator, models={"chat-prod": "gpt-5.6-sol"})

    async def main():
        endpoint = {"azure_endpoint": url, "api_version": "2026-01-01", "api_key": "any"}
        async with openai.AsyncAzureOpenAI(**endpoint) as client:
            whole = tracker.instrument(client)

            def tracked(path):
                method = on(whole, path)
                return lambda **body: method(**body | {"model": "chat-prod"})

            for _ in range(2):
                await call(tracked)

    asyncio.run(main())
    told = last(tracker, emulator)
    assert (told.provider, told.model, told.hit_ratio) == ("azure", "gpt-5.6-sol", 1.0)
