"""Cache policy by model and host: minimum, breakpoints, lifetimes, lookback. The rows are data, in policy.json."""

from cachekit.core.catalog.policy.find import explain_missing_policy, find_policy, policy_hosts
from cachekit.core.catalog.policy.policy import Policy, on_grid, ttl_seconds

__all__ = ["Policy", "find_policy", "on_grid", "policy_hosts", "ttl_seconds", "explain_missing_policy"]
