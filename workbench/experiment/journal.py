"""A journal: what happened, one JSON object per line, on disk as soon as it happened."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

FILE = "journal.jsonl"


class Journal:
    """An append-only JSON Lines file, new with every run.

    A record is one unbuffered write, so a killed process leaves at most one torn line, the last. Numbers that are not
    finite stand as Python's ``NaN`` and ``Infinity``.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=0)

    def append(self, event: str, **fields: Any) -> None:
        """Write one record; ``time_ms`` is milliseconds since the epoch, so that a replay gives the same times."""
        record = {"event": event, "time_ms": time.time_ns() // 1_000_000, **fields}
        self._file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")

    def sync(self) -> None:
        """Return when everything written would survive a power cut."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def read(directory: Path) -> list[dict[str, Any]]:
    """All records of the journal in ``directory``, a torn last line left out.

    Raises ``FileNotFoundError`` where there is none, ``json.JSONDecodeError`` where another line is broken.
    """
    *lines, torn = (directory / FILE).read_bytes().split(b"\n")
    return [json.loads(line) for line in lines]
