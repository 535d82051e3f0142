"""Serving: a free port at once, a port that is taken, and an end that leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress

import pytest

from cachekit.core.model.errors import OutsideError
from cachekit.emulator import Emulator, serve
from cachekit.emulator.serve import url_of


def test_two_emulators_have_two_ports_and_two_caches():
    with serve(Emulator()) as one, serve(Emulator()) as other:
        assert one != other
        assert one.startswith("http://127.0.0.1:")


def test_a_taken_port_is_said_so():
    with serve(Emulator()) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(OutsideError, match=f"port {port}"), serve(Emulator(), port):
            pass


def test_nothing_is_left_when_it_ends():
    with serve(Emulator()) as url, pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url)
    assert "cachekit-emulator" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url)


def ask(url):
    """A request that may end in any way."""
    with suppress(OSError):
        urllib.request.urlopen(f"{url}/v1/messages", b"{}")


def test_it_ends_while_answers_are_held():
    emulator = Emulator()
    with serve(emulator) as url, emulator.hold():
        threading.Thread(target=ask, args=(url,), daemon=True).start()
        while not emulator.calls:
            time.sleep(0.002)


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:80"), ("::1", "http://[::1]:80")])
def test_an_address_as_a_client_takes_it(host, url):
    assert url_of(host, 80) == url


def test_the_state_alone_imports_no_server():
    code = "import sys, cachekit.emulator; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"uvicorn", "anthropic", "openai", "boto3", "typer", "rich"} & set(loaded)
