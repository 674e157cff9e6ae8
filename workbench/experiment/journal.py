"""A journal: what happened, one JSON object per line, on disk as soon as it happened."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from workbench.files import writing

FILE = "journal.jsonl"


class Journal:
    """An append-only JSON Lines file, new with every run.

    A record is one unbuffered write, so a killed process leaves at most one torn line, the last; one that the disk does
    not take as a whole is taken back. Numbers that are not finite stand as Python's ``NaN`` and ``Infinity``. Raises
    ``NotWritten``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with writing(path):
            self._file = path.open("xb", buffering=0)

    def append(self, event: str, **fields: Any) -> None:
        """Write one record; ``time_ms`` is milliseconds since the epoch, so that a replay gives the same times."""
        record = {"event": event, "time_ms": time.time_ns() // 1_000_000, **fields}
        line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        begin = self._file.tell()
        end = begin + len(line)
        with writing(self._path):
            try:
                while (at := self._file.tell()) < end:  # a disk that is nearly full takes a part
                    self._file.write(line[at - begin :])
            except BaseException:
                if self._file.tell() < end:
                    self._file.seek(begin)
                    self._file.truncate()
                raise

    def sync(self) -> None:
        """Return when everything written would survive a power cut, with the names of the file and of its folder."""
        with writing(self._path):
            os.fsync(self._file.fileno())
            for folder in self._path.parents[:2]:
                names = os.open(folder, os.O_RDONLY)
                try:
                    os.fsync(names)
                finally:
                    os.close(names)

    def close(self) -> None:
        self._file.close()


def read(directory: Path) -> list[dict[str, Any]]:
    """All records of the journal in ``directory``, a torn last line left out.

    Raises ``FileNotFoundError`` where there is none, ``json.JSONDecodeError`` where another line is broken.
    """
    *lines, torn = (directory / FILE).read_bytes().split(b"\n")
    return [json.loads(line) for line in lines]


def begun(directory: Path) -> bool:
    """Whether a journal in ``directory`` holds a record: one that was killed at once, or found no room, has none."""
    path = directory / FILE
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline().endswith(b"\n")


def folders(directory: Path) -> list[Path]:
    """The folders in ``directory`` whose journals have begun, by name."""
    return sorted(path.parent for path in directory.glob(f"*/{FILE}") if begun(path.parent))
