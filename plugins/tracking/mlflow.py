"""Shows every run and sweep in MLflow. What it cannot send stays in the journal, and ``replay`` sends it later."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import WorkbenchError, hookimpl
from workbench.experiment.journal import FILE as JOURNAL
from workbench.experiment.journal import begun
from workbench.experiment.store import ENVIRONMENT

if TYPE_CHECKING:
    from workbench.experiment.record import Record
    from workbench.experiment.run import Run
    from workbench.experiment.sweep import Sweep

_idle: list[subprocess.Popen] = []
_recorders: dict[Path, subprocess.Popen] = {}


@hookimpl
def launched() -> None:
    if not _idle:
        _idle.append(_recorder())


@atexit.register
def _dismiss() -> None:
    """End the recorder that nobody needed: the command was refused."""
    while _idle:
        with _idle.pop() as recorder:
            recorder.kill()


@hookimpl
def run_started(run: Run) -> None:
    if run.sweep is None:  # a sweep's runs are followed by the process that follows the sweep
        _recorders[run.directory] = _follow(run.directory)


@hookimpl
def run_ended(run: Run) -> None:
    if run.sweep is None:
        _finish(run)


@hookimpl
def sweep_started(sweep: Sweep) -> None:
    _recorders[sweep.directory] = _follow(sweep.directory)


@hookimpl
def sweep_ended(sweep: Sweep) -> None:
    from workbench.plugins.tracking._report import html

    try:
        sweep.log_text("report.html", html(sweep))
    finally:
        _finish(sweep)


def replay(directory: Path) -> list[str]:
    """Send the journals of a run or a sweep into MLflow; what is there already stays as it is. Returns links.

    A run of a sweep brings the sweep along.
    Raises ``WorkbenchError`` if there is no journal in ``directory``, or an empty one, or MLflow does not take it.
    """
    directory = directory.absolute()
    if not begun(directory):
        raise WorkbenchError(f"{directory} holds no {JOURNAL} with a record: name the folder of a run or a sweep.")
    if begun(directory.parent):
        directory = directory.parent
    return _answer(directory, _follow(directory))


def _follow(directory: Path) -> subprocess.Popen:
    recorder = _idle.pop() if _idle else _recorder()
    assert recorder.stdin is not None
    recorder.stdin.write(json.dumps(str(directory)).encode() + b"\n")
    recorder.stdin.flush()
    return recorder


def _recorder() -> subprocess.Popen:
    """A process that gets ready to follow a run, of which it is told later."""
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # it shall find what we found
    quiet = {"MLFLOW_LOGGING_LEVEL": "ERROR"}
    return subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", "-m", f"{__package__}._recorder"],
        env=os.environ | ENVIRONMENT | paths | quiet,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us; the recorder still has to write down how it ended
    )


def _finish(record: Record) -> None:
    try:
        links = _answer(record.directory, _recorders.pop(record.directory, None) or _follow(record.directory))
    except WorkbenchError as error:  # the run itself is well
        record.note(str(error))
        return
    record.links += ["To see it in MLflow, run `workbench ui` and open", *links]


def _answer(directory: Path, recorder: subprocess.Popen) -> list[str]:
    output, _ = recorder.communicate(b"end\n")
    try:
        answer = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        answer = {"problem": f"its process ended with code {recorder.returncode}"}
    if "problem" in answer:
        raise WorkbenchError(
            f"MLflow did not take everything ({answer['problem']}). Nothing is lost, the journal has it all: "
            f"`python -m {__package__}.mlflow {os.path.relpath(directory)}` sends it again."
        )
    return answer["links"]


if __name__ == "__main__":
    try:
        for argument in sys.argv[1:]:
            print(*replay(Path(argument)), sep="\n")
    except WorkbenchError as error:
        sys.exit(str(error))
