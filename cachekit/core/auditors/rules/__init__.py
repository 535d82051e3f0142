"""The rules, in the order in which findings are shown. A new rule is a module and one line here."""

from __future__ import annotations

from cachekit.core.auditors.rules.automatic_mark import automatic_mark
from cachekit.core.auditors.rules.batch_5m import batch_5m
from cachekit.core.auditors.rules.batch_cold import batch_cold
from cachekit.core.auditors.rules.below_minimum import below_minimum
from cachekit.core.auditors.rules.best_effort import best_effort
from cachekit.core.auditors.rules.breakpoint_refused import breakpoint_refused
from cachekit.core.auditors.rules.cache_key import cache_key
from cachekit.core.auditors.rules.deprecated_retention import deprecated_retention
from cachekit.core.auditors.rules.explicit_without_breakpoint import explicit_without_breakpoint
from cachekit.core.auditors.rules.foreign_mark import foreign_mark
from cachekit.core.auditors.rules.implicit_tail import implicit_tail
from cachekit.core.auditors.rules.invalid_prewarm import invalid_prewarm
from cachekit.core.auditors.rules.library_refuses import library_refuses
from cachekit.core.auditors.rules.library_unsure import library_unsure
from cachekit.core.auditors.rules.lookback import lookback
from cachekit.core.auditors.rules.lost_on_the_way import lost_on_the_way
from cachekit.core.auditors.rules.mark_not_read import mark_not_read
from cachekit.core.auditors.rules.no_caching_model import no_caching_model
from cachekit.core.auditors.rules.no_mark import no_mark
from cachekit.core.auditors.rules.nothing_shared import nothing_shared
from cachekit.core.auditors.rules.outdated_beta import outdated_beta
from cachekit.core.auditors.rules.prefix_changed import prefix_changed
from cachekit.core.auditors.rules.prefix_elsewhere import prefix_elsewhere
from cachekit.core.auditors.rules.provider_refuses import provider_refuses
from cachekit.core.auditors.rules.redundant_mark import redundant_mark
from cachekit.core.auditors.rules.retired_model import retired_model
from cachekit.core.auditors.rules.rule import Rule
from cachekit.core.auditors.rules.server_tools import server_tools
from cachekit.core.auditors.rules.tail_mark_only import tail_mark_only
from cachekit.core.auditors.rules.too_many_marks import too_many_marks
from cachekit.core.auditors.rules.ttl_not_offered import ttl_not_offered
from cachekit.core.auditors.rules.ttl_order import ttl_order
from cachekit.core.auditors.rules.unknown_model import unknown_model
from cachekit.core.auditors.rules.unknown_ttl import unknown_ttl
from cachekit.core.auditors.rules.unmarked_prefix import unmarked_prefix
from cachekit.core.auditors.rules.volatile_text import volatile_text

RULES: tuple[Rule, ...] = (
    library_refuses,
    library_unsure,
    prefix_changed,
    no_mark,
    lost_on_the_way,
    provider_refuses,
    foreign_mark,
    mark_not_read,
    too_many_marks,
    ttl_order,
    unknown_ttl,
    ttl_not_offered,
    automatic_mark,
    below_minimum,
    best_effort,
    no_caching_model,
    unknown_model,
    retired_model,
    explicit_without_breakpoint,
    breakpoint_refused,
    invalid_prewarm,
    volatile_text,
    nothing_shared,
    tail_mark_only,
    implicit_tail,
    lookback,
    cache_key,
    batch_5m,
    batch_cold,
    unmarked_prefix,
    redundant_mark,
    deprecated_retention,
    server_tools,
    prefix_elsewhere,
    outdated_beta,
)
