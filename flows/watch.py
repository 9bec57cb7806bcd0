"""Notice that the Prefect server is gone: after three polls without an answer Prefect's runner stops, but its process stays.

A process that only looks alive would let the nights pass; one that ends with a status is started again by its keeper.
"""

from __future__ import annotations

import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable

ANSWER_SECONDS = 5.0


def answers(address: str) -> bool:
    """Whether the server says anything at all."""
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=ANSWER_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def wait_until_lost(address: str, poll: float) -> None:
    """Return when a server that has answered before has not done so for `poll` seconds, in at least three tries."""
    heard, misses = 0.0, 0
    while not (heard and misses >= 3 and time.monotonic() - heard > poll):
        if answers(address):
            heard, misses = time.monotonic(), 0
        else:
            misses += 1
        time.sleep(poll / 5)


def end_when_lost(address: str, poll: float, tell: Callable[[], object], status: int) -> None:
    """Beside the main thread: when the server is lost, tell it and end the process with an exit status."""

    def watch() -> None:
        wait_until_lost(address, poll)
        tell()
        os._exit(status)

    threading.Thread(target=watch, name="watch", daemon=True).start()
