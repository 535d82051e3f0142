"""What the configuration holds. find.py finds it, read.py reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from cachekit.core.model.backends import Backend

FILE = "cachekit.toml"
PROJECT = "pyproject.toml"
PREFIX = "CACHEKIT_"


@dataclass(frozen=True, slots=True)
class WarmScope:
    """One entry of `[[warm.scope]]`; None where it says nothing. `interval` in seconds; `breakpoint` counts from 1."""

    name: str | None = None
    backend: Backend | None = None
    request: Path | None = None
    interval: float | None = None
    ttl: str | None = None
    breakpoint: int | None = None
    region: str | None = None
    profile: str | None = None
    base_url: str | None = None
    budget_usd: Decimal | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Suppression:
    """One entry of `[[suppress]]`: findings of `rule` fail nothing, for this `reason`. `path` is a file, a folder or a
    pattern, from the folder of the file that it stands in (`origin`); `route` one place in a request. Empty: all."""

    rule: str
    reason: str
    path: str = ""
    route: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """What the user configured; None and empty where nothing was. Paths are absolute, those of a file taken from its
    folder. `pricing` in USD per million tokens. `origin` names for each key (`defaults.backend`,
    `pricing."model".input`) where its value comes from: a file or a variable."""

    backend: Backend | None = None
    library_version: str | None = None
    log: Path | None = None
    fail_under: float | None = None
    max_drop: float | None = None
    max_loss_usd_per_1k: Decimal | None = None
    min_calls: int | None = None
    pricing: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    policy: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[WarmScope, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    file: Path | None = None
    origin: Mapping[str, str] = field(default_factory=dict)
