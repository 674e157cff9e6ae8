"""The MLflow store of a project: ``runs/mlflow.db``, safe to open by many processes at once."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import sqlite3
import tempfile
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
    """A client on ``root``'s store, which is created if there is none, as a whole or not at all.

    Raises ``WorkbenchError`` at once if the file is no database, where MLflow would try for minutes, or a damaged one.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    _commit_without_waiting()
    database = root.absolute() / STORE
    # MLflow creates its tables unguarded: of 16 processes that open a new store at once, 14 would fail.
    with (root / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not database.exists():
            _create(database)
        try:
            _log_ahead(database)
            return MlflowClient(f"sqlite:///{database.as_posix()}")
        except (sqlite3.Error, SQLAlchemyError, MlflowException) as error:
            said = str(error).partition("\n")[0]
            remedy = f"Make room if the disk is full; if not, mend it or move {STORE}* away"
            raise WorkbenchError(f"{database}: {said}. {remedy}") from None


def _create(database: Path) -> None:
    """Create the store in a folder of its own, then move it: MLflow cannot go on where its migrations broke off.

    Raises ``WorkbenchError`` if the disk is full.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from sqlalchemy.exc import OperationalError

    with tempfile.TemporaryDirectory(prefix=".mlflow_", dir=database.parent) as folder:
        beside = Path(folder, STORE)
        try:
            _log_ahead(beside)
            SqlAlchemyStore(f"sqlite:///{beside.as_posix()}", _artifacts(database.parent)).engine.dispose()
            with contextlib.closing(sqlite3.connect(beside)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # closing does it too, but fails in silence
        except (sqlite3.OperationalError, OperationalError) as error:
            said = str(error).partition("\n")[0]
            raise WorkbenchError(f"{database} cannot be created: {said}. Make room if the disk is full") from None
        for left in ("-wal", "-shm"):  # of a store removed by hand: SQLite would apply them to the new one
            database.with_name(STORE + left).unlink(missing_ok=True)
        os.replace(beside, database)


def _log_ahead(database: Path) -> None:
    """Let readers and a writer work at once, and see that it can be read so: MLflow would try for minutes."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")  # kept in the file
        connection.execute("SELECT count(*) FROM sqlite_master")


def experiment_id(client: MlflowClient, name: str, root: Path) -> str:
    """The experiment's id; a new one keeps its artifacts in ``root``, one deleted by hand is brought back."""
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        tags = {"mlflow.experimentKind": "custom_model_development"}
        try:
            return client.create_experiment(name, artifact_location=_artifacts(root), tags=tags)
        except MlflowException:  # another process was faster
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return experiment.experiment_id


def _artifacts(root: Path) -> str:
    """Left to itself, MLflow puts artifacts below the folder of whatever process opened the store first."""
    return (root.absolute() / "artifacts").as_uri()


@functools.cache
def _commit_without_waiting() -> None:
    """Do not wait for the disk at each commit: after a power cut, the journals are the truth."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=NORMAL")
