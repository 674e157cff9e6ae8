"""What a result came from: versions, code and plugins, as tags."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
import subprocess
from pathlib import Path

import workbench
from workbench.registry import registry

LIBRARIES = ("numba", "numpy", "scipy", "scikit-learn", "hydra-core", "mlflow")


def tags(kind: str) -> dict[str, str]:
    """Tags of a new ``"run"`` or ``"sweep"``: what it is, which versions, which commit, which foreign plugins."""
    return {"workbench.kind": kind, **_this_process()}


@functools.cache
def _this_process() -> dict[str, str]:
    found = {"workbench.version": workbench.__version__, "version.python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[f"version.{library}"] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:  # a plain checkout on a path, without mlflow say
            continue
    for entry in registry().entries():
        if entry.origin != "built-in":
            file = Path(entry.file)
            digest = f" sha256:{hashlib.sha256(file.read_bytes()).hexdigest()[:16]}" if file.is_file() else ""
            found[f"plugin.{entry.plugin}"] = f"{entry.origin}{digest}"
    return found | _git()


def _git() -> dict[str, str]:
    """Commit of the working folder and whether its tracked files differ from it; nothing outside a repository."""
    git = ("git", "--no-optional-locks")
    try:
        commit = subprocess.run((*git, "rev-parse", "HEAD"), capture_output=True, text=True, check=True)
        changes = subprocess.run((*git, "status", "--porcelain", "-uno"), capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"git.commit": commit.stdout.strip(), "git.dirty": str(bool(changes.stdout)).lower()}
