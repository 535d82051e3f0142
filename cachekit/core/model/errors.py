"""All errors that end a command, each with its exit code.

    CachekitError           never raised itself
    |-- InputError     2    a request, log or config that cannot be read
    |-- UsageError     2    options that do not fit together, a threshold that cannot be judged
    |   `-- UnknownBackendError    a name that is no backend's; a ValueError too
    `-- OutsideError   3    an API, AWS or the network failed

Exit code 0 means checked and fine, 1 means findings; neither is an error. Messages say what, where and what to do, and
never hold a key, a header or prompt text.
"""

from __future__ import annotations

from collections.abc import Iterable


class CachekitError(Exception):
    """Ends a command with a message for the user: `what` went wrong, `where`, and what to do about it (`hint`)."""

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what, self.where, self.hint = what, where, hint
        super().__init__(self.message())

    def message(self) -> str:
        """One line: where, what, and a hint."""
        place = f"{self.where}: " if self.where else ""
        advice = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.what}{advice}"


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """The hint for a name that is none of a closed set: the nearest of them, if one is near, else `otherwise`."""
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), list(known), 1)
    return f"did you mean {near[0]}?" if near else otherwise


class InputError(CachekitError):
    """The input cannot be read or understood."""


class UsageError(CachekitError):
    """The command or call was put together wrongly."""


class UnknownBackendError(UsageError, ValueError):
    """A name that is no backend's."""


class OutsideError(CachekitError):
    """Something outside failed: an API, AWS, the network."""

    exit_code = 3
