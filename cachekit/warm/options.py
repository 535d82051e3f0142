"""The scopes of a command: from request files or the config, with the command's options over them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

from cachekit.core.config.values import Config, WarmScope
from cachekit.core.jsonio.requests import RequestText, read_requests
from cachekit.core.model.calls import BadLine
from cachekit.core.model.errors import InputError, UsageError
from cachekit.warm.values import AUTO, Request, WarmupConfig

SAMPLE = """\
[[warm.scope]]
name = "support"
request = "request.json"  # as you send it, with its breakpoints
interval = 240            # seconds; without it, the default of the ttl
budget_usd = 5            # then this scope stops
"""
"""What to put into cachekit.toml."""

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class CommandOptions:
    """The options of `cachekit warm`: what to warm, where None leaves it to the config and the defaults, and how."""

    requests: tuple[str, ...] = ()
    backend: str | None = None
    interval: str | None = None
    ttl: str | None = None
    verify: bool = False
    breakpoint: int | None = None
    max_tokens: int | None = None
    max_ticks: int | None = None
    budget_usd: str | None = None
    region: str | None = None
    profile: str | None = None
    base_url: str | None = None
    library_version: str | None = None
    once: bool = False
    duration: str | None = None
    dry_run: bool = False
    concurrency: int = 8
    log: Path | None = None
    skip_on_traffic: bool = False
    plan: Path | None = None
    force: bool = False
    form: str = "text"
    coloured: bool = True
    allow_config: bool = False


class RequestFile:
    """A file with one request, read again when it has changed: a deployment may replace it while it is kept warm."""

    def __init__(self, path: Path, request: Request) -> None:
        self._path, self._request, self._seen = path, request, _stamp(path)

    def __call__(self) -> Request:
        """The request as it is now. Raises InputError for a file that holds none any more."""
        stamp = _stamp(self._path)
        if stamp != self._seen:
            self._request, self._seen = _only(self._path), stamp
        return self._request


def configs_of(options: CommandOptions, config: Config) -> tuple[WarmupConfig, ...]:
    """The scopes to warm. Raises UsageError with a sample where there is none, InputError for a request that cannot be
    read."""
    scopes = [WarmScope(request=Path(path)) for path in options.requests] or list(config.scopes)
    if not scopes:
        raise UsageError(f"no scope to warm: name a request file, or add one to cachekit.toml:\n\n{SAMPLE}")
    return tuple(made for number, scope in enumerate(scopes, 1) for made in _of_scope(scope, number, options, config))


def _of_scope(scope: WarmScope, number: int, options: CommandOptions, config: Config) -> Iterator[WarmupConfig]:
    if scope.request is None:
        raise UsageError(f"scope {scope.name or number} has no request", hint='request = "request.json" names one')
    found = list(_requests(scope.request))
    for name, request in found:
        base = scope.name or scope.request.stem
        made = WarmupConfig(
            request=request,
            backend=options.backend or scope.backend or config.backend,
            name=f"{base} {name}" if name and len(found) > 1 else base,
            interval_seconds=_interval(options.interval) or scope.interval,
            ttl=options.ttl or scope.ttl,
            verify=options.verify,
            breakpoint=options.breakpoint if options.breakpoint is not None else scope.breakpoint,
            max_tokens=options.max_tokens,
            budget_usd=_money(options.budget_usd) if options.budget_usd is not None else scope.budget_usd,
            max_ticks=options.max_ticks,
            region=options.region or scope.region,
            profile=options.profile or scope.profile,
            base_url=options.base_url or scope.base_url,
            label=scope.label or "",
            labels=config.labels,
            library_version=options.library_version or config.library_version,
        )
        yield made


def _requests(path: Path) -> Iterator[tuple[str, Request | RequestFile]]:
    """The requests of a file, each with what tells it from the others. A lone one is read again when it changes."""
    found = [_readable(item) for item in read_requests([path])]
    if len(found) == 1 and path.is_file() and not found[0].at:
        yield "", RequestFile(path, found[0].request)
        return
    for item in found:
        yield item.name, item.request


def _readable(item: RequestText | BadLine) -> RequestText:
    if isinstance(item, BadLine):
        raise InputError(item.reason, where=f"{item.source}:{item.number}")
    return item


def _only(path: Path) -> Request:
    return next(_readable(item).request for item in read_requests([path]))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return found.st_mtime_ns, found.st_size


def _interval(text: str | None) -> float | Literal["auto"] | None:
    if text is None:
        return None
    return AUTO if text == AUTO else seconds_of(text, "--interval")


def seconds_of(text: str, option: str) -> float:
    """A duration: `90`, `90s`, `30m`, `8h`, `2d`. Raises UsageError for anything else."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)\s*([smhd]?)", text.strip().lower())
    if found is None or float(found[1]) <= 0:
        raise UsageError(f"{option} {text[:20]!r}", hint="write seconds, or 30m, 8h, 2d")
    return float(found[1]) * _UNITS[found[2]]


def _money(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise UsageError(f"--budget-usd {text[:20]!r}", hint="write dollars, such as 2.50")
    return amount
