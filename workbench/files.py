"""Files of our own: where they are kept, and that they are there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    import numpy as np


class NotWritten(WorkbenchError):
    """What the disk did not take: it is full, or not the user's to write to."""


def cache_folder() -> Path:
    """Where to keep what is slow to make: ``WORKBENCH_CACHE_DIR``, else a folder in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("WORKBENCH_CACHE_DIR") or Path(base) / "workbench")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of writing ``path`` into ``NotWritten``, which says what could not be written, and why."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        remedy = "Make room or make it writable, or work in another folder"
        raise NotWritten(f"{path} cannot be written: {reason}. {remedy}; what was written before stays.") from error


@contextlib.contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A hidden path beside ``file``, of the same suffix, to write to; it takes ``file``'s place when all went well.

    Otherwise nothing is left of it, and ``file`` is what it was. Raises what the writing raised.
    """
    beside = file.with_name(f".{secrets.token_hex(4)}_{file.name}")
    try:
        yield beside
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)


def save_tensors(tensors: Mapping[str, np.ndarray], file: Path, metadata: dict[str, str]) -> None:
    """Write a safetensors file. Raises ``OSError``."""
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    with replacing(file) as beside:
        try:
            save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, beside, metadata)
        except SafetensorError as error:
            raise OSError(str(error)) from error
