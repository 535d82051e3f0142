"""google-genai: it sends what it is given, under the API's names.

Documented, not measured: read 2026-11-30 in the types of google-genai 3.6.1.
"""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.backends import Backend
from cachekit.core.model.ground import Ground
from cachekit.core.providers.gemini import model_of


def translate(request: Mapping[str, object], _version: str, /) -> Wire:
    """The request as it is: its routes stay the user's. Never raises."""
    request = mapping(request)
    on_vertex = (text(request.get("model")) or "").startswith(("projects/", "publishers/"))
    return Wire(
        Backend.GEMINI,
        request,
        model=model_of(request),
        host="vertex" if on_vertex else "google",
        provider="google",
        ground=Ground.DOCUMENTED,
    )
