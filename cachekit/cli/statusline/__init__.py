"""`cachekit statusline`."""
