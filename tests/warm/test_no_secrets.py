"""Nothing that describes a warmer shows what is in the environment."""

from __future__ import annotations

import inspect

from cachekit.client.clients import Clients
from cachekit.warm import CacheWarmer


def test_neither_a_signature_nor_a_repr_shows_the_environment():
    clients = Clients(env={"ANTHROPIC_API_KEY": "sk-secret"})
    assert "sk-secret" not in repr(clients)
    assert "env" not in str(inspect.signature(CacheWarmer))
