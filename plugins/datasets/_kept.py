"""Arrays kept in the user's cache folder, so that what took long to read is read once."""

import contextlib
from zipfile import BadZipFile

import numpy as np

from workbench.files import cache_folder, replacing


def kept(name, state, make):
    """``make()``, a dict of arrays, or what is kept of it as ``name``, if that was made in the same ``state`` (text).

    A cache that cannot be read or written only means that it is made anew.
    """
    path = cache_folder() / f"{name}.npz"
    with contextlib.suppress(OSError, ValueError, EOFError, KeyError, BadZipFile), path.open("rb") as file:
        arrays = np.load(file, allow_pickle=False)
        if arrays["state"] == state:
            return {key: arrays[key] for key in arrays if key != "state"}
    made = make()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            np.savez(beside, state=state, **made)
    return made
