"""``workbench check``: the conformance table of a plugin, asked in another process that may hang, crash or print."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from workbench.authors.worker import EVERYTHING, is_file
from workbench.errors import ConfigError, UnknownName

LIMIT = 120  # seconds a check may take
KEPT = 1 << 14  # bytes of what a plugin prints, from its beginning and from its end
COLOURS = {"passed": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}
SHOWN = {"passed": "ok", "warning": "warning", "failed": "FAILED", "skipped": "skipped"}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    plugin: str
    check: str
    status: str
    text: str


def check(arguments: list[str]) -> int:
    """Print the table of what ``arguments`` name; 0 where nothing failed, else 1. ``ConfigError``, ``UnknownName``."""
    parser = argparse.ArgumentParser(
        "workbench check", description="check whether a plugin is what it should be", allow_abbrev=False
    )
    parser.add_argument("target", nargs="?", metavar="NAME|FILE", help="a registered name, kind.name, or a file")
    parser.add_argument("--all", action="store_true", help="every plugin there is")
    parser.add_argument("--time-limit", type=float, default=LIMIT, metavar="SECONDS", help="a check, %(default)s")
    options = parser.parse_args(arguments)
    if options.all == bool(options.target):
        raise ConfigError("`workbench check` takes the name of a plugin, a file, or --all.")
    if options.time_limit <= 0:
        raise ConfigError(f"--time-limit {options.time_limit:g}: it must be above 0.")
    target = options.target or EVERYTHING
    if is_file(target) and not Path(target).is_file():
        raise ConfigError(f"there is no file {target}.")
    return _print(_Session(target, options.time_limit).rows())


def _print(rows: Iterator[Row]) -> int:
    """Each row as soon as it is known."""
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    count: Counter[str] = Counter()
    plugins = set()
    with console.status("loading") as waiting:
        for row in rows:
            if row.plugin not in plugins:
                plugins.add(row.plugin)
                console.print(Text(f"\n{row.plugin}" if row.plugin else "", style="bold"))
            count[row.status] += 1
            line = Text.assemble(f"  {row.check:<40}", (f"{SHOWN[row.status]:<9}", COLOURS[row.status]), row.text)
            console.print(line, soft_wrap=True)
            waiting.update(row.plugin)
    told = ", ".join(f"{count[status]} {status}" for status in COLOURS if count[status])
    console.print(Text(f"\n{told or 'nothing to check'}"))
    return 1 if count["failed"] else 0


@dataclass
class _Session:
    """Worker processes in turn: where one dies or hangs, the next takes up with what comes after."""

    target: str
    limit: float
    start: tuple[int, int] | None = (0, 0)  # the plugin and the check that come next; None when all were asked
    plugins: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] | None = None

    def rows(self) -> Iterator[Row]:
        """What the workers found."""
        while self.start is not None:
            start, self.start = self.start, None
            yield from self._from(start)

    def _from(self, start: tuple[int, int]) -> Iterator[Row]:
        worker = _Worker(self.target, start, self.limit)
        asked = None  # the check that was begun and has not ended
        try:
            for message in worker.messages():
                event = message["event"]
                if event == "unknown":
                    raise UnknownName(message["text"])
                if event == "loaded" and self.failures is None:
                    self.plugins, self.failures = message["plugins"], message["failures"]
                    for failure in self.failures:
                        yield Row(self.target, "loads", "failed", failure)
                    if not self.plugins and not self.failures:
                        yield Row(self.target, "loads", "passed", "a listener: it offers nothing that can be checked")
                if event == "begins":
                    asked = message["plugin"], message["check"]
                if event == "ended":
                    i, j = asked = message["plugin"], message["check"]
                    yield self._row(i, j, message["status"], message["text"])
                    if j + 1 == len(self.plugins[i]["checks"]) and worker.printed:
                        yield Row(self._title(i), "prints", "warning", worker.printed)
                        worker.forget()
                    asked = None
        finally:
            worker.stop()
        if worker.ended is None:
            return
        if asked is None:
            yield Row(self.target, "loads", "failed", f"{worker.ended}; this happened while plugins were imported")
            return
        i, j = asked
        yield self._row(i, j, "failed", worker.ended)
        if worker.hung:  # whatever else is asked would hang as well
            for after in range(j + 1, len(self.plugins[i]["checks"])):
                yield self._row(i, after, "skipped", "not asked, since an earlier check did not end")
            j = len(self.plugins[i]["checks"])
        self.start = (i, j + 1)

    def _title(self, i: int) -> str:
        plugin = self.plugins[i]
        return f"{plugin['kind']} {plugin['name']} ({plugin['origin']})"

    def _row(self, i: int, j: int, status: str, text: str) -> Row:
        return Row(self._title(i), self.plugins[i]["checks"][j], status, text)


class _Worker:
    """One process. ``ended`` says how, if it ended before it was done; ``printed`` what it printed meanwhile."""

    def __init__(self, target: str, start: tuple[int, int], limit: float) -> None:
        self.limit = limit
        self.ended: str | None = None
        self.hung = False
        self._head, self._tail, self._size = b"", b"", 0
        reader, writer = os.pipe()
        request = json.dumps({"target": target, "start": start, "limit": limit})
        environment = dict(os.environ)
        if is_file(target):
            files = [environment.get("WORKBENCH_PLUGIN_FILES", ""), os.path.abspath(target)]
            environment["WORKBENCH_PLUGIN_FILES"] = os.pathsep.join(filter(None, files))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "workbench.authors.worker", str(writer), request],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            pass_fds=[writer], env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(writer)
        self._told = os.fdopen(reader, "rb", buffering=0)

    def messages(self) -> Iterator[dict[str, Any]]:
        """What it tells, until it is done, dies, or is silent for longer than the limit."""
        assert self._process.stdout is not None
        output = self._process.stdout
        with selectors.DefaultSelector() as ready:
            ready.register(self._told, selectors.EVENT_READ)
            ready.register(output, selectors.EVENT_READ)
            deadline, rest = time.monotonic() + max(self.limit, LIMIT), b""  # until it is there, the time is ours
            while True:
                if (left := deadline - time.monotonic()) <= 0:
                    self.hung = True
                    self.ended = f"did not end within {self.limit:g} s{self._place()}"
                    return
                for key, _ in ready.select(left):
                    chunk = os.read(key.fd, 1 << 16)
                    if key.fileobj is output:
                        self._hear(chunk)
                        if not chunk:
                            ready.unregister(output)
                        continue
                    if not chunk:
                        self.ended = self._death()
                        return
                    *lines, rest = (rest + chunk).split(b"\n")
                    for message in map(json.loads, lines):
                        deadline = time.monotonic() + self.limit
                        if message["event"] == "done":
                            return
                        yield message

    @property
    def printed(self) -> str:
        """What reached the terminal, in a few printable words."""
        first = self._head.decode(errors="replace").splitlines()[0][:60] if self._size else ""
        return f"it prints to the terminal ({self._size} characters), first {ascii(first)}" if self._size else ""

    def forget(self) -> None:
        """Hear anew."""
        self._head, self._tail, self._size = b"", b"", 0

    def stop(self) -> None:
        """End it, and whatever it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._told.close()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _hear(self, chunk: bytes) -> None:
        self._size += len(chunk)
        self._head = (self._head + chunk)[:KEPT]
        self._tail = (self._tail + chunk)[-KEPT:]

    def _place(self) -> str:
        """Where it hung, as its last words tell: the innermost line that is neither ours nor a library's."""
        told = self._tail.decode(errors="replace")
        frames = re.findall(r'File "([^"]+)", line (\d+) in (\S+)', told.partition("most recent call first")[2])
        ours = os.path.dirname(os.path.dirname(__file__))
        for file, line, function in frames:
            if "site-packages" not in file and not file.startswith((ours, "<", sys.base_prefix)):
                return f"; it was in {os.path.relpath(file)}, line {line} ({function})"
        return ""

    def _death(self) -> str:
        code = self._process.wait()
        if code < 0:
            name = signal.Signals(-code).name
            outside = name in ("SIGSEGV", "SIGBUS", "SIGABRT")
            hint = ": it probably wrote or read far outside its arrays" if outside else ""
            return f"the process died of {name}{hint}{self._place()}"
        *_, last = ("", *self._tail.decode(errors="replace").split("\n")[:-1])
        return f"the process ended with exit code {code}{last and f'; its last words: {ascii(last)}'}"
