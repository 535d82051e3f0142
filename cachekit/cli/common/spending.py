"""Money on the command line: how much, and whether it may be spent."""

from __future__ import annotations

import sys
from decimal import Decimal, InvalidOperation

import typer

from cachekit.core.model.errors import UsageError


def amount(written: str) -> Decimal:
    """The USD of a --budget-usd. Raises UsageError for what is no amount."""
    try:
        found = Decimal(written.removeprefix("$"))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found < 0:
        raise UsageError(f"--budget-usd {written[:20]!r}", hint="write dollars, such as 0.10")
    return found


def confirm_spending(what: str, yes: bool) -> None:
    """Asks before something is done that costs money. Raises UsageError where nobody can answer."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"--live would {what}", hint="say so with --yes")
    typer.confirm(f"{what[0].upper()}{what[1:]}?", abort=True, err=True)
