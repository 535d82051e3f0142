"""Generated examples are the same on every run, so that what is red today is red for everyone; `make fuzz` draws new
ones."""

from hypothesis import settings

settings.register_profile("same", derandomize=True)
settings.load_profile("same")
