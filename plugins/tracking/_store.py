"""The MLflow store of a project: ``runs/mlflow.db``, safe to open by many processes at once."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.experiment.store import STORE

if TYPE_CHECKING:
    from mlflow import MlflowClient


def prepare() -> None:
    """Import what opening a store takes, which is most of the time that it takes."""
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401


def open_store(root: Path) -> MlflowClient:
    """A client on ``root``'s store, which is created if there is none.

    Raises ``WorkbenchError`` at once if the file is no database, where MLflow would try for minutes.
    """
    from mlflow import MlflowClient

    _commit_without_waiting()
    database = root.absolute() / STORE
    # MLflow creates its tables unguarded: of 16 processes that open a new store at once, 14 would fail.
    with (root / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with contextlib.closing(sqlite3.connect(database)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")  # kept in the file: readers and a writer work at once
        except sqlite3.Error as error:
            raise WorkbenchError(f"{database}: {error}. Mend it or move it away") from None
        return MlflowClient(f"sqlite:///{database.as_posix()}")


def experiment_id(client: MlflowClient, name: str, root: Path) -> str:
    """The experiment's id; a new one keeps its artifacts in ``root``, one deleted by hand is brought back."""
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        # Left to itself, MLflow puts artifacts below the folder of whatever process opened the store first.
        location = (root.absolute() / "artifacts").as_uri()
        tags = {"mlflow.experimentKind": "custom_model_development"}
        try:
            return client.create_experiment(name, artifact_location=location, tags=tags)
        except MlflowException:  # another process was faster
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return experiment.experiment_id


@functools.cache
def _commit_without_waiting() -> None:
    """Do not wait for the disk at each commit: after a power cut, the journals are the truth."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=NORMAL")
