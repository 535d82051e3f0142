"""AWS errors as one line each: what failed, where, and a hint.

AWS's own words are not passed on: they may name keys, tokens and signatures. Its error codes are, and the name of the
operation; both are enough to look further.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from botocore import exceptions as aws  # type: ignore[import-untyped]

from cachekit.core.jsonio.json_access import dig, mapping, text
from cachekit.core.model.errors import CachekitError, OutsideError, UsageError

RERUN = "run the same command: it goes on where it stopped"
AGAIN = f"then {RERUN}"
LARGEST_SKEW = 240
"""Seconds: AWS refuses a clock that is off by more than five minutes."""

THROTTLING = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"),
        *("TooManyRequestsException", "RequestLimitExceeded", "SlowDown", "LimitExceededException", "BandwidthLimit"),
    }
)

_ACTIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "GetMetricData": "cloudwatch:GetMetricData",
    "ListMetrics": "cloudwatch:ListMetrics",
    "AssumeRole": "sts:AssumeRole",
    "GetObject": "s3:GetObject",
    "GetModelInvocationLoggingConfiguration": "bedrock:GetModelInvocationLoggingConfiguration",
    "GetInferenceProfile": "bedrock:GetInferenceProfile",
}
"""The permission that an operation needs; of those not listed it is `logs:` and their name."""


@dataclass(frozen=True, slots=True)
class _Error:
    what: str
    hint: str


_LOGIN = "log in again, such as with `aws sso login`"
_ERRORS = {
    "denied": _Error("AWS does not allow {action}", "give this identity that permission, or name another --profile"),
    "denied-key": _Error("AWS does not let this identity use the key of the data", "give it kms:Decrypt on the key"),
    "role": _Error("AWS does not let this identity take the role", "look at the role's trust policy and --role-arn"),
    "no-group": _Error("there is no such log group", "look at its name and --region; log groups are kept by region"),
    "no-query": _Error("the Insights query is gone", RERUN),
    "no-bucket": _Error("there is no such bucket", "look at its name and at the account"),
    "no-object": _Error("an object was deleted while it was to be read", "run the same command again"),
    "archived": _Error("an object is archived and cannot be read", "restore it, or begin later with --since"),
    "expired": _Error("the credentials have expired", f"{_LOGIN}, {AGAIN}"),
    "unknown-key": _Error("AWS does not know these credentials", "look at the access key, or name another --profile"),
    "clock": _Error("this machine's clock is off{skew}", "set the clock, then run the same command again"),
    "signature": _Error("AWS refuses the signature", "the secret key does not belong to the access key, or is torn"),
    "throttled": _Error("AWS kept throttling {operation}", f"wait a while, {AGAIN}"),
    "filter": _Error("AWS refuses the parameters of {operation}", "look at --filter, --log-group and the times"),
    "query": _Error("Insights does not understand the query", "look at --filter: it is what follows `| filter`"),
    "down": _Error("AWS failed at {operation} ({code})", f"try later, {AGAIN}"),
    "disabled": _Error("this service is off in this account or region", "look at --region"),
}
_CODES = {
    "AccessDenied": "denied",
    "AccessDeniedException": "denied",
    "UnauthorizedOperation": "denied",
    "AuthorizationError": "denied",
    "403": "denied",
    "ResourceNotFoundException": "no-group",
    "NoSuchBucket": "no-bucket",
    "NoSuchKey": "no-object",
    "InvalidObjectState": "archived",
    "ExpiredToken": "expired",
    "ExpiredTokenException": "expired",
    "TokenRefreshRequired": "expired",
    "InvalidClientTokenId": "unknown-key",
    "UnrecognizedClientException": "unknown-key",
    "InvalidAccessKeyId": "unknown-key",
    "InvalidToken": "unknown-key",
    "AuthFailure": "unknown-key",
    "IncompleteSignature": "signature",
    "IncompleteSignatureException": "signature",
    "SignatureDoesNotMatch": "signature",
    "InvalidSignatureException": "signature",
    "RequestTimeTooSkewed": "clock",
    "RequestExpired": "clock",
    "RequestInTheFuture": "clock",
    "InvalidParameterException": "filter",
    "InvalidParameterValue": "filter",
    "MalformedQueryException": "query",
    "OptInRequired": "disabled",
    "SubscriptionRequiredException": "disabled",
    **dict.fromkeys(THROTTLING, "throttled"),
}
_OURS = frozenset({"filter", "query"})
"""Errors of the user's own options."""

_LOCAL: Mapping[type[Exception], _Error] = {
    aws.NoCredentialsError: _Error("there are no AWS credentials", "log in, or set AWS_PROFILE or AWS_ACCESS_KEY_ID"),
    aws.PartialCredentialsError: _Error("the AWS credentials are incomplete", "an access key goes with a secret key"),
    aws.CredentialRetrievalError: _Error(
        "the AWS credentials could not be fetched", "run `aws sts get-caller-identity`"
    ),
    aws.SSOError: _Error("the single sign-on session is over or was never begun", f"{_LOGIN}, {AGAIN}"),
    aws.TokenRetrievalError: _Error("the single sign-on session is over or was never begun", f"{_LOGIN}, {AGAIN}"),
    aws.SSLError: _Error("the TLS connection to AWS failed", "look at AWS_CA_BUNDLE and at proxies"),
    aws.ProxyConnectionError: _Error("the proxy does not answer", "look at HTTPS_PROXY"),
    aws.EndpointConnectionError: _Error("AWS cannot be reached", f"look at the network and --region, {AGAIN}"),
    aws.ConnectTimeoutError: _Error("AWS cannot be reached", f"look at the network and --region, {AGAIN}"),
    aws.HTTPClientError: _Error("the connection to AWS broke", f"look at the network, {AGAIN}"),
    aws.ConnectionError: _Error("the connection to AWS broke", f"look at the network, {AGAIN}"),
}
if hasattr(aws, "LoginError"):  # botocore has it since 1.41
    login_over = _Error("the AWS login session is over or was never begun", f"run `aws login`, {AGAIN}")
    _LOCAL = {aws.LoginError: login_over, **_LOCAL}
_MISUSE: Mapping[type[Exception], _Error] = {
    aws.ProfileNotFound: _Error("there is no AWS profile of that name", "`aws configure list-profiles` lists them"),
    aws.ConfigParseError: _Error("the AWS configuration cannot be parsed", "look at ~/.aws/config"),
    aws.NoRegionError: _Error("no AWS region is set", "name --region, or set AWS_REGION"),
    aws.InvalidRegionError: _Error("that is no AWS region", "look at --region and AWS_REGION"),
    aws.ParamValidationError: _Error("AWS would not take these parameters", "look at --log-group, --s3 and --filter"),
}


def is_throttled(error: Exception) -> bool:
    """Whether AWS wants a slower pace."""
    return isinstance(error, aws.ClientError) and _code(error) in THROTTLING


def translate_error(error: Exception, where: str = "") -> CachekitError:
    """The error for the user, `where` being what was read: a log group, a bucket, a region."""
    if isinstance(error, aws.ClientError):
        return _of_answer(error, where)
    for table, kind in ((_MISUSE, UsageError), (_LOCAL, OutsideError)):
        known_error = next((found for known, found in table.items() if isinstance(error, known)), None)
        if known_error is not None:
            return kind(known_error.what, where=where, hint=known_error.hint)
    return OutsideError(f"AWS could not be asked ({type(error).__name__})", where=where, hint="look at the network")


def _of_answer(error: Exception, where: str) -> CachekitError:
    code, operation = _code(error), _word(getattr(error, "operation_name", ""))
    kind = _kind(error, code, operation)
    if kind is None:
        return OutsideError(f"AWS refuses {operation} ({code})", where=where)
    known_error = _ERRORS[kind]
    words = {
        "action": _ACTIONS.get(operation, f"logs:{operation}"),
        "operation": operation,
        "code": code,
        "skew": _skew_in_words(error),
    }
    made = UsageError if kind in _OURS else OutsideError
    return made(known_error.what.format(**words), where=where, hint=known_error.hint.format(**words))


def _kind(error: Exception, code: str, operation: str) -> str | None:
    kind = _CODES.get(code)
    message = text(dig(_response(error), "Error", "Message")) or ""
    if kind == "denied":
        return "role" if operation == "AssumeRole" else "denied-key" if "kms" in message.lower() else kind
    if kind == "signature":
        is_old = "expired" in message.lower() or "not yet current" in message.lower()
        return "clock" if is_old or abs(_skew(error) or 0) > LARGEST_SKEW else kind
    if kind == "no-group" and operation == "GetQueryResults":
        return "no-query"
    status = dig(_response(error), "ResponseMetadata", "HTTPStatusCode")
    if kind is None and isinstance(status, int) and status >= 500:
        return "down"
    return kind


def _response(error: Exception) -> Mapping[str, object]:
    return mapping(getattr(error, "response", None))


def _code(error: Exception) -> str:
    return _word(dig(_response(error), "Error", "Code"))


def _word(value: object) -> str:
    """A name as AWS has them; anything else could be anything."""
    word = text(value) or ""
    return word if re.fullmatch(r"[A-Za-z0-9.]{1,64}", word) else "unknown"


def _skew(error: Exception) -> float | None:
    """Seconds by which this machine's clock is ahead of the clock of AWS."""
    date = text(dig(_response(error), "ResponseMetadata", "HTTPHeaders", "date"))
    if date is None:
        return None
    try:
        theirs = parsedate_to_datetime(date)
        return (datetime.now(UTC) - theirs).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None


def _skew_in_words(error: Exception) -> str:
    skew = _skew(error)
    if skew is None or abs(skew) <= LARGEST_SKEW:
        return ""
    return f": it is {abs(skew) / 60:,.0f} minutes {'ahead' if skew > 0 else 'behind'}"
