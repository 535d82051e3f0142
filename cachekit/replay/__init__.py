"""`replay`: what would other strategies have read, written and cost, on the calls of a log?"""

from __future__ import annotations

from collections.abc import Sequence

from cachekit.core.jsonio.collection import without_collection
from cachekit.core.model.errors import InputError
from cachekit.replay.best import Best, best
from cachekit.replay.open_source import opened
from cachekit.replay.run import replay
from cachekit.replay.strategies import DEFAULT, Strategy, candidates, parse_strategy
from cachekit.replay.values import Replayed, ReplayOptions

__all__ = ["Best", "ReplayOptions", "Replayed", "Strategy", "best", "compare_strategies", "parse_strategy", "replay"]


def compare_strategies(
    paths: Sequence[str], names: Sequence[str], *, best_of_all: bool = False, options: ReplayOptions | None = None
) -> tuple[Replayed, list[Best]]:
    """Replays logs under the named strategies (the usual ones where none is named; always as-sent too), and with
    `best_of_all` under all candidates, telling the cheapest. Raises InputError where no call can be replayed."""
    chosen = [parse_strategy(name) for name in names or DEFAULT]
    if all(strategy.name != "as-sent" for strategy in chosen):
        chosen.insert(0, parse_strategy("as-sent"))
    more = [strategy for strategy in candidates() if strategy not in chosen] if best_of_all else []
    options = options or ReplayOptions()
    with without_collection():
        found = replay(opened(paths, options), (*chosen, *more), options)
    if not found.calls:
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in found.left_out.most_common(3))
        raise InputError(
            f"no call can be replayed ({reasons or 'the log holds none'})",
            where=", ".join(paths)[:200],
            hint="a replay needs times and prompts (digests will do); --model names the model of a trace without one",
        )
    rows = best(found) if best_of_all else []
    found.strategies = tuple(s for s in found.strategies if s in chosen or any(row.strategy == s.name for row in rows))
    return found, rows
