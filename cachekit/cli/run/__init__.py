"""`cachekit run`."""
