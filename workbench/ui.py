"""The MLflow server behind ``workbench ui``: on this machine only, with nothing switched on that we do not need."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.experiment.interrupt import signals_interrupt
from workbench.experiment.record import ROOT
from workbench.experiment.store import ENVIRONMENT, HOST, PORT, STORE

LOG = "mlflow-server.log"
START_SECONDS = 120  # seven on an idle laptop


@dataclass(frozen=True)
class Server:
    """A running server: its address and its process."""

    url: str
    process: subprocess.Popen


def serve(port: int = PORT, open_browser: bool = True, root: Path = ROOT) -> None:
    """Show the runs below ``root`` until Ctrl-C, or the like; on the next free port if ``port`` is taken.

    Raises ``WorkbenchError`` if there are no runs yet, no port is free, or the server does not start or stay.
    """
    try:
        with signals_interrupt(), server(port, root) as mlflow:
            print(f"MLflow shows the runs in {root} at {mlflow.url}  (Ctrl-C ends it)", flush=True)
            if open_browser:
                webbrowser.open(mlflow.url)
            mlflow.process.wait()
            raise _ended(mlflow.process, root)
    except KeyboardInterrupt:
        print("MLflow has ended.")


@contextlib.contextmanager
def server(port: int = PORT, root: Path = ROOT) -> Iterator[Server]:
    """An MLflow server on the store in ``root``, ended when the block is left. Raises as ``serve`` does."""
    store = root.absolute() / STORE
    if not store.is_file():
        raise WorkbenchError(f"There are no runs in {root.absolute()} yet: start one with `workbench run`.")
    free = _free_port(port)
    if free != port:
        print(f"Port {port} is taken, so this is {free}: put {free} into links that say {port}.", flush=True)
    uri = f"sqlite:///{store.as_posix()}"
    command = [
        *(sys.executable, "-P", "-m", "mlflow", "server", "--host", HOST, "--port", str(free), "--workers", "1"),
        *("--backend-store-uri", uri, "--registry-store-uri", uri),
        *("--no-serve-artifacts", "--default-artifact-root", (store.parent / "artifacts").as_uri()),
    ]
    with (root / LOG).open("wb") as log:
        # A session of its own: Ctrl-C reaches us alone, and the server's children can be ended with it.
        process = subprocess.Popen(
            command, env=os.environ | ENVIRONMENT, stdout=log, stderr=log, start_new_session=True
        )  # fmt: skip
    try:
        url = f"http://{HOST}:{free}"
        _wait_until_healthy(process, url, root)
        yield Server(url, process)
    finally:
        _end(process)


def _free_port(wanted: int) -> int:
    for port in range(wanted, min(wanted + 100, 65536)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return port
    raise WorkbenchError(f"No port from {wanted} on is free on {HOST}: choose another.")


def _wait_until_healthy(process: subprocess.Popen, url: str, root: Path) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise _ended(process, root)
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5):
            return
        time.sleep(0.1)
    raise WorkbenchError(f"MLflow's server was not ready within {START_SECONDS} seconds; {root / LOG} tells more.")


def _ended(process: subprocess.Popen, root: Path) -> WorkbenchError:
    return WorkbenchError(f"MLflow's server ended with code {process.returncode}; {root / LOG} tells why.")


def _end(process: subprocess.Popen) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
            return
