"""`report`: did the cache work, and what did it cost when it did not?

`fold` reads logs into a state, `merge` puts states together, `finish` makes the report of one. Processes, and machines,
are only ways of calling them: the same calls give the same report, however they were split.
"""

from cachekit.core.jsonio.moments import parse_moment
from cachekit.report.finish import finish
from cachekit.report.folding.fold import fold, fold_calls
from cachekit.report.folding.state import State, merge
from cachekit.report.options import ReportOptions
from cachekit.report.reporter import Reporter
from cachekit.report.values import Comparison, Report, Row

__all__ = [
    "Comparison",
    "Report",
    "ReportOptions",
    "Reporter",
    "Row",
    "State",
    "finish",
    "fold",
    "fold_calls",
    "merge",
    "parse_moment",
]
