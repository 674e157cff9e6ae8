"""Ctrl-C, a terminated process and a closed terminal: they end the work alike, and wait while its end is settled."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextlib.contextmanager
def signals_interrupt() -> Iterator[None]:
    """They raise ``KeyboardInterrupt`` with the signal's name."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt(signal.Signals(number).name)

    with _handled_by(interrupt):
        yield


@contextlib.contextmanager
def settling(interrupted: bool) -> Iterator[None]:
    """They wait until the block is left; where one has ``interrupted`` the work already, that was enough."""
    waiting: list[int] = []
    with _handled_by(lambda number, frame: waiting.append(number)):
        yield
    if waiting and not interrupted:
        signal.raise_signal(waiting[0])


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Those that are ignored stay so, as nohup wants it. Only a main thread handles signals."""
    found = {number: signal.getsignal(number) for number in SIGNALS}
    ours = threading.current_thread() is threading.main_thread()
    earlier = {number: was for number, was in found.items() if ours and was not in (signal.SIG_IGN, None)}
    for number in earlier:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, was in earlier.items():
            signal.signal(number, was)
