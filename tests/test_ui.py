"""``workbench ui``: a real MLflow server on a real store, on this machine only."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import synthetic

from workbench.errors import WorkbenchError
from workbench.experiment.store import HOST
from workbench.ui import serve, server

LISTENING = "0A"  # the state of a listening socket in /proc/net/tcp


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project") / "runs"
    synthetic.sweep(root, depths=(2,), seeds=(0,), notify=True)
    return root


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def listeners(port: int) -> list[str]:
    """The local addresses, as the kernel writes them, that anyone listens to on ``port``."""
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path("/proc/net", table).read_text().splitlines()[1:]]
    addresses = [row[1].split(":") for row in rows if row[3] == LISTENING]
    return [address for address, number in addresses if int(number, 16) == port]


def test_the_server_shows_the_store_on_loopback_only(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with server(port, root) as mlflow:
            ours = int(mlflow.url.rpartition(":")[2])
            assert ours != port
            assert capsys.readouterr().out.startswith(f"Port {port} is taken, so this is {ours}")
            query = f"{mlflow.url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=vanishing_gradient"
            with urllib.request.urlopen(query, timeout=30) as response:
                assert json.load(response)["experiment"]["lifecycle_stage"] == "active"
            if Path("/proc/net/tcp").is_file():
                assert listeners(ours) == ["0100007F"]  # 127.0.0.1, in the byte order of the machine
        assert mlflow.process.returncode is not None
    assert listeners(ours) == []


def test_ctrl_c_ends_it_cleanly(root: Path) -> None:
    port = a_free_port()
    script = f"from workbench.ui import serve; serve({port}, open_browser=False)"
    command = [sys.executable, "-W", "error", "-c", script]
    with subprocess.Popen(
        command, cwd=root.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert f"http://{HOST}:{port}" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=60)
    assert (output, error, process.returncode) == ("MLflow has ended.\n", "", 0)
    assert listeners(port) == []


HANGS_UP = """#!{python}
import os, pathlib, signal, time
pathlib.Path("server").write_text(str(os.getpid()))
os.kill(os.getppid(), signal.SIGHUP)
time.sleep(60)
"""


def test_a_closed_terminal_ends_it_too(tmp_path: Path) -> None:
    """A server that is not ready yet, which is quicker."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mlflow.db").touch()
    (tmp_path / "python").write_text(HANGS_UP.format(python=sys.executable))
    (tmp_path / "python").chmod(0o755)
    script = "import sys; from workbench.ui import serve; sys.executable = './python'; serve(open_browser=False)"
    command = [sys.executable, "-W", "error", "-c", script]
    ended = subprocess.run(command, cwd=tmp_path, timeout=60, capture_output=True, text=True, check=False)
    assert (ended.stdout.splitlines()[-1], ended.stderr, ended.returncode) == ("MLflow has ended.", "", 0)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "server").read_text()), 0)


def test_without_runs_there_is_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="no runs in .* yet: start one with `workbench run`"):
        serve(root=tmp_path)


def test_a_server_that_ends_at_once_says_where_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mlflow.db").touch()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(WorkbenchError, match=r"ended with code 1; .*mlflow-server\.log tells why"), server(0, tmp_path):
        pass
