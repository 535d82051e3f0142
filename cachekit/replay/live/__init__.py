"""`replay --live`: the calls of a log sent again, under a tracker and a budget.

`planning.py` says what is sent and at what cost, `run.py` sends it.
"""

from cachekit.replay.live.planning import plan_live
from cachekit.replay.live.run import LiveReplay
from cachekit.replay.live.values import Ending, Family, LiveOptions, Outcome, Plan, Side, Timing

__all__ = ["Ending", "Family", "LiveOptions", "LiveReplay", "Outcome", "Plan", "Side", "Timing", "plan_live"]
