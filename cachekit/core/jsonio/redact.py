"""Takes keys, tokens and passwords out of what is stored or shown. Only here is written what a secret looks like."""

from __future__ import annotations

import re
from collections.abc import Mapping

LEFT_OUT = "(left out)"

_DEEPEST = 200

_NAME = re.compile(
    r"(?:api|access|secret|private|signing|encryption|subscription|account|storage|master|service)key(?:id)?"
    r"|secret(?:s|access(?:key)?|value)?|clientsecret|password|passwd|passphrase|pwd|credentials?|cookies?"
    r"|authorization(?:token)?|auth(?:header)?|connectionstring"
    r"|(?:api|auth|access|refresh|session|security|bearer|id|csrf|oauth|bot|personalaccess|server)?token"
)
"""A whole name, in lower case and without what joins its words: `api_key`, `X-Api-Key` and `apiKey` are one."""

_PREFIXES = re.compile(
    r"^(?:x|aws|azure|amz|anthropic|openai|google|gcp|github|gitlab|slack|hf|mcp|proxy|set|bedrock|my|the)+"
)

_VALUE = re.compile(
    r"\b(?:sk|rk|pk)-[A-Za-z0-9][\w-]{15,}"  # OpenAI, Anthropic, Stripe and those that copied them
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abeoprs]-[\w-]{10,}|\bhf_\w{20,}"
    r"|\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"  # a JWT
    r"|(?i:\bbearer)\s+[\w.~+/=-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
    re.DOTALL,
)
_IN_JSON = re.compile(
    r"(?i)(\\?\"[\w-]*(?:api_?key|password|secret|token|authorization|credentials?)\\?\"\s*:\s*\\?\")[^\"\\]{4,}"
)
_USER_INFO = re.compile(r"(?<=://)[^/\s@\"'<>]+@")
_IN_QUERY = re.compile(
    r"(?i)(?<=[?&;])((?:[\w-]*(?:api[_-]?key|token|secret|password|signature|credential)|key|sig|code|auth|pwd)=)[^&\s\"'<>#]+"
)


def redact(value: object, depth: int = 0) -> object:
    """JSON with the text of secrets replaced, at any depth: those of a secret's name, values that look like one, and
    what stands in addresses. Names in a schema stay: only text is replaced."""
    if isinstance(value, str):
        return redact_text(value)
    if depth > _DEEPEST:
        return LEFT_OUT
    if isinstance(value, list):
        return [redact(inner, depth + 1) for inner in value]
    if not isinstance(value, Mapping):
        return value
    sends_on = any(isinstance(key, str) and _squashed(key) in ("serverurl", "url") for key in value)
    return {
        key: _headers(inner) if sends_on and _is_headers(key, inner) else _member(key, inner, depth)
        for key, inner in value.items()
    }


def _member(key: object, inner: object, depth: int) -> object:
    if isinstance(key, str) and isinstance(inner, (str, int, float)) and is_secret_name(key):
        return inner if isinstance(inner, bool) else LEFT_OUT
    return redact(inner, depth + 1)


def redact_text(text: str) -> str:
    """Text without what looks like a key, and without user, password and tokens in addresses."""
    if len(text) < 8:
        return text
    text = _VALUE.sub(LEFT_OUT, text)
    if "://" in text:
        text = _USER_INFO.sub(f"{LEFT_OUT}@", text)
    if "=" in text:
        text = _IN_QUERY.sub(rf"\g<1>{LEFT_OUT}", text)
    return _IN_JSON.sub(rf"\g<1>{LEFT_OUT}", text) if '"' in text else text


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret, however its words are joined."""
    squashed = _squashed(name)
    return _NAME.fullmatch(squashed) is not None or _NAME.fullmatch(_PREFIXES.sub("", squashed)) is not None


def _squashed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _is_headers(key: object, value: object) -> bool:
    return isinstance(key, str) and _squashed(key).endswith("headers") and isinstance(value, Mapping)


def _headers(value: object) -> dict[object, str]:
    """Headers that are sent on to a server of the user's, all values replaced."""
    return dict.fromkeys(value if isinstance(value, Mapping) else (), LEFT_OUT)
