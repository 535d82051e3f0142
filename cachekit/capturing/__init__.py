"""Capture: the bodies that really leave a program, whatever library made them.

    with capture() as seen:               # recorded and sent
        agent("hello")
    with capture(send=False) as seen:     # recorded and answered here: no network, no key, no cost
        agent("hello")
    audit(seen[0]).assert_caches()

Requests are seen where they leave: in httpx, httpx2, requests and botocore, sync and async. Those modules are changed
while a capture is open and only then; one that is imported later is changed as it arrives, one that is not installed
is not missed.

    scope.py     which captures a request belongs to: tasks, threads, nesting
    patches.py   the changes, and their undoing
    clients.py, aws.py   how each library sends, and is answered
    exchange.py  from an HTTP request to what is recorded
    answers.py   the answers where nothing is sent
    program.py   `cachekit capture`: another program, from its start; startup/ is what Python imports there
"""

from __future__ import annotations

from cachekit.capturing.opening import capture
from cachekit.core.model.captured import Captured

__all__ = ["Captured", "capture"]
