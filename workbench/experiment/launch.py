"""``workbench run``: from its arguments to an exit code."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from workbench.errors import ConfigError, WorkbenchError, did_you_mean
from workbench.experiment.draw import draw
from workbench.experiment.execute import execute, settle
from workbench.experiment.grid import CONF, Grid, grid, register
from workbench.experiment.interrupt import signals_interrupt
from workbench.experiment.progress import Progress
from workbench.experiment.provenance import tags
from workbench.experiment.record import notify
from workbench.experiment.report import report
from workbench.experiment.run import Run
from workbench.experiment.sweep import Sweep
from workbench.registry import registry

SWEEP_FLAGS = ("-m", "--multirun")
HYDRA_FLAGS = (
    *("-h", "--help", "--hydra-help", "--version", "-c", "--cfg", "--resolve", "-p", "--package"),
    *("-i", "--info", "-sc", "--shell-completion"),
)


def launch(arguments: list[str]) -> int:
    """Run what the arguments ask for; 0 when everything finished, 1 when a run failed, 130 when interrupted.

    Raises ``WorkbenchError``, with nothing written, for what cannot be run at all.
    """
    flags = [argument.split("=")[0] for argument in arguments if argument.startswith("-")]
    for flag in flags:
        if flag not in (*SWEEP_FLAGS, *HYDRA_FLAGS):
            raise ConfigError(f"`workbench run` has no flag {flag!r}{did_you_mean(flag, (*SWEEP_FLAGS, *HYDRA_FLAGS))}")
    if any(flag in HYDRA_FLAGS for flag in flags):
        return _hydra(arguments)
    with _plain_warnings():
        for problem in notify("launched"):
            warnings.warn(problem, stacklevel=1)
        with _uncollected():
            jobs = grid([a for a in arguments if a not in SWEEP_FLAGS], multirun=any(f in SWEEP_FLAGS for f in flags))
        for failure in registry().failures:  # it may have been meant to listen, and nobody would miss it
            warnings.warn(str(failure), stacklevel=1)
        with signals_interrupt():
            record = perform(jobs)
    report(record)
    return {"FINISHED": 0, "FAILED": 1, "KILLED": 130}[record.status]


def perform(jobs: Grid) -> Run | Sweep:
    """Carry the jobs out, in a run or a sweep that tells how it ended."""
    return _sweep(jobs) if jobs.sweep else _run(jobs)


def _run(jobs: Grid) -> Run:
    (job,) = jobs.jobs
    with Progress(jobs) as progress:
        return execute(job.name, job.config, None, progress.network, progress.epoch)


def _sweep(jobs: Grid) -> Sweep:
    """Every job in turn. A job that fails does not stop the others; an interrupt does."""
    first = jobs.jobs[0].config
    sweep = Sweep.start(first.name, first.name, jobs.varied, len(jobs.jobs), tags("sweep"))
    caught: BaseException | None = None
    try:
        sweep.notify("sweep_started", sweep=sweep)
        with Progress(jobs) as progress:
            for job in jobs.jobs:
                run = execute(job.name, job.config, sweep, progress.network, progress.epoch)
                progress.ended(run)
                if run.status == "KILLED":
                    raise KeyboardInterrupt(run.error)
        if finding := draw(sweep, "sweep", first.figures):
            sweep.set_finding(finding)
    except BaseException as error:
        caught = error
    settle(sweep, caught, "FINISHED" if all(run.status == "FINISHED" for run in sweep.runs) else "FAILED")
    if caught is not None and not isinstance(caught, WorkbenchError | KeyboardInterrupt):
        raise caught
    return sweep


def _hydra(arguments: list[str]) -> int:
    """Let Hydra answer --help, --cfg, --info and the shell's questions: it runs nothing then."""
    import hydra

    if "COMP_LINE" in os.environ:  # the shell completes `workbench run ...`; Hydra knows of no commands
        line = os.environ["COMP_LINE"].replace(" run ", " ", 1)
        os.environ.update(COMP_LINE=line, COMP_POINT=str(len(line)))
    register()
    sys.argv = ["workbench", *arguments]
    hydra.main(version_base="1.3", config_path=f"pkg://{CONF}", config_name="config")(_nothing)()
    return 0


def _nothing(config: Any) -> None:
    raise AssertionError("Hydra was to show something, not to run it")


@contextmanager
def _uncollected() -> Iterator[None]:
    """What is made here, most of it imports, stays for good: the garbage collector is kept from searching it.

    It would do so again and again while it grows, for half a second in all.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """What a learner warns the user of is one line, said once, without the place in our code."""
    told: set[str] = set()
    with warnings.catch_warnings():
        elsewhere: Callable[..., None] = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
            if category is not UserWarning:
                elsewhere(message, category, *place)
            elif str(message) not in told:
                told.add(str(message))
                print(f"workbench: warning: {message}", file=sys.stderr)

        warnings.showwarning = show  # type: ignore[assignment]
        yield
