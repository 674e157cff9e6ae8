"""What is printed when everything has ended: numbers, finding, figures, what failed, where to look."""

from __future__ import annotations

import math
import os
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workbench.experiment.record import Record
from workbench.experiment.run import Run
from workbench.experiment.sweep import Sweep

RESULTS = (
    *("val/loss", "val/accuracy", "val/r2"),
    *("cluster/n_clusters", "cluster/inertia", "cluster/silhouette", "cluster/adjusted_rand"),
)
PARAMETERS = "network/parameters"
COLOURS = {"RUNNING": "yellow", "FINISHED": "", "FAILED": "red", "KILLED": "yellow"}


def report(record: Run | Sweep) -> None:
    """Print it all, to standard output."""
    console = printer()
    if isinstance(record, Sweep):
        console.print(_table(record))
        runs = record.runs
    else:
        console.print(Text(f"{record.name}  {record.status if record.error else outcome(record)}"))
        runs = [record]
    for line in _lines(record, runs):
        console.print(Text(line))


def printer() -> Console:
    """Standard output; a pipe has no width to fit into."""
    return Console(width=None if sys.stdout.isatty() else 120, highlight=False, soft_wrap=True)


def outcome(run: Run) -> str:
    """How a run ended, in a few words: its results, or its status."""
    if run.status != "FINISHED":
        last_line = (run.error or "").strip().splitlines()[-1:]
        return ": ".join([run.status, *last_line])
    results = [f"{key} {value:.4g}" for key in RESULTS if (value := run.result(key)) is not None]
    if run.best_epoch is not None:
        results.append(f"at epoch {run.best_epoch}, the best of {max(run.metrics['train/loss'])[0]}")
    return "  ".join(results) or run.status


def _lines(record: Run | Sweep, runs: list[Run]) -> Iterator[str]:
    if isinstance(record, Sweep):
        if record.finding:
            yield record.finding
        broken = [run for run in runs if run.status != "FINISHED"]
        for run in broken:
            yield f"{run.name}  {outcome(run)}"
        finished = len(runs) - len(broken)
        if finished < record.jobs:
            unbegun = f", {record.jobs - len(runs)} not begun" * (len(runs) < record.jobs)
            why = "; each other one's journal says why not" * bool(broken)
            yield f"{finished} of {record.jobs} jobs finished{unbegun}{why}."
    if record.error and (isinstance(record, Run) or record.status == "FAILED"):
        yield record.error.rstrip()
    yield kernels()
    if record.figures:
        yield "figures: " + ", ".join(_relative(path) for path in record.figures.values())
    yield f"journal: {_relative(record.directory)}"
    everywhere: list[Record] = [record, *runs] if isinstance(record, Sweep) else [record]
    yield from dict.fromkeys(problem for each in everywhere for problem in each.problems)
    yield from record.links


def kernels() -> str:
    """How much of the compiled engine this process had to build. It is not loaded just to say: nothing."""
    jit = sys.modules.get("workbench.jit")
    compiled, loaded = (0, 0) if jit is None else (jit.statistics().compiled, jit.statistics().loaded)
    return f"{compiled} kernels compiled, {loaded} loaded from the cache"


def _table(sweep: Sweep) -> Table:
    """One row per setting, mean ± standard deviation over its seeds; with the networks' sizes where they differ."""
    keys = [key for key in sweep.varied if key.split(".")[-1] != "seed"]
    groups: dict[tuple, list[Run]] = {}
    for run in sweep.runs:
        if run.status == "FINISHED":
            groups.setdefault(tuple(run.params.get(key) for key in keys), []).append(run)
    sized = len({size for run in sweep.runs if (size := run.result(PARAMETERS)) is not None}) > 1
    measured = [key for key in RESULTS if any(key in run.metrics for run in sweep.runs)]
    headings = [*(key.removeprefix("learner.") for key in keys), *["parameters"] * sized, "runs", *measured]
    table = Table(*headings, box=box.SIMPLE)
    for values, runs in groups.items():
        results = (spread([x for run in runs if (x := run.result(key)) is not None]) for key in measured)
        size = runs[0].result(PARAMETERS)
        shown = [f"{size:,.0f}" if size is not None else ""] * sized
        table.add_row(*map(str, values), *shown, str(len(runs)), *results)
    return table


def spread(values: Sequence[float], mean: str = ".4f", deviation: str = ".4f") -> str:
    """Mean ± standard deviation in these formats, less what so few values do not have; NaN where one is not finite."""
    if not values:
        return ""
    middle = f"{sum(values) / len(values):{mean}}"
    if len(values) == 1:
        return middle
    finite = all(map(math.isfinite, values))
    return f"{middle} ± {statistics.stdev(values) if finite else math.nan:{deviation}}"


def _relative(path: Path) -> str:
    return os.path.relpath(path)
