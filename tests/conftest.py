"""Fixtures: an empty project to work in, the command line on it, the wheel, and PyTorch."""

import gc
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

FAKES = Path(__file__).parent / "fakes" / "fakes.py"

# Threads of PyTorch and scikit-learn that have nothing to do would spin, and take the processor from the other tests.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture
def project(tmp_path, monkeypatch, request):
    """A fresh working folder, no ``WORKBENCH_`` setting but the (shared, hence warm) kernel cache."""
    from workbench.experiment import provenance
    from workbench.registry import registry

    cache = os.environ.get("WORKBENCH_CACHE_DIR") or str(request.config.cache.mkdir("workbench-kernels"))
    for name in [name for name in os.environ if name.startswith(("WORKBENCH_", "MLFLOW_", "HYDRA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WORKBENCH_CACHE_DIR", cache)
    monkeypatch.chdir(tmp_path)
    caches = (registry, provenance._this_process)
    for cached in caches:
        cached.cache_clear()
    yield tmp_path
    gc.unfreeze()  # a command of its own freezes what it leaves behind
    for cached in caches:
        cached.cache_clear()


@pytest.fixture
def fakes(project, monkeypatch):
    """A project with the plugin ``fakes``, and no MLflow: what it hears lies in ``heard.jsonl``."""
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "tracking.mlflow")
    (project / "plugins").mkdir()
    shutil.copy(FAKES, project / "plugins")
    return project


@pytest.fixture
def heard(project):
    """What the listener in ``fakes`` has heard, oldest first."""

    def heard(hook=None):
        lines = (project / "heard.jsonl").read_text().splitlines() if (project / "heard.jsonl").exists() else []
        return [told for told in map(json.loads, lines) if hook in (None, told["hook"])]

    return heard


@pytest.fixture
def workbench(project, capsys):
    """Run the command line in this process: ``workbench("run", "seed=1")`` has ``code``, ``out`` and ``err``."""
    from workbench.cli import main

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(arguments)
        said = capsys.readouterr()
        return SimpleNamespace(code=left.value.code or 0, out=said.out, err=said.err)

    return run


@pytest.fixture
def process(project):
    """Run the command line in a process of its own; ``start=True`` does not wait for it."""

    def run(*arguments, start=False):
        command = [sys.executable, "-m", "workbench", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return (
            subprocess.Popen(command, **pipes) if start else subprocess.run(command, timeout=60, check=False, **pipes)
        )

    return run


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel, as it is published; ``Installation(folder, wheel)`` installs it."""
    from installation import build

    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def torch():
    """PyTorch, an independent reference; tests that need it are skipped, and say so, where it is not installed."""
    return pytest.importorskip("torch", reason="PyTorch, the reference of this test, is not installed")


def pytest_terminal_summary(terminalreporter):
    """The table of mutants, wherever they were tried: a parallel run brings only reports back."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    properties = [p for report in reports for p in getattr(report, "user_properties", ()) if report.when == "call"]
    rows = [value for name, value in properties if name == "mutant"]
    if not rows:
        return
    terminalreporter.section("mutants of the built-in plugins")
    for kind, name, mistake, by in sorted(map(tuple, rows)):
        terminalreporter.write_line(f"{kind:12}{name:22}{mistake:60} {by}")
    found = [by for *_, by in rows if not by.startswith("SURVIVES")]
    warned = sum(by.endswith("(warns)") for by in found)
    share = f"{len(found) / len(rows):.1%}, {warned} by a warning only"
    terminalreporter.write_line(f"{len(found)} of {len(rows)} mutants caught ({share})")
