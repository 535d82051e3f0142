"""Cache policy by model and host: minimum, breakpoints, lifetimes, lookback. The rows are data, in policy.json."""

from cachekit.core.catalog.policy.find import find_policy, policy_hosts, why_without_policy
from cachekit.core.catalog.policy.policy import Policy, on_grid, ttl_seconds

__all__ = ["Policy", "find_policy", "on_grid", "policy_hosts", "ttl_seconds", "why_without_policy"]
