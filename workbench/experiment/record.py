"""What a run and a sweep have in common: a folder with a journal, a status, figures, and plugins that listen."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from workbench.experiment import journal
from workbench.files import NotWritten, replacing, writing
from workbench.registry import registry

if TYPE_CHECKING:
    from matplotlib.animation import Animation
    from matplotlib.figure import Figure

Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
ROOT = Path("runs")


def new_id() -> str:
    """A new identifier that sorts by time, such as ``20260131-235959-123456-9f3a1c`` (UTC)."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(3)}"


def notify(hook: str, **arguments: Any) -> Iterator[str]:
    """Call every plugin that listens to ``hook``, and tell which have raised, and what."""
    for listener in reversed(getattr(registry().hook, hook).get_hookimpls()):
        try:
            listener.function(**{name: arguments[name] for name in listener.argnames})
        except (Exception, SystemExit) as error:  # a stranger's listener may do anything; the journal is the truth
            yield f"plugin {listener.plugin_name!r} failed in {hook}: {type(error).__name__}: {error}"


class Record:
    """A folder whose journal tells everything: ``replay`` rebuilds the object from it alone.

    ``links`` are lines a plugin wants printed last; ``problems`` says what went wrong beside the work itself.
    """

    def __init__(self, directory: Path, id: str, name: str, experiment: str, tags: Mapping[str, str]) -> None:
        self.directory = directory.absolute()
        self.id = id
        self.name = name
        self.experiment = experiment
        self.tags = dict(tags)
        self.status: Status = "RUNNING"
        self.error: str | None = None
        self.figures: dict[str, Path] = {}
        self.links: list[str] = []
        self.problems: list[str] = []
        self._journal: journal.Journal | None = None

    def _open(self, **fields: Any) -> None:
        """Create the folder, which must be new, and begin the journal. Raises ``NotWritten``, with nothing left."""
        with writing(self.directory):
            self.directory.mkdir(parents=True, exist_ok=False)
        try:
            self._journal = journal.Journal(self.directory / journal.FILE)
            self._write(
                "started", id=self.id, name=self.name, experiment=self.experiment, tags=self.tags, **fields
            )  # fmt: skip
        except BaseException:
            self.close()
            shutil.rmtree(self.directory, ignore_errors=True)
            raise

    def _write(self, event: str, **fields: Any) -> None:
        if self._journal is None:
            raise ValueError(f"{self.directory} is closed: nothing can be added.")
        self._journal.append(event, **fields)

    def _apply(self, record: Mapping[str, Any]) -> None:
        """Take over one record of the journal, when replaying it."""
        match record["event"]:
            case "tag":
                self.tags[record["key"]] = record["value"]
            case "figure":
                self.figures[record["name"]] = self.directory / record["path"]
            case "problem":
                self.problems.append(record["text"])
            case "ended":
                self.status, self.error = record["status"], record["error"]

    def _replayed(self, records: list[dict[str, Any]]) -> Self:
        for record in records:
            self._apply(record)
        return self

    def end(self, status: Status, error: str | None = None) -> None:
        """Settle how it ended, safely on disk. Listeners may still add to it until ``close``.

        Where that raises ``NotWritten``, it has failed.
        """
        self.status, self.error = status, error
        try:
            self._write("ended", status=status, error=error)
            assert self._journal is not None
            self._journal.sync()
        except NotWritten as unwritten:
            self.status, self.error = "FAILED" if status == "FINISHED" else status, error or str(unwritten)
            raise

    def close(self) -> None:
        """Close the journal; writing more raises ``ValueError``."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def set_tag(self, key: str, value: str) -> None:
        self.tags[key] = value
        self._write("tag", key=key, value=value)

    def log_figure(self, name: str, figure: Figure | Animation) -> None:
        """Save a figure as ``figures/<name>.png``, one that moves as ``figures/<name>.gif``."""
        if hasattr(figure, "savefig"):
            path = self._inside(f"figures/{name}.png")
            with writing(path), replacing(path) as beside:
                figure.savefig(beside, dpi=150)
        else:
            path = self._inside(f"figures/{name}.gif")
            with writing(path), replacing(path) as beside:
                figure.save(beside, writer="pillow", dpi=80)
        self.figures[name] = path
        self._write("figure", name=name, path=str(path.relative_to(self.directory)))

    def log_text(self, path: str, text: str) -> None:
        """Write ``text`` to ``path`` inside the folder."""
        inside = self._inside(path)
        with writing(inside), replacing(inside) as beside:
            beside.write_text(text, encoding="utf-8")
        self._write("text", path=path)

    def _inside(self, path: str) -> Path:
        inside = self.directory / path
        if not inside.resolve().is_relative_to(self.directory.resolve()):
            raise ValueError(f"{path!r} lies outside {self.directory}.")
        with writing(inside):
            inside.parent.mkdir(parents=True, exist_ok=True)
        return inside

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call every plugin that listens to ``hook``. One that raises is noted and stops nobody."""
        for problem in notify(hook, **arguments):
            self.note(problem)

    def note(self, problem: str) -> None:
        """Remember what went wrong beside the work itself, once, to be told at the end."""
        if problem not in (*self.problems, self.error):
            self.problems.append(problem)
            with contextlib.suppress(NotWritten):  # it is told all the same
                self._write("problem", text=problem)
