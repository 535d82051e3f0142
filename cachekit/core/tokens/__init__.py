"""Input tokens: estimated offline, or asked of the provider.

estimate_tokens   a request, whatever its form: low, mid and high
measure           a prompt: the same, block by block
count_exact       what the provider says; count_with_environment makes the client from the environment
"""

from __future__ import annotations

from cachekit.core.tokens.estimate import estimate_tokens
from cachekit.core.tokens.exact import count_exact, count_with_environment
from cachekit.core.tokens.measure import measure

__all__ = ["count_exact", "count_with_environment", "estimate_tokens", "measure"]
