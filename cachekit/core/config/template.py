"""A configuration to begin with, and the JSON schema of configurations for editors. Both are made of the same keys."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.core.config.keys import (
    BACKEND,
    BY_MODEL,
    FREE,
    MONEY,
    NAMES,
    SECONDS,
    SHARE,
    SINGLE,
    SUPPRESS,
    WARM_SCOPE,
    WHOLE,
    Kind,
)
from cachekit.core.model.backends import Backend

TEMPLATE = """\
# What cachekit takes for granted in this folder and below. An option of a command wins over the environment
# (CACHEKIT_BACKEND and the like), which wins over this file. `cachekit config` shows what holds.

[defaults]
# backend = "litellm"              # whose form requests have, where their shape leaves it open
# library_version = "1.110.2"      # the release that runs in production, where it is not the installed one
# log = "calls.ndjson"             # read by `report` and `replay`, appended to by `warm`

[thresholds]
# fail_under = 0.7                 # `report` exits 1 below this hit ratio
# max_drop = 0.05                  # or where a hit ratio fell further than this against --baseline
# max_loss_usd_per_1k = 2.50       # or where more than this was avoidable in a thousand calls
# min_calls = 20                   # families with fewer calls are one row, `other`

# Prices in USD per million tokens, and cache policies, for a model that is newer than this release of cachekit.
# [pricing."my-model"]
# input = 3.00
# cache_read = 0.30
# cache_write_5m = 3.75
# cache_write_1h = 6.00
# output = 15.00

# [policy."my-model"]
# minimum = 1024
# ttls = ["5m", "1h"]

# [models]                         # an ARN or alias, and the model behind it
# "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc" = "claude-sonnet-4-6"

# [labels]                         # on every call that is recorded
# team = "search"

# [[warm.scope]]                   # what `cachekit warm` keeps in the cache
# name = "support-bot"
# request = "requests/support_bot.json"
# interval = 240
# budget_usd = 5.00

# [[suppress]]                     # findings of `audit` that fail nothing, and why
# rule = "volatile-text"
# path = "requests/legacy/*.json"  # a file, a folder or a pattern; without it, everywhere
# reason = "the date in it changes once a day, and so do the requests"
"""


def schema() -> dict[str, object]:
    """The JSON schema (draft 2020-12) of cachekit.toml."""
    tables: dict[str, object] = {name: _table(kinds) for name, kinds in SINGLE.items()}
    tables |= {name: {"type": "object", "additionalProperties": _table(kinds)} for name, kinds in BY_MODEL.items()}
    tables |= {name: {"type": "object", "additionalProperties": _value(kind)} for name, kind in FREE.items()}
    scope = {"type": "array", "items": _table(WARM_SCOPE)}
    tables["warm"] = {"type": "object", "properties": {"scope": scope}, "additionalProperties": False}
    suppress = {**_table(SUPPRESS), "required": ["rule", "reason"]}
    tables["suppress"] = {"type": "array", "items": suppress}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cachekit.toml",
        "type": "object",
        "properties": tables,
        "additionalProperties": False,
    }


def _table(kinds: Mapping[str, Kind]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": {name: _value(kind) for name, kind in kinds.items()},
        "additionalProperties": False,
    }


def _value(kind: Kind) -> dict[str, object]:
    return {**_FORMS.get(kind.name, {"type": "string", "minLength": 1}), "description": kind.name}


_FORMS: Mapping[str, Mapping[str, object]] = {
    WHOLE.name: {"type": "integer", "minimum": 0},
    MONEY.name: {"type": "number", "minimum": 0},
    SHARE.name: {"type": "number", "minimum": 0, "maximum": 1},
    SECONDS.name: {"type": "number", "exclusiveMinimum": 0},
    NAMES.name: {"type": "array", "items": {"type": "string"}, "minItems": 1},
    BACKEND.name: {"enum": [member.value for member in Backend]},
}
