"""What a statement about the outside rests on."""

from __future__ import annotations

from enum import StrEnum


class Ground(StrEnum):
    """`measured`: seen when the real thing ran, in a range of releases. `documented`: its maker says so, with source
    and date. `assumed`: the likeliest case. Only the first two may become an error, a confirmed finding or an edit."""

    MEASURED = "measured"
    DOCUMENTED = "documented"
    ASSUMED = "assumed"
