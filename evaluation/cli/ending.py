"""Ends of a command that others ask for: what it laid down for a while goes with it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["ended_in_order"]

_BY_SIGNAL = 128


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Take SIGTERM, by which schedulers end a job, as an exit and not as a kill.

    Temporary folders are then taken away, as after an error or Ctrl-C.

    Raises
    ------
    SystemExit
        With 143, as a shell says of a process that SIGTERM ended.
    """
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(_BY_SIGNAL + number)
