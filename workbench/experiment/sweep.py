"""A sweep: the same experiment over a grid of settings, one run per job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from workbench.experiment import journal
from workbench.experiment.record import ROOT, Record, new_id
from workbench.experiment.run import Run


class Sweep(Record):
    """A sweep and its folder, which holds its runs' folders.

    ``varied`` are the dotted keys of ``Run.params`` that differ between jobs, ``jobs`` how many there are to be and
    ``runs`` those that have ended, in order. ``finding`` says in words what came out.
    """

    def __init__(
        self,
        directory: Path,
        *,
        id: str,
        name: str,
        experiment: str,
        varied: list[str],
        jobs: int,
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(directory, id, name, experiment, tags)
        self.varied = varied
        self.jobs = jobs
        self.runs: list[Run] = []
        self.finding: str | None = None

    @classmethod
    def start(
        cls, name: str, experiment: str, varied: list[str], jobs: int, tags: Mapping[str, str], root: Path = ROOT
    ) -> Self:
        """Begin a sweep in a folder of its own below ``root``. Raises ``NotWritten``."""
        id = new_id()
        folder = root / f"{id}_{experiment}"
        sweep = cls(folder, id=id, name=name, experiment=experiment, varied=varied, jobs=jobs, tags=tags)
        sweep._open(varied=varied, jobs=jobs)
        return sweep

    @classmethod
    def replay(cls, directory: Path) -> Self:
        """Rebuild a sweep and its runs from its folder alone, less those that were stopped before they began."""
        started, *records = journal.read(directory)
        fields = {key: started[key] for key in ("id", "name", "experiment", "varied", "jobs", "tags")}
        sweep = cls(directory, **fields)._replayed(records)
        sweep.runs = [Run.replay(folder, sweep) for folder in journal.folders(directory)]
        return sweep

    def set_finding(self, finding: str) -> None:
        """State what the sweep found, also as ``finding.md``."""
        self.finding = finding
        self._write("finding", text=finding)
        self.log_text("finding.md", finding + "\n")

    def _apply(self, record: Mapping[str, Any]) -> None:
        if record["event"] == "finding":
            self.finding = record["text"]
        else:
            super()._apply(record)
