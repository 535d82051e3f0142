"""What the user's configuration says of a model: which model an alias means, and what was overridden for it."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.core.catalog.models import Identity, host_name, identify
from cachekit.core.jsonio.json_access import mapping, text

Overrides = Mapping[str, object]
"""Tables as the config file has them: `models` (alias or ARN = model), `policy."model"`, `pricing."model"`."""


def resolve(model: str, host: str, overrides: Overrides | None) -> Identity:
    """The identity of a model string, aliases of the user's `models` table resolved. An alias keeps the host that its
    own form gives: an application inference profile is on Bedrock whatever model it is said to hold."""
    named = identify(model, host)
    names = mapping((overrides or {}).get("models"))
    meant = text(names.get(model)) or text(names.get(named.name))
    return identify(meant, named.host or host_name(host)) if meant else named


def override_of(model: str, identity: Identity, overrides: Overrides | None, table: str) -> Mapping[str, object]:
    """The user's row for a model in a table: under the string itself, or under any name of the same model."""
    rows = mapping((overrides or {}).get(table))
    if not rows:
        return {}
    if own := mapping(rows.get(model)):
        return own
    for key in rows:
        named = identify(key, identity.host)
        same = named.model == identity.model if named.model else bool(named.name) and named.name == identity.name
        if same:
            return mapping(rows.get(key))
    return {}
