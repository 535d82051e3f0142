"""Generated examples are the same on every run, so that what is red today is red for everyone; `make fuzz` draws new
ones. SIGINT works as in a terminal also where the tests run in the background, for what they start inherits it."""

import os
import signal

from hypothesis import settings

settings.register_profile("same", derandomize=True)
settings.load_profile("same")

os.environ.pop("GITHUB_ACTIONS", None)  # the tests see what users see elsewhere

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
