"""The process that brings journals into MLflow: beside training, not in it.

MLflow takes seconds to import and milliseconds per call, most of them under Python's lock. Here it costs training
nothing, can break nothing, and sees what a replay sees: the journal.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import queue
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.experiment.journal import FILE as JOURNAL
from workbench.experiment.journal import folders
from workbench.experiment.shapes import FILE as NETWORK
from workbench.experiment.sweep import Sweep
from workbench.files import replacing
from workbench.plugins.tracking import _present
from workbench.plugins.tracking._store import experiment_id, open_store, prepare

if TYPE_CHECKING:
    from mlflow import MlflowClient

FLUSH_SECONDS = 0.25  # a sweep of short jobs waits at its end for what has piled up since the last flush
REMEMBERED = "mlflow.json"
KEY, PARAM, TAG = 250, 6000, 8000  # MLflow's limits, in characters


class Recorder:
    """Keeps MLflow up with the journal in ``directory``, and with those of a sweep's runs in its subfolders."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._client: MlflowClient | None = None
        self._mirrors: dict[Path, Mirror] = {}

    def catch_up(self) -> None:
        """Send what is new. Whatever MLflow raises comes through; what was not sent is sent the next time."""
        if self._client is None:
            self._client = open_store(self.directory.parent)
        for directory in [self.directory, *folders(self.directory)]:
            if directory not in self._mirrors:
                self._mirrors[directory] = Mirror(self._client, directory, self._mirrors.get(self.directory))
            self._mirrors[directory].catch_up()

    def finish(self) -> list[str]:
        """Send the rest, settle what never ended, and make it presentable. Returns the page to open."""
        self.catch_up()
        assert self._client is not None
        for mirror in self._mirrors.values():
            mirror.finish()
        first = self._mirrors[self.directory]
        if not first.is_sweep:
            return [_present.run_page(first.experiment_id, first.run_id)]
        sweep = Sweep.replay(self.directory)
        children = {run.id: self._mirrors[run.directory].run_id for run in sweep.runs}
        return [_present.present(self._client, sweep, first.experiment_id, first.run_id, children, first.started_ms)]


class Mirror:
    """One journal and its MLflow run. Sending a journal twice changes nothing: the folder remembers the run."""

    run_id: str
    experiment_id: str
    started_ms: int

    def __init__(self, client: MlflowClient, directory: Path, parent: Mirror | None) -> None:
        self.is_sweep = False
        self._client = client
        self._directory = directory
        self._parent = parent
        self._offset = 0
        self._ended = False
        self._uploaded: dict[Path, int] = {}

    def catch_up(self) -> None:
        with (self._directory / JOURNAL).open("rb") as file:
            file.seek(self._offset)
            new = file.read()
        new = new[: new.rfind(b"\n") + 1]
        records = [json.loads(line) for line in new.splitlines()]
        if not records:
            return
        if self._offset == 0:
            self._begin(records[0])
        self._send(records)
        for record in records:
            if record["event"] == "ended":
                self._terminate(record["status"], record["time_ms"])
        if self._ended:
            self._upload()
        self._offset += len(new)

    def finish(self) -> None:
        """Mark a run KILLED whose journal stops without an end."""
        if not self._ended:
            self._upload()
            self._terminate("KILLED", None)

    def _begin(self, started: dict[str, Any]) -> None:
        self.is_sweep = "jobs" in started
        self.started_ms = started["time_ms"]
        self.experiment_id = experiment_id(self._client, started["experiment"], self._root)
        remembered = self._directory / REMEMBERED
        if remembered.is_file() and self._revive(json.loads(remembered.read_text())["run_id"]):
            return
        tags = {"workbench.id": started["id"], "workbench.kind": "sweep" if self.is_sweep else "run"}
        if self._parent is not None:
            tags["mlflow.parentRunId"] = self._parent.run_id
        run = self._client.create_run(self.experiment_id, started["time_ms"], tags, started["name"])
        self.run_id = run.info.run_id
        with replacing(remembered) as beside:
            beside.write_text(json.dumps({"run_id": self.run_id, "experiment_id": self.experiment_id}))

    def _revive(self, run_id: str) -> bool:
        """Take up a run that was sent before, unless this store does not know it."""
        from mlflow.exceptions import MlflowException

        try:
            run = self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        if run.info.lifecycle_stage == "deleted":
            self._client.restore_run(run_id)
        self.run_id = run_id
        return True

    def _send(self, records: list[dict[str, Any]]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        params: dict[str, Any] = {}
        tags: dict[str, Any] = {}
        metrics = []
        for record in records:
            match record["event"]:
                case "started":
                    params = record.get("params", {})
                    tags = record["tags"]
                case "tag":
                    tags[record["key"]] = record["value"]
                case "text" if record["path"] == NETWORK:
                    tags["mlflow.note.content"] = (self._directory / NETWORK).read_text(encoding="utf-8")
                case "ended" if record["error"]:
                    tags["workbench.error"] = record["error"]
                    tags["mlflow.note.content"] = f"**{record['status']}**\n```\n{record['error'][: TAG - 100]}\n```"
                case "metrics" | "results" as event:
                    # Results are the latest of their step, so that MLflow ranks by them: also after the last epoch
                    # of the same millisecond.
                    time_ms = record["time_ms"] + (event == "results")
                    metrics += [
                        Metric(_key(key), value, time_ms, record["step"])
                        for key, value in record["metrics"].items()
                        if math.isfinite(value)  # MLflow would store 1.8e308, and its charts would show nothing else
                    ]
        self._client.log_batch(
            self.run_id,
            metrics,
            [Param(_key(key), str(value)[:PARAM]) for key, value in params.items()],
            [RunTag(_key(key), str(value)[:TAG]) for key, value in tags.items()],
        )

    def _terminate(self, status: str, time_ms: int | None) -> None:
        self._client.set_terminated(self.run_id, status, time_ms)
        self._ended = True

    def _upload(self) -> None:
        for path in _files(self._directory):
            changed = path.stat().st_mtime_ns
            if self._uploaded.get(path) != changed:
                folder = path.parent.relative_to(self._directory).as_posix()
                self._client.log_artifact(self.run_id, str(path), None if folder == "." else folder)
                self._uploaded[path] = changed

    @property
    def _root(self) -> Path:
        return (self._parent._directory if self._parent else self._directory).parent


def _files(directory: Path) -> Iterator[Path]:
    """What is to be uploaded; hidden files are being written."""
    for path in sorted(directory.glob("[!.]*")):
        if path.is_dir() and not (path / JOURNAL).exists():
            yield from _files(path)
        elif path.is_file() and path.name not in (JOURNAL, REMEMBERED):
            yield path


def _key(name: str) -> str:
    """``name`` in the characters MLflow allows in keys."""
    return re.sub(r"[^/\w.\- :]", "_", name)[:KEY]


def main() -> None:
    """Follow the folder that stdin's first line names until a second line, or the end, comes in.

    Then finish and answer with a line of JSON.
    """
    # What MLflow's import makes stays for good: the collector would search it for a second in all, and again at exit.
    gc.disable()
    with contextlib.suppress(Exception):  # whoever needs it tries again, and reports
        prepare()
    directory = sys.stdin.readline()
    if not directory:
        return
    recorder = Recorder(Path(json.loads(directory)))
    told: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: told.put(sys.stdin.readline()), daemon=True).start()
    _try(recorder)
    gc.freeze()
    gc.enable()
    while True:
        try:
            told.get(timeout=FLUSH_SECONDS)
            break
        except queue.Empty:
            _try(recorder)
    try:
        answer = {"links": recorder.finish()}
    except WorkbenchError as error:
        answer = {"problem": str(error)}
    except Exception as error:  # MLflow and what lies below it may raise anything
        answer = {"problem": traceback.format_exception_only(error)[0].partition("\n")[0]}
    with contextlib.suppress(BrokenPipeError):  # whoever asked may have been killed
        os.write(sys.stdout.fileno(), json.dumps(answer).encode())
    gc.freeze()


def _try(recorder: Recorder) -> None:
    with contextlib.suppress(Exception):  # the end tries again, and reports
        recorder.catch_up()


if __name__ == "__main__":
    main()
