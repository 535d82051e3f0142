"""Finding the cache policy of a model on a host.

A row of policy.json holds what differs from its host's row; `like` lends another host's rows (Claude on Google Cloud
has the Claude API's minimums). `patterns` are for hosts whose models share one policy. A gateway that chooses who
serves the model gets the band over all hosts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from pathlib import Path

from cachekit.core.catalog.models import Identity, rows_of_models
from cachekit.core.catalog.overrides import Overrides, override_of, resolve
from cachekit.core.catalog.policy.policy import Policy
from cachekit.core.jsonio.json_access import count, items, mapping, text

_Row = Mapping[str, object]


@lru_cache(maxsize=1)
def _data() -> Mapping[str, object]:
    return mapping(json.loads(Path(__file__).with_name("policy.json").read_bytes()))


@lru_cache(maxsize=1)
def _rows() -> Mapping[tuple[str, str], _Row]:
    rows = chain(map(mapping, items(_data().get("rows"))), rows_of_models("policies"))
    return {(text(row.get("host")) or "", text(row.get("model")) or ""): row for row in rows}


def policy_hosts() -> tuple[str, ...]:
    """The hosts that have rows of their own or take another host's."""
    return tuple(mapping(_data().get("hosts")))


def find_policy(model: str, host: str, overrides: Overrides | None = None, api: str = "") -> Policy:
    """The cache policy of a model on a host; `known` is False, and nothing is guessed, where no row names it.

    `overrides` is shaped like the config: `policy."model"` sets `minimum` and `ttls`, `models` names the model behind
    an alias or an ARN. A model newer than our rows takes its host's ways with the user's numbers. `api`: `messages`,
    `invoke`, `converse`, `chat` or `responses`; some models cache through one API only. Without it, the API through
    which the model caches is meant.
    """
    identity = resolve(model, host, overrides)
    policy = _policy(identity, api)
    changes = override_of(model, identity, overrides, "policy")
    return _overridden(policy, identity, changes) if changes else policy


def _policy(identity: Identity, api: str) -> Policy:
    hosts = mapping(_data().get("hosts"))
    name = identity.model or identity.name
    shared = _pattern(identity)
    if identity.host in hosts or shared is not None:
        row = _row(identity.host, identity.model) if identity.model else None
        row = shared if row is None else row
        if row is None:
            return Policy(name, identity.host, note=explain_missing_policy(name, identity.host))
        through = _words(row.get("through"))
        return _made(name, identity.host, {**row, **_elsewhere()} if api and through and api not in through else row)
    if reason := explain_missing_policy(name, identity.host):
        return Policy(name, identity.host, note=reason)
    rows = [row for host in hosts if identity.model and (row := _row(host, identity.model)) is not None]
    return _gateway(_made(name, identity.host, rows[0]), rows) if rows else Policy(name, identity.host)


def _pattern(identity: Identity) -> _Row | None:
    """The row of a host whose models share one policy, by the model's name without its vendor."""
    name = identity.name.rpartition("/")[2]
    rows = (row for row in map(mapping, items(_data().get("patterns"))) if text(row.get("host")) == identity.host)
    return next((row for row in rows if re.fullmatch(text(row.get("names")) or "", name)), None)


def _elsewhere() -> _Row:
    """The policy of a model through an API that is not the one for which its cache is documented."""
    return mapping(_data().get("elsewhere"))


def explain_missing_policy(name: str, host: str) -> str:
    """Why a model that has a price for cached input has no policy; empty where nothing is known of it at all."""
    for row in map(mapping, items(_data().get("without"))):
        if text(row.get("host")) == host and re.fullmatch(text(row.get("names")) or "", name):
            return text(row.get("reason")) or ""
    return ""


def _row(host: str, model: str) -> _Row | None:
    """The row of a model over what its host's models have in common; None where the host has none."""
    ways = _host_ways(host)
    like = text(ways.get("like"))
    lent = _row(like, model) if like else None
    own = _rows().get((host, model))
    return {**(lent or {}), **ways, **(own or {})} if lent is not None or own is not None else None


def _host_ways(host: str) -> _Row:
    return mapping(mapping(_data().get("hosts")).get(host))


def _made(model: str, host: str, row: _Row) -> Policy:
    minimum = count(row.get("minimum")) or 0
    return Policy(
        model=model,
        host=host,
        known=True,
        style=text(row.get("style")) or "none",
        implicit=row.get("implicit") is True,
        minimum=minimum,
        minimum_high=count(row.get("minimum_high")) or minimum,
        max_marks=count(row.get("marks")) or 0,
        ttls=_words(row.get("ttls")),
        default_ttl=text(row.get("default_ttl")) or "",
        fields=_words(row.get("fields")),
        lookback=count(row.get("lookback")) or 0,
        read_points=count(row.get("read_points")) or 0,
        grid=count(row.get("grid")) or 0,
        tool_runs_once=_maybe(row.get("tool_runs_once")),
        automatic_top_level=_maybe(row.get("automatic_top_level")),
        confidence=text(row.get("confidence")) or "",
        source=_sources(row),
        checked=text(row.get("checked")) or "",
        note=text(row.get("note")) or "",
        retires=text(row.get("retires")) or "",
    )


def _words(value: object) -> tuple[str, ...]:
    return tuple(word for word in items(value) if isinstance(word, str))


def _maybe(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _sources(row: _Row) -> str:
    named = mapping(_data().get("sources"))
    return "; ".join(str(named.get(key, key)) for key in _words(row.get("source")))


def _gateway(policy: Policy, rows: Sequence[_Row]) -> Policy:
    """A gateway chooses who serves the model: the minimum lies between the lowest and the highest of all hosts."""
    caching = [row for row in rows if row.get("style") != "none"] or rows
    lows = [count(row.get("minimum")) or 0 for row in caching]
    highs = [count(row.get("minimum_high")) or low for row, low in zip(caching, lows, strict=True)]
    return replace(
        policy,
        minimum=min(lows),
        minimum_high=max(highs),
        tool_runs_once=None,
        automatic_top_level=None,
        confidence="low",
        note="the gateway chooses the host: the minimum is the band over all hosts",
    )


def _overridden(policy: Policy, identity: Identity, changes: Mapping[str, object]) -> Policy:
    minimum, ttls = count(changes.get("minimum")), _words(changes.get("ttls"))
    named = (*(["minimum"] if minimum is not None else []), *(["ttls"] if ttls else []))
    if not policy.known and identity.host in mapping(_data().get("hosts")):
        ways = _host_ways(identity.host)
        policy = _made(policy.model, policy.host, {**_host_ways(text(ways.get("like")) or ""), **ways})
    minimum = policy.minimum if minimum is None else minimum
    return replace(
        policy,
        minimum=minimum,
        minimum_high=minimum if "minimum" in named else policy.minimum_high,
        ttls=ttls or policy.ttls,
        default_ttl=policy.default_ttl if not ttls or policy.default_ttl in ttls else ttls[0],
        overridden=named,
    )
