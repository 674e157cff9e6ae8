"""Time the sides of a comparison alternately, and print what came out as Markdown."""

import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

from rich import box
from rich.console import Console
from rich.table import Table

THREADS = 2
POOLS = ("OMP", "OPENBLAS", "MKL", "NUMBA")


def limit_threads() -> None:
    """Give all sides the same cores and threads. Call it before anything that starts a thread pool is imported."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])  # JAX takes as many threads as it has cores
    for pool in POOLS:
        os.environ[f"{pool}_NUM_THREADS"] = str(THREADS)


def alternate(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds a call of each side takes, after one call each to warm up; the sides take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for call in sides.values():
        call()
    for _ in range(rounds):
        for name, call in sides.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: median(taken) for name, taken in seconds.items()}


@dataclass(frozen=True)
class Process:
    """What a finished process took: wall time in seconds, peak resident memory in MiB."""

    seconds: float
    mebibytes: float


def timed(command: list[str], folder: Path, **environment: str) -> Process:
    """Run a command to its end in ``folder``; ``RuntimeError`` with its output if it fails."""
    with (folder / "output.txt").open("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)  # the usage of this child alone
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}:\n{output.read()}")
    return Process(seconds, usage.ru_maxrss / 1024)


def show(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a Markdown table under its title."""
    table = Table(*columns, box=box.MARKDOWN)
    for row in rows:
        table.add_row(*map(str, row))
    console = Console(width=200)
    console.print(f"\n{title}\n", highlight=False)
    console.print(table)


def machine(*distributions: str) -> str:
    """One line on what was measured where: processor, threads, versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    versions = [f"Python {platform.python_version()}"]
    for name in distributions:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"{name} not installed")
    return f"{processor}, at most {THREADS} threads a side; {', '.join(versions)}."
