"""Arrays kept in the user's cache folder, so that what took long to read is read once."""

import contextlib
import os
import tempfile
from pathlib import Path
from zipfile import BadZipFile

import numpy as np


def folder():
    """``WORKBENCH_CACHE_DIR``, else the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("WORKBENCH_CACHE_DIR") or Path(base) / "workbench")


def kept(name, state, make):
    """``make()``, a dict of arrays, or what is kept of it as ``name``, if that was made in the same ``state`` (text).

    A cache that cannot be read or written only means that it is made anew.
    """
    path = folder() / f"{name}.npz"
    with contextlib.suppress(OSError, ValueError, EOFError, KeyError, BadZipFile), path.open("rb") as file:
        arrays = np.load(file, allow_pickle=False)
        if arrays["state"] == state:
            return {key: arrays[key] for key in arrays if key != "state"}
    made = make()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as unfinished:
            np.savez(Path(unfinished, path.name), state=state, **made)
            os.replace(Path(unfinished, path.name), path)
    return made
