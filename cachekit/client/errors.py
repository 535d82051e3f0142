"""What went wrong with a call, by what the error itself shows: no SDK is imported for that."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum

from cachekit.core.jsonio.json_access import text
from cachekit.core.jsonio.redact import LEFT_OUT, redact_text
from cachekit.core.model.errors import CachekitError
from cachekit.core.providers.objects import part

_LONGEST = 300


class ErrorKind(StrEnum):
    """Why there was no answer."""

    RATE_LIMITED = "rate limited"
    OVERLOADED = "overloaded"
    SERVER = "server error"
    TIMEOUT = "timed out"
    REFUSED = "connection refused"
    NO_HOST = "host not found"
    NETWORK = "network failed"
    CREDENTIALS = "credentials refused"
    NO_CREDENTIALS = "no credentials"
    INVALID = "request refused"
    BROKEN = "could not be sent"


@dataclass(frozen=True, slots=True)
class CallError:
    """`retry_after` in seconds, as the provider asks. `message` is the provider's, free of prompt text and keys; empty
    where there is none worth showing."""

    kind: ErrorKind
    message: str = ""
    status: int | None = None
    retry_after: float | None = None

    @property
    def lasting(self) -> bool:
        """Whether sending the same again can only fail again."""
        return self.kind in (ErrorKind.INVALID, ErrorKind.NO_CREDENTIALS, ErrorKind.BROKEN)

    @property
    def about_output(self) -> bool:
        """Whether the limit on output tokens was refused."""
        named = ("max_tokens", "max_output_tokens", "max_completion_tokens", "maxTokens", "output limit")
        return self.status == 400 and any(name in self.message for name in named)

    @property
    def may_have_cost(self) -> bool:
        """Whether the provider may have done, and billed, the work all the same."""
        return self.kind in (ErrorKind.TIMEOUT, ErrorKind.NETWORK)

    def shown(self) -> str:
        """One line: what, the status, the provider's words."""
        status = f" ({self.status})" if self.status else ""
        return f"{self.kind.value}{status}{': ' + self.message if self.message else ''}"


_CREDENTIAL_ERRORS = frozenset(
    "NoCredentialsError PartialCredentialsError CredentialRetrievalError TokenRetrievalError SSOTokenLoadError "
    "UnauthorizedSSOTokenError SSOError CredentialsError IdentityTokenFileError OAuthError SubjectTokenProviderError "
    "RefreshError InvalidConfigError".split()
)
_NETWORK_ERRORS = frozenset(
    "HTTPClientError OSError NetworkError ProtocolError RemoteProtocolError IncompleteReadError JSONDecodeError "
    "ResponseStreamingError".split()
)
_AWS_CODES = {
    **dict.fromkeys(("ThrottlingException", "TooManyRequestsException", "Throttling"), ErrorKind.RATE_LIMITED),
    **dict.fromkeys(("ServiceUnavailableException", "ModelNotReadyException"), ErrorKind.OVERLOADED),
    **dict.fromkeys(("InternalServerException", "ModelErrorException"), ErrorKind.SERVER),
    "ModelTimeoutException": ErrorKind.TIMEOUT,
    **dict.fromkeys(
        (
            *("ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId"),
            *("InvalidSignatureException", "AccessDeniedException", "RequestExpired"),
        ),
        ErrorKind.CREDENTIALS,
    ),
}
_STATUSES = {
    401: ErrorKind.CREDENTIALS,
    403: ErrorKind.CREDENTIALS,
    408: ErrorKind.TIMEOUT,
    409: ErrorKind.SERVER,
    425: ErrorKind.RATE_LIMITED,
    429: ErrorKind.RATE_LIMITED,
    503: ErrorKind.OVERLOADED,
    504: ErrorKind.TIMEOUT,
    529: ErrorKind.OVERLOADED,
}


def classify_error(error: BaseException, private: str, now: float) -> CallError:
    """What an error of an SDK means. `private` is the text of the prompt, none of which is shown; `now` in
    seconds since 1970 is for a `retry-after` that is a date."""
    if isinstance(error, CachekitError):  # ours: no client, or one that cannot send this
        return CallError(ErrorKind.CREDENTIALS if error.exit_code == 3 else ErrorKind.BROKEN, error.message())
    status = _status(error)
    kind = _kind(error, status)
    shown = _message(error, private) if kind in (ErrorKind.INVALID, ErrorKind.CREDENTIALS) else ""
    if kind is ErrorKind.BROKEN:
        shown = type(error).__name__
    return CallError(kind, shown, status, _retry_after(error, now))


def _status(error: BaseException) -> int | None:
    own = part(error, "status_code")
    aws = part(part(part(error, "response"), "ResponseMetadata"), "HTTPStatusCode")
    return next((value for value in (own, aws) if isinstance(value, int) and not isinstance(value, bool)), None)


def _kind(error: BaseException, status: int | None) -> ErrorKind:
    code = text(part(part(part(error, "response"), "Error"), "Code"))
    if code in _AWS_CODES:
        return _AWS_CODES[code]
    if status is not None:
        if status in _STATUSES:
            return _STATUSES[status]
        return ErrorKind.SERVER if status >= 500 else ErrorKind.INVALID
    chain = list(_chain(error))
    names = {name for each in chain for name in (type(each).__name__, *(base.__name__ for base in type(each).__mro__))}
    if "authentication method" in str(error):  # anthropic's TypeError where it has neither key nor token
        return ErrorKind.NO_CREDENTIALS
    if names & _CREDENTIAL_ERRORS:
        return ErrorKind.CREDENTIALS
    return _network(chain, names)


def _network(chain: list[BaseException], names: set[str]) -> ErrorKind:
    if any(isinstance(each, socket.gaierror) for each in chain) or "NameResolutionError" in names:
        return ErrorKind.NO_HOST
    if any(isinstance(each, ConnectionRefusedError) for each in chain):
        return ErrorKind.REFUSED
    if any(isinstance(each, TimeoutError) for each in chain) or any("Timeout" in name for name in names):
        return ErrorKind.TIMEOUT
    if names & _NETWORK_ERRORS or any(name.endswith("ConnectionError") for name in names):
        return ErrorKind.NETWORK
    return ErrorKind.BROKEN


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it."""
    seen: set[int] = set()
    found: object = error
    while isinstance(found, BaseException) and id(found) not in seen:
        seen.add(id(found))
        yield found
        nested = [arg for arg in (*found.args, part(found, "reason")) if isinstance(arg, BaseException)]
        found = found.__cause__ or found.__context__ or (nested[0] if nested else None)


def _retry_after(error: BaseException, now: float) -> float | None:
    response = part(error, "response")
    headers = part(response, "headers") or part(part(response, "ResponseMetadata"), "HTTPHeaders")
    if (milliseconds := _number(_header(headers, "retry-after-ms"))) is not None:
        return milliseconds / 1000
    header = _header(headers, "retry-after")
    seconds = _number(header)
    if seconds is not None or header is None:
        return seconds
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now)


def _header(headers: object, name: str) -> str | None:
    return text(part(headers, name))


def _number(header: str | None) -> float | None:
    return float(header) if header is not None and re.fullmatch(r"\d{1,9}(\.\d+)?", header) else None


# --- the provider's words -------------------------------------------------------------------------------------------

_WINDOW = 12
"""A run of this many characters that the prompt has too is taken for the prompt's."""

_SECRET = re.compile(r"\b(?:sk|rk|pk)-[\w-]{8,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\b[A-Za-z0-9+/_-]{40,}=*")
"""What a provider quotes of a key, also cut short, on top of what `redact_text` finds."""


def _message(error: BaseException, private: str) -> str:
    """The provider's message on one line, with everything taken out that the prompt or a key could have put there."""
    body = part(error, "body")
    places = (
        part(part(body, "error"), "message"),
        part(body, "message"),
        part(part(part(error, "response"), "Error"), "Message"),
    )
    message = next((found for place in places if (found := text(place))), type(error).__name__)
    return without_private(message[:2000], private)[:_LONGEST]


def without_private(message: str, private: str) -> str:
    """A message without keys and without any longer run of characters that stands in the prompt too."""
    shown, private = (
        " ".join(_SECRET.sub("…", redact_text(message).replace(LEFT_OUT, "…")).split()),
        " ".join(private.split()),
    )
    hidden = [False] * len(shown)
    for start in range(len(shown) - _WINDOW + 1):
        if shown[start : start + _WINDOW] in private:
            hidden[start : start + _WINDOW] = [True] * _WINDOW
    return re.sub("\0+", "…", "".join("\0" if gone else sign for sign, gone in zip(shown, hidden, strict=True)))
