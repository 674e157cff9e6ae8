"""What is shown while jobs run: the first network; on a terminal a bar, and in a sweep one line per finished job."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich import progress
from rich.console import Console
from rich.text import Text

from workbench.experiment.grid import Grid
from workbench.experiment.report import COLOURS, outcome, printer
from workbench.experiment.run import Run
from workbench.experiment.shapes import shapes, workspace

if TYPE_CHECKING:
    from workbench.network import Network


class Progress:
    """A context manager; ``network``, ``epoch`` and ``ended`` tell it how far things are.

    At the end of a run the terminal may be gone: that changes nothing about how it ended.
    """

    def __init__(self, grid: Grid) -> None:
        console = Console(stderr=True)
        columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), progress.MofNCompleteColumn())
        silent = not console.is_terminal
        # Four times a second is often enough to watch, and leaves the cores to the training.
        self._bar = progress.Progress(*columns, console=console, transient=True, disable=silent, refresh_per_second=4)
        self._sweep = grid.sweep
        jobs = len(grid.jobs)
        self._width = len(str(jobs))
        epochs = grid.jobs[0].config.learner.get("epochs")
        what = "jobs" if grid.sweep else "epochs" if epochs is not None else "fitting"
        self._task = self._bar.add_task(what, total=jobs if grid.sweep else epochs)
        self._done = 0
        self._shown = False
        self._began = time.perf_counter()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._bar.stop()

    def network(self, run: Run, network: Network) -> None:
        """Print the first network's shapes, above the bar."""
        if self._shown:
            return
        self._shown = True
        self._bar.stop()
        title = f"first job, {run.name}" if self._sweep else run.name
        printer().print(Text(title), shapes(network), Text(workspace(network)), sep="\n")
        self._bar.start()

    def epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        if not self._sweep:
            self._bar.update(self._task, completed=epoch)

    def ended(self, run: Run) -> None:
        now, began, self._began = time.perf_counter(), self._began, time.perf_counter()
        self._done += 1
        if not self._sweep or self._bar.disable:
            return
        self._bar.update(self._task, completed=self._done)
        line = f"{self._done:{self._width}}  {run.name}  {outcome(run)}  {now - began:.2f} s"
        with contextlib.suppress(OSError):
            self._bar.console.print(Text(line, style=COLOURS[run.status]))
