"""Asks once before a configuration that was found, not named, reaches out of its folder."""

from __future__ import annotations

import sys

import typer

from cachekit.core.config.trust import allow, allowed_path, check_allowed, is_allowed, reaches_out
from cachekit.core.config.values import Config


def confirm_config(config: Config, allowed: bool, *, scopes: bool, log: bool) -> None:
    """Goes on where the file does nothing of the kind, was allowed, or is allowed now by who sits there. Raises
    UsageError else."""
    found = list(reaches_out(config, scopes=scopes, log=log))
    if allowed or not found:
        return
    path = allowed_path()
    if sys.stdin.isatty() and not is_allowed(config, path):
        typer.echo(f"{config.file}: {'; '.join(found)}", err=True)
        typer.confirm("Allow it from now on?", abort=True, err=True)
        allow(config, path)
    check_allowed(config, scopes=scopes, log=log, allowed=path)
