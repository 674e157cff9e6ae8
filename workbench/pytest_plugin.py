"""What pytest gets where the workbench is installed: fixtures for the tests of plugins and experiments.

They see the project that pytest was started in: its ``plugins`` and its ``conf``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workbench.experiment.config import Config
    from workbench.experiment.run import Run
    from workbench.experiment.sweep import Sweep
    from workbench.registry import Registry

PROJECT = ("plugins", "conf")


@pytest.fixture
def registry() -> Iterator[Registry]:
    """The registry, built anew: ``registry.get("activation", "swish2")``."""
    from workbench import registry as module

    module.registry.cache_clear()
    yield module.registry()
    module.registry.cache_clear()


@pytest.fixture
def compose(registry: Registry) -> Callable[..., Config]:
    """``compose("experiment=first", "seed=1")``: the checked configuration of one run, as ``workbench run`` sees it.

    Raises what the command would print, ``ConfigError``, ``UnknownName``, ``DataError``; the first also for a sweep.
    """
    from workbench.errors import ConfigError
    from workbench.experiment.grid import grid

    def compose(*arguments: str) -> Config:
        found = grid(arguments)
        if len(found.jobs) > 1:
            raise ConfigError(f"these are {len(found.jobs)} runs: choose one value each of {', '.join(found.varied)}.")
        return found.jobs[0].config

    return compose


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Run | Sweep]]:
    """``run("dataset=xor", "learner.activation=swish2")``: the run that ended; ``run("-m", ...)`` a sweep.

    It has ``status``, ``error``, ``params``, ``metrics``, ``figures``; a sweep has ``runs`` and a ``finding``. It is
    carried out in a temporary folder, and MLflow is not told. Raises what the command would print.
    """
    from workbench import registry as module
    from workbench.experiment.grid import grid
    from workbench.experiment.launch import SWEEP_FLAGS, perform

    disabled = os.environ.get("WORKBENCH_DISABLE_PLUGINS", "")
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", f"{disabled},tracking.mlflow")
    if folder := os.environ.get("WORKBENCH_PLUGINS_DIR"):
        monkeypatch.setenv("WORKBENCH_PLUGINS_DIR", str(Path(folder).absolute()))
    for name in PROJECT:
        if Path(name).is_dir() and not (tmp_path / name).exists():
            (tmp_path / name).symlink_to(Path(name).absolute())
    monkeypatch.chdir(tmp_path)
    module.registry.cache_clear()

    def run(*arguments: str) -> Run | Sweep:
        multirun = any(flag in SWEEP_FLAGS for flag in arguments)
        return perform(grid([each for each in arguments if each not in SWEEP_FLAGS], multirun))

    yield run
    module.registry.cache_clear()
