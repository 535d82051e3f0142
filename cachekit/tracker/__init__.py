"""CacheTracker and what belongs to it: around the clients people use, the truth about each call's prompt cache."""

from cachekit.tracker.metrics import CallMetrics
from cachekit.tracker.options import CachePolicy
from cachekit.tracker.sinks import alert_text, to_logger, to_stderr, webhook
from cachekit.tracker.tracker import CacheTracker

__all__ = ["CacheTracker", "CachePolicy", "CallMetrics", "alert_text", "to_logger", "to_stderr", "webhook"]
